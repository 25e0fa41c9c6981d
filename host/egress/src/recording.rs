//! What an attempt records about a request: begun before it leaves, so that one that never comes back is seen too.

use std::time::Duration;

use gladhand_core::attempt::Attempt;
use gladhand_core::clock::Clock;
use gladhand_core::exchange::{Answer, Exchange};
use url::Url;

use crate::effects;
use crate::egress::Egress;
use crate::message::{Error, Request};
use crate::policy::Granted;
use crate::redact;
use crate::target::Target;

/// Of what policy did not even understand, so much shows what it was.
const UNGRANTED_URL_CHARS: usize = 500;
/// No method is as long; what a connector calls one may be.
const METHOD_CHARS: usize = 16;

/// What will be recorded about a request.
pub struct Recording<'a> {
    exchange: Exchange,
    measure: Measure<'a>,
}

/// What the attempt has recorded about a request that left, without its end.
pub struct Pending<'a>(Measure<'a>);

struct Measure<'a> {
    clock: &'a dyn Clock,
    begun: Duration,
    /// Bytes of a body.
    limit: usize,
}

impl<'a> Recording<'a> {
    pub fn new(
        egress: &'a Egress,
        target: &Target,
        request: &Request,
        granted: Option<&Granted>,
        body: &[u8],
    ) -> Self {
        // All of it scrubbed before it is cut, so that no half of a secret is left at the end.
        let url = match granted {
            Some(granted) => target.scrub(redact::url(&granted.url)),
            None => target
                .scrub(as_asked(&request.url))
                .chars()
                .take(UNGRANTED_URL_CHARS)
                .collect(),
        };
        let limit = egress.config.recorded_bytes;
        let mut body = target.scrubber().bytes(body.to_vec());
        body.truncate(limit);
        Self {
            exchange: Exchange {
                sequence: 0,
                call: "http.send".to_owned(),
                method: request.method.chars().take(METHOD_CHARS).collect(),
                url,
                effect: effects::name(&request.effect).to_owned(),
                request: body,
                answer: None,
                error: None,
                is_replayed: false,
                started_at: egress.clock.now(),
                duration_us: 0,
            },
            measure: Measure {
                clock: &*egress.clock,
                begun: egress.clock.monotonic(),
                limit,
            },
        }
    }

    /// Nothing was sent.
    pub fn not_sent(mut self, attempt: &mut Attempt, error: &Error) {
        self.exchange.error = Some(error.to_string());
        self.exchange.duration_us = self.measure.microseconds();
        attempt.record(self.exchange);
    }

    /// The journal answered.
    pub fn replayed(mut self, attempt: &mut Attempt, answer: &Answer, note: Option<String>) {
        self.exchange.is_replayed = true;
        self.exchange.error = note;
        self.exchange.answer = Some(self.measure.bounded(answer));
        self.exchange.duration_us = self.measure.microseconds();
        attempt.record(self.exchange);
    }

    /// The request is about to leave.
    pub fn begin(mut self, attempt: &mut Attempt) -> Pending<'a> {
        self.exchange.error = Some("the attempt ended before an answer came".to_owned());
        attempt.record(self.exchange);
        Pending(self.measure)
    }
}

impl Pending<'_> {
    /// A whole answer came.
    pub fn answered(self, attempt: &mut Attempt, answer: &Answer) {
        let exchange = begun(attempt);
        exchange.error = None;
        exchange.answer = Some(self.0.bounded(answer));
        exchange.duration_us = self.0.microseconds();
    }

    /// None came.
    pub fn failed(self, attempt: &mut Attempt, error: String) {
        let exchange = begun(attempt);
        exchange.error = Some(error);
        exchange.duration_us = self.0.microseconds();
    }
}

impl Measure<'_> {
    fn microseconds(&self) -> u64 {
        let spent = self.clock.monotonic().saturating_sub(self.begun);
        u64::try_from(spent.as_micros()).unwrap_or(u64::MAX)
    }

    fn bounded(&self, answer: &Answer) -> Answer {
        Answer {
            status: answer.status,
            headers: answer.headers.clone(),
            body: answer.body[..answer.body.len().min(self.limit)].to_vec(),
        }
    }
}

/// What policy refused, without what usually is a credential if it is a URL at all.
fn as_asked(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| redact::url(&url))
}

fn begun(attempt: &mut Attempt) -> &mut Exchange {
    let exchanges = &mut attempt.changes.exchanges;
    exchanges
        .last_mut()
        .expect("begun by this request, and an attempt makes one host call at a time")
}
