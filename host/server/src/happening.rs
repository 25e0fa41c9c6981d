//! What the server sees happen: one struct per thing makes the log line and the metric.

use std::time::Duration;

use metrics::{counter, histogram};

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is on the disk.
    Stored,
    /// It was on the disk already.
    Duplicate,
    /// It is on the disk, and nobody knows what it says.
    Unreadable,
    /// Its signature or its URL's token is not the source's.
    Unauthorised,
    /// There is no such source.
    UnknownSource,
    /// Its body is over the limit.
    TooLarge,
    /// Its body did not come whole.
    BrokenOff,
    /// More are on their way to the disk than may be.
    Overloaded,
    /// The store did not take it.
    StoreFailed,
}

impl Received {
    const ALL: [Self; 9] = [
        Self::Stored,
        Self::Duplicate,
        Self::Unreadable,
        Self::Unauthorised,
        Self::UnknownSource,
        Self::TooLarge,
        Self::BrokenOff,
        Self::Overloaded,
        Self::StoreFailed,
    ];

    /// As counted, and as said in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Unreadable => "unreadable",
            Self::Unauthorised => "unauthorised",
            Self::UnknownSource => "unknown-source",
            Self::TooLarge => "too-large",
            Self::BrokenOff => "broken-off",
            Self::Overloaded => "overloaded",
            Self::StoreFailed => "store-failed",
        }
    }
}

/// A webhook came in and was answered.
pub struct EventReceived<'a> {
    /// The source's name; `-` where there is none of that name.
    pub source: &'a str,
    /// The source's name for the event; `-` where it was not read.
    pub event: &'a str,
    /// What became of it.
    pub result: Received,
    /// From its last byte to its answer.
    pub took: Duration,
}

impl EventReceived<'_> {
    /// A line at debug level, for there are thousands a second, and the count.
    pub fn tell(&self) {
        let result = self.result.as_str();
        counter!("gladhand_events_total", "result" => result).increment(1);
        histogram!("gladhand_webhook_duration_seconds", "result" => result)
            .record(self.took.as_secs_f64());
        let duration_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            source.name = self.source,
            event.name = self.event,
            result,
            duration_ms,
            "event received"
        );
    }
}

/// A counter that appears with its first event has no increase that an alert could see.
pub fn begin() {
    for result in Received::ALL {
        counter!("gladhand_events_total", "result" => result.as_str()).increment(0);
    }
}
