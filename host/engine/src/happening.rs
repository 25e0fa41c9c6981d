//! What happened, as one struct per thing: it writes the log line and moves the metric, so that they cannot drift.
//!
//! No tenant or record id is ever a label.

use gladhand_core::delivery::DeliveryState;
use gladhand_core::failure::FailureKind;
use gladhand_core::ids::DeliveryId;
use gladhand_core::outcome::Outcome;
use gladhand_store::deliveries::{Claimed, Settlement};
use metrics::{counter, histogram};

/// An attempt was settled.
pub struct AttemptSettled<'a> {
    /// What was run.
    pub claimed: &'a Claimed,
    /// How it ended.
    pub settlement: &'a Settlement,
    /// The connector's id.
    pub provider: &'a str,
    /// The connection's name.
    pub connection: &'a str,
}

impl AttemptSettled<'_> {
    /// One line, and the counts.
    pub fn tell(&self) {
        let Self {
            claimed,
            settlement,
            provider,
            connection,
        } = *self;
        let provider = provider.to_owned();
        let state = settlement.state.as_str();
        let kind = claimed.delivery.kind.map_or("-", |kind| kind.as_str());
        let duration_ms = settlement.cost.total_us / 1_000;
        counter!("gladhand_attempts_total", "provider" => provider.clone(), "state" => state)
            .increment(1);
        let seconds = settlement.cost.total_us as f64 / 1e6;
        histogram!("crm_sync_duration_seconds", "provider" => provider.clone()).record(seconds);
        if let Some(Outcome::Synced { changes }) = &settlement.outcome {
            for change in changes {
                counter!(
                    "crm_entities_synced_total",
                    "provider" => provider.clone(),
                    "object" => change.object.clone(),
                    "direction" => "push",
                    "action" => change.action.clone()
                )
                .increment(1);
            }
        }
        let delivery = claimed.delivery.id;
        let attempt = claimed.delivery.attempts;
        let Some(failure) = &settlement.failure else {
            let calls = settlement.cost.http_calls;
            tracing::info!(
                delivery.id = %delivery, connection, event.kind = kind, attempt, state, calls, duration_ms, "delivery settled"
            );
            return;
        };
        let code = failure.kind.as_str();
        if settlement.is_attempt || is_the_crms(failure.kind) {
            counter!("crm_errors_total", "provider" => provider.clone(), "kind" => code)
                .increment(1);
        }
        if failure.kind.is_of_version() {
            // Builds are few, and named by the first digits of their digest as everywhere.
            let version = settlement.version.as_deref().unwrap_or("none");
            let version: String = version.chars().take(12).collect();
            counter!(
                "gladhand_version_faults_total",
                "provider" => provider.clone(), "version" => version, "kind" => code
            )
            .increment(1);
        }
        let next_ms = settlement.not_before.map(|at| at.0);
        if settlement.state == DeliveryState::Dead {
            tracing::error!(
                delivery.id = %delivery, connection, event.kind = kind, attempt, failure.kind = code, duration_ms,
                "delivery is dead: {}", failure.message
            );
        } else {
            tracing::warn!(
                delivery.id = %delivery, connection, event.kind = kind, attempt, failure.kind = code, duration_ms, next_ms,
                "delivery waits: {}", failure.message
            );
        }
    }
}

/// Whether the CRM said so, though it was no attempt; every other deferral is the host's own patience.
const fn is_the_crms(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::RateLimited | FailureKind::Auth)
}

/// An attempt ended after its worker had lost the lane: another has it, or had it.
pub struct AttemptStale {
    /// What was run.
    pub delivery: DeliveryId,
}

impl AttemptStale {
    /// One line, and the count.
    pub fn tell(&self) {
        counter!("gladhand_stale_attempts_total").increment(1);
        tracing::warn!(delivery.id = %self.delivery, "attempt lost its lane; nothing of it counts");
    }

    /// A counter that appears with its first attempt has no increase that an alert could see.
    pub fn begin() {
        counter!("gladhand_stale_attempts_total").increment(0);
    }
}

/// An account or a connection paused itself: a person must mend something.
pub struct SelfPaused<'a> {
    /// The account's name.
    pub account: &'a str,
    /// The connection's name, where it alone paused.
    pub connection: Option<&'a str>,
    /// What went wrong.
    pub kind: FailureKind,
    /// What to change.
    pub message: &'a str,
}

impl SelfPaused<'_> {
    /// One line, once per pause, and the count.
    pub fn tell(&self) {
        let Self {
            account,
            connection,
            kind,
            message,
        } = *self;
        let code = kind.as_str();
        counter!("gladhand_pauses_total", "kind" => code).increment(1);
        tracing::error!(
            account,
            connection,
            failure.kind = code,
            "paused until somebody has mended it; nothing is lost meanwhile: {message}"
        );
    }
}

/// What had paused itself goes on.
pub struct Resumed<'a> {
    /// The account's name.
    pub account: &'a str,
    /// The connection's name, where it alone was paused.
    pub connection: Option<&'a str>,
}

impl Resumed<'_> {
    /// One line.
    pub fn tell(&self) {
        let Self {
            account,
            connection,
        } = *self;
        tracing::info!(account, connection, "what was wrong is mended: it goes on");
    }
}
