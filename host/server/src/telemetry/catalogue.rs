//! Every metric that the program exposes: what it counts, and by what.
//!
//! Each is moved where the thing happens, in a crate of its own. The tests compare this list with those places, with the
//! guide for operators and with the alert rules, so that none of them names what there is not.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, until the process ends.
    Counter,
    /// Rises and falls.
    Gauge,
    /// How many were at most so large.
    Histogram,
}

/// Something that Prometheus reads.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name; units are in it.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// By what it is told apart; never by a tenant or a record.
    pub labels: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
}

const fn metric(
    kind: Kind,
    name: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        meaning,
    }
}

/// All of them, in the order in which an event meets them.
pub const METRICS: &[Metric] = &[
    metric(
        Kind::Counter,
        "gladhand_events_total",
        &["result"],
        "webhooks by what became of them",
    ),
    metric(
        Kind::Histogram,
        "gladhand_webhook_duration_seconds",
        &["result"],
        "from a webhook's last byte to its answer",
    ),
    metric(
        Kind::Gauge,
        "gladhand_deliveries",
        &["state"],
        "deliveries by where they stand; dead ones need a person",
    ),
    metric(
        Kind::Gauge,
        "gladhand_oldest_pending_seconds",
        &[],
        "how long ago the oldest delivery came in that is not settled",
    ),
    metric(
        Kind::Gauge,
        "gladhand_waiting_lanes",
        &[],
        "lanes with work that no worker does, at most 10000 of them",
    ),
    metric(
        Kind::Counter,
        "gladhand_attempts_total",
        &["provider", "state"],
        "attempts by what they left the delivery in",
    ),
    metric(
        Kind::Counter,
        "gladhand_stale_attempts_total",
        &[],
        "attempts of which nothing counts, because their worker had lost its lane",
    ),
    metric(
        Kind::Histogram,
        "crm_sync_duration_seconds",
        &["provider"],
        "how long attempts took",
    ),
    metric(
        Kind::Counter,
        "crm_entities_synced_total",
        &["provider", "object", "direction", "action"],
        "what was done to records",
    ),
    metric(
        Kind::Counter,
        "crm_requests_total",
        &["provider", "method", "status"],
        "requests by how they were answered",
    ),
    metric(
        Kind::Counter,
        "crm_errors_total",
        &["provider", "kind"],
        "attempts that failed, and deliveries that the CRM put off",
    ),
    metric(
        Kind::Counter,
        "gladhand_version_faults_total",
        &["provider", "version", "kind"],
        "attempts that failed because of the connector, by the first digits of its version's digest",
    ),
    metric(
        Kind::Counter,
        "gladhand_pauses_total",
        &["kind"],
        "pauses that hosts began",
    ),
    metric(
        Kind::Gauge,
        "gladhand_paused_accounts",
        &[],
        "accounts that are paused",
    ),
    metric(
        Kind::Gauge,
        "gladhand_paused_connections",
        &[],
        "connections that hosts have paused",
    ),
    metric(
        Kind::Counter,
        "gladhand_breaker_moves_total",
        &["provider", "state"],
        "breakers that opened or closed",
    ),
    metric(
        Kind::Gauge,
        "gladhand_open_breakers",
        &[],
        "accounts to which nothing is sent because the CRM does not work",
    ),
    metric(
        Kind::Counter,
        "gladhand_store_errors_total",
        &["operation"],
        "what the database did not do",
    ),
    metric(
        Kind::Counter,
        "gladhand_removed_rows_total",
        &[],
        "rows that retention removed",
    ),
    metric(
        Kind::Histogram,
        "gladhand_retention_step_seconds",
        &[],
        "how long a step of retention took, for which others may have waited",
    ),
];

/// Lets Prometheus read what each one says.
pub fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.meaning),
            Kind::Gauge => describe_gauge!(metric.name, metric.meaning),
            Kind::Histogram => describe_histogram!(metric.name, metric.meaning),
        }
    }
}

#[cfg(test)]
mod tests;
