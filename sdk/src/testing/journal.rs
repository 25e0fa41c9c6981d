//! Effects as the real host treats them (design: Effects 4 and 5), without durability.

use crate::http::{Effect, Error, Request, Response, Verdict};
use crate::testing::Answer;

/// What is known of every effect of every delivery.
#[derive(Default)]
pub(super) struct Journal {
    rows: Vec<Row>,
}

struct Row {
    delivery: String,
    /// Of a `once` the account's keys, of a `set` the delivery's one.
    keys: Vec<String>,
    is_once: bool,
    content: Option<Vec<u8>>,
    verdict: Verdict,
    answer: Option<Response>,
    at: u64,
}

/// What a request comes to before it is sent.
pub(super) enum Before {
    /// Send it, and report the answer for this row, if it has one.
    Send(Option<usize>),
    /// Do not send it.
    Answer(Answer),
}

impl Journal {
    /// Judges a request before it is sent. `locks` are the keys that the attempt holds.
    pub fn intend(
        &mut self,
        request: &Request,
        delivery: &str,
        locks: &[String],
        now: u64,
    ) -> Before {
        match &request.effect {
            Effect::Read => Before::Send(None),
            Effect::Set(key) => {
                let known =
                    self.rows.iter().rev().find(|row| {
                        !row.is_once && row.delivery == delivery && row.keys.contains(key)
                    });
                if let Some(row) = known
                    && row.verdict == Verdict::Done
                    && row.content == request.body
                    && let Some(answer) = &row.answer
                {
                    return replayed(answer);
                }
                Before::Send(Some(self.open(request, delivery, vec![key.clone()], now)))
            }
            Effect::Once(keys) => self.intend_once(request, delivery, keys, locks, now),
        }
    }

    fn intend_once(
        &mut self,
        request: &Request,
        delivery: &str,
        keys: &[String],
        locks: &[String],
        now: u64,
    ) -> Before {
        if let Some(key) = keys.iter().find(|key| !locks.contains(key)) {
            return Before::Answer(Err(Error::Refused(format!(
                "the once key `{key}` is not among the locks of this attempt"
            ))));
        }
        if keys.is_empty() {
            return Before::Answer(Err(Error::Refused("a once effect needs a key".to_owned())));
        }
        for key in keys {
            let Some(row) = self.newest(key) else {
                continue;
            };
            match (row.verdict, row.delivery == delivery, &row.answer) {
                (Verdict::NotDone, _, _) => {}
                (Verdict::Done, true, Some(answer)) => return replayed(answer),
                _ => {
                    let age_ms = now.saturating_sub(row.at);
                    return Before::Answer(Err(Error::InDoubt { age_ms }));
                }
            }
        }
        Before::Send(Some(self.open(request, delivery, keys.to_vec(), now)))
    }

    /// Notes what came back.
    pub fn settle(&mut self, row: usize, answer: &Answer) {
        let row = &mut self.rows[row];
        row.verdict = match answer {
            Ok(response) => match response.status {
                200..=299 => Verdict::Done,
                400..=499 => Verdict::NotDone,
                _ => Verdict::Unknown,
            },
            Err(Error::Timeout | Error::TooLarge(_) | Error::Other(_)) => Verdict::Unknown,
            Err(_) => Verdict::NotDone,
        };
        row.answer = answer.as_ref().ok().cloned();
    }

    /// Corrects the newest effect of `key`.
    pub fn conclude(&mut self, key: &str, verdict: Verdict) {
        if let Some(row) = self
            .rows
            .iter_mut()
            .rev()
            .find(|row| row.keys.iter().any(|own| own == key))
        {
            row.verdict = verdict;
        }
    }

    fn newest(&self, key: &str) -> Option<&Row> {
        self.rows
            .iter()
            .rev()
            .find(|row| row.is_once && row.keys.iter().any(|own| own == key))
    }

    fn open(&mut self, request: &Request, delivery: &str, keys: Vec<String>, at: u64) -> usize {
        self.rows.push(Row {
            delivery: delivery.to_owned(),
            keys,
            is_once: matches!(request.effect, Effect::Once(_)),
            content: request.body.clone(),
            verdict: Verdict::Unknown,
            answer: None,
            at,
        });
        self.rows.len() - 1
    }
}

fn replayed(answer: &Response) -> Before {
    Before::Answer(Ok(Response {
        is_replayed: true,
        ..answer.clone()
    }))
}
