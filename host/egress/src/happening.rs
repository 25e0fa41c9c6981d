//! What egress sees happen, as one struct per thing: it writes the log line and moves the metric.
//!
//! No URL, tenant or record id is ever a label.

use std::time::Duration;

use gladhand_core::breaker::Breaker;
use gladhand_core::clock::Timestamp;
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

/// A breaker opened, closed, or let a delivery find out.
pub struct BreakerMoved<'a> {
    /// The connector's id.
    pub provider: &'a str,
    /// The account's name.
    pub account: &'a str,
    /// Where it stood.
    pub before: Breaker,
    /// Where it stands.
    pub after: Breaker,
    /// When.
    pub now: Timestamp,
}

impl BreakerMoved<'_> {
    /// One line and the count where it opened or closed; nothing where it stayed.
    pub fn tell(&self) {
        let Self {
            provider,
            account,
            before,
            after,
            now,
        } = *self;
        let state = match (before, after) {
            (_, Breaker::Closed) if before != after => "closed",
            (_, Breaker::Open { .. }) if before != after => "open",
            _ => return,
        };
        counter!("gladhand_breaker_moves_total", "provider" => provider.to_owned(), "state" => state)
            .increment(1);
        if let Breaker::Open { until, times, .. } = after {
            let wait_ms = u64::try_from(until.since(now).as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                provider,
                account,
                wait_ms,
                times,
                "the CRM does not work: nothing is sent until one delivery has found out whether it does again"
            );
        } else {
            tracing::info!(provider, account, "the CRM works again: everything is sent");
        }
    }
}
