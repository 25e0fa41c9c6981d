//! One attempt's view of the host: everything that a connector can ask for, as plain methods in the words of the domain.
//!
//! The guest's bindings call these, and so does a connector that runs natively in a benchmark. Nothing here knows
//! wasmtime; what each capability does is in `capability/`.

use std::mem;
use std::sync::Arc;

use gladhand_core::attempt::{Attempt, Cost};
use gladhand_core::connection::Connection;
use gladhand_core::failure::Failure;
use gladhand_core::outcome::Outcome;
use gladhand_egress::Target;

use crate::call::{Call, Ended, Report, Services};
use crate::capability::links::Relinks;
use crate::capability::log::SharedLog;
use crate::ended::{self, Seen};
use crate::limits::Limits;
use crate::stop::Stop;

/// One attempt's view of the host.
pub struct Host {
    pub(crate) services: Arc<Services>,
    pub(crate) attempt: Attempt,
    pub(crate) target: Arc<Target>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) purpose: Purpose,
    pub(crate) limits: Limits,
    pub(crate) log: SharedLog,
    /// Links that led nowhere.
    pub(crate) relinks: Relinks,
    /// Bytes of links and cache entries that the attempt left behind so far.
    pub(crate) kept_bytes: usize,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Bringing an event into the CRM.
    Delivery,
    /// Finding out about the CRM; what it finds may be kept in variables.
    Setup,
}

impl Host {
    /// The host as `call` sees it.
    pub fn new(services: Arc<Services>, call: Call, purpose: Purpose, limits: Limits) -> Self {
        Self {
            services,
            attempt: call.attempt,
            target: call.target,
            connection: call.connection,
            purpose,
            limits,
            log: SharedLog::new(&limits),
            relinks: Relinks::default(),
            kept_bytes: 0,
        }
    }

    /// Ends a delivery's call that ran natively.
    pub fn finish(self, result: Result<Result<Outcome, Failure>, Stop>) -> Report {
        let seen = Seen {
            refused: self.attempt.refused.clone(),
            ..Seen::default()
        };
        let ended = ended::of_delivery(result.map_err(wasmtime::Error::new), &seen);
        self.report(ended, Cost::default())
    }

    /// What the caller gets, without any secret of the account. Of the cost, what the CRM took is the attempt's to say.
    pub(crate) fn report(self, ended: Ended, cost: Cost) -> Report {
        let scrub = |text: &mut String| *text = self.target.scrub(mem::take(text));
        let ended = match ended {
            Ended::Failure(mut failure) => {
                scrub(&mut failure.message);
                Ended::Failure(failure)
            }
            ended => ended,
        };
        let mut log = self.log.take();
        for line in &mut log {
            scrub(&mut line.message);
            for (_, value) in &mut line.fields {
                scrub(value);
            }
        }
        Report {
            ended,
            cost: Cost {
                http_us: u64::try_from(self.attempt.waited.as_micros()).unwrap_or(u64::MAX),
                http_calls: self.attempt.http_calls,
                ..cost
            },
            attempt: self.attempt,
            log,
        }
    }

    /// Counts bytes that the attempt leaves behind; a connector that leaves too much is ended.
    pub(crate) fn keep(&mut self, bytes: usize) -> Result<(), Stop> {
        self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        if self.kept_bytes > self.limits.kept_bytes {
            return Err(Stop::misuse(format!(
                "the connector left more than {} bytes of links and cache entries in one call: it must keep less",
                self.limits.kept_bytes
            )));
        }
        Ok(())
    }
}
