//! What egress sees happen, as one struct per thing: it writes the log line and moves the metric.
//!
//! No URL, tenant or record id is ever a label.

use std::time::Duration;

use metrics::counter;

/// A request left, or tried to, and is over.
pub struct RequestEnded<'a> {
    /// The connector's id.
    pub provider: &'a str,
    /// GET, POST, …
    pub method: &'a str,
    /// What was answered; `None` where nothing was.
    pub status: Option<u16>,
    /// Until the whole answer was there.
    pub took: Duration,
}

impl RequestEnded<'_> {
    /// A line at debug level, for the exchange is recorded with its attempt, and the count.
    pub fn tell(&self) {
        let status = self
            .status
            .map_or_else(|| "none".to_owned(), |status| status.to_string());
        counter!(
            "crm_requests_total",
            "provider" => self.provider.to_owned(), "method" => self.method.to_owned(), "status" => status.clone()
        )
        .increment(1);
        let duration_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            provider = self.provider,
            method = self.method,
            status,
            duration_ms,
            "request ended"
        );
    }
}
