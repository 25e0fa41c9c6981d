//! What the server sees happen: one struct per thing makes the log line and the metric.

use metrics::counter;

/// A webhook came in.
pub struct EventReceived<'a> {
    /// The source's name; `-` where there is none of that name.
    pub source: &'a str,
    /// The source's name for the event.
    pub event: &'a str,
    /// stored, duplicate, unreadable, unauthorised, unknown-source, too-large, overloaded, store-failed
    pub result: &'static str,
}

impl EventReceived<'_> {
    /// A line at debug level, for there are thousands a second, and the count.
    pub fn tell(&self) {
        counter!("gladhand_events_total", "result" => self.result).increment(1);
        tracing::debug!(
            source.name = self.source,
            event.name = self.event,
            result = self.result,
            "event received"
        );
    }
}
