//! What a simulator was asked: a bounded log of requests, and who overlapped with whom. It knows no provider.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use gladhand_core::clock::Timestamp;

use crate::fault::Fault;

/// One request, as it arrived and as it ended.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Counts requests from 0, in order of arrival.
    pub number: u64,
    /// Its method.
    pub method: String,
    /// Its path without the query.
    pub path: String,
    /// Its query as sent, without the `?`.
    pub query: String,
    /// Its body as sent.
    pub body: Bytes,
    /// The credential it came with.
    pub token: Option<String>,
    /// When it arrived.
    pub at: Timestamp,
    /// When it was answered or cut off; none while it is running, or where the client left first.
    pub until: Option<Timestamp>,
    /// The status that was sent; none where the connection was reset.
    pub status: Option<u16>,
    /// How many other requests with the same credential were running when it arrived.
    pub overlap: u32,
    /// What was made to go wrong.
    pub fault: Option<Fault>,
}

/// The log.
#[derive(Debug)]
pub struct Log {
    inner: Mutex<Inner>,
    kept: usize,
}

/// A request that is running; dropping it ends the overlap, also when the client left.
#[derive(Debug)]
pub struct Running<'a> {
    log: &'a Log,
    number: u64,
    token: Option<String>,
}

#[derive(Debug, Default)]
struct Inner {
    requests: VecDeque<Seen>,
    count: u64,
    running: HashMap<String, u32>,
}

impl Log {
    /// Keeps the newest `kept` requests.
    pub fn new(kept: usize) -> Self {
        Self {
            inner: Mutex::default(),
            kept: kept.max(1),
        }
    }

    /// Notes an arrival; its number, overlap and end are filled in here.
    pub fn arrived(&self, seen: Seen) -> Running<'_> {
        let mut inner = self.lock();
        let number = inner.count;
        inner.count += 1;
        let token = seen.token.clone();
        let overlap = token.as_ref().map_or(0, |token| {
            let running = inner.running.entry(token.clone()).or_default();
            *running += 1;
            *running - 1
        });
        if inner.requests.len() == self.kept {
            inner.requests.pop_front();
        }
        inner.requests.push_back(Seen {
            number,
            overlap,
            ..seen
        });
        Running {
            log: self,
            number,
            token,
        }
    }

    /// The requests that are still kept, in order of arrival.
    pub fn all(&self) -> Vec<Seen> {
        self.lock().requests.iter().cloned().collect()
    }

    /// How many requests arrived since the start.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Forgets what was asked so far; numbers go on.
    pub fn clear(&self) {
        self.lock().requests.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .expect("no user of the log panics while holding it")
    }
}

impl Running<'_> {
    /// Notes the end; `status` is none where the connection was reset.
    pub fn ended(self, status: Option<u16>, at: Timestamp) {
        let mut inner = self.log.lock();
        let first = inner.requests.front().map_or(0, |seen| seen.number);
        let position = self
            .number
            .checked_sub(first)
            .and_then(|position| usize::try_from(position).ok());
        if let Some(seen) = position.and_then(|position| inner.requests.get_mut(position)) {
            seen.status = status;
            seen.until = Some(at);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(token) = self.token.take() else {
            return;
        };
        let mut inner = self.log.lock();
        if let Some(running) = inner.running.get_mut(&token) {
            *running -= 1;
            if *running == 0 {
                inner.running.remove(&token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(token: &str) -> Seen {
        Seen {
            number: 0,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            body: Bytes::new(),
            token: Some(token.to_owned()),
            at: Timestamp(0),
            until: None,
            status: None,
            overlap: 0,
            fault: None,
        }
    }

    #[test]
    fn only_requests_with_the_same_credential_overlap() {
        let log = Log::new(10);
        let first = log.arrived(arrival("a"));
        let _other = log.arrived(arrival("b"));
        let _second = log.arrived(arrival("a"));
        first.ended(Some(200), Timestamp(5));
        let _third = log.arrived(arrival("a"));
        let overlaps: Vec<_> = log.all().iter().map(|seen| seen.overlap).collect();
        assert_eq!(overlaps, [0, 0, 1, 1]);
        assert_eq!(log.all()[0].status, Some(200));
    }

    #[test]
    fn only_the_newest_are_kept_and_an_end_that_comes_too_late_is_dropped() {
        let log = Log::new(1);
        let first = log.arrived(arrival("a"));
        let _second = log.arrived(arrival("b"));
        first.ended(Some(200), Timestamp(5));
        assert_eq!(log.all().len(), 1);
        assert_eq!((log.all()[0].number, log.all()[0].status), (1, None));
        assert_eq!(log.count(), 2);
    }
}
