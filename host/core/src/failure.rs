//! What went wrong, and what the host does about it. The connector decides the kind, the host the consequence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::outcome::closed_set;
use crate::retry::{RetryPolicy, clamp_hint};

closed_set!(
    /// What kind of thing went wrong: the contract's kinds, then the host's own.
    FailureKind {
        /// The credential is not accepted.
        Auth = "auth",
        /// The credential may not do this.
        Permission = "permission",
        /// The CRM refuses these values.
        Invalid = "invalid",
        /// A linked record is not there.
        NotFound = "not-found",
        /// A linked record was deleted.
        Gone = "gone",
        /// A linked record was merged into another.
        Merged = "merged",
        /// Another record stands in the way.
        Conflict = "conflict",
        /// The provider lets nothing more through for a while.
        RateLimited = "rate-limited",
        /// The CRM cannot be reached or is broken for the moment.
        Unavailable = "unavailable",
        /// A write may or may not have happened.
        Indeterminate = "indeterminate",
        /// The connection's settings do not fit the CRM.
        Configuration = "configuration",
        /// A pull position is no longer valid.
        CursorExpired = "cursor-expired",
        /// The connector cannot do this.
        Unsupported = "unsupported",
        /// A fault of the connector or of the host.
        Internal = "internal",
        /// The component trapped.
        Trap = "trap",
        /// The component used up its time.
        Deadline = "deadline",
        /// The component used up its memory.
        Memory = "memory",
        /// The component made more HTTP calls than one delivery may.
        TooManyCalls = "too-many-calls",
        /// The component asked for something that egress policy forbids.
        EgressRefused = "egress-refused",
        /// The account's breaker is open.
        BreakerOpen = "breaker-open",
        /// The account's budget is used up.
        BudgetExhausted = "budget-exhausted",
        /// The version cannot be loaded.
        VersionRefused = "version-refused",
        /// The connection is paused.
        ConnectionPaused = "connection-paused",
    }
);

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which kind.
    pub kind: FailureKind,
    /// What went wrong and what to do next, in the operator's terms.
    pub message: String,
    /// The provider's own code for it.
    pub provider_code: Option<String>,
    /// When the provider says to come back.
    pub retry_after_ms: Option<u64>,
    /// (field, problem).
    pub fields: Vec<(String, String)>,
}

impl Failure {
    /// A failure with nothing but a kind and a message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            provider_code: None,
            retry_after_ms: None,
            fields: Vec::new(),
        }
    }
}

/// What the host does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Try again then; this was an attempt.
    Retry(Timestamp),
    /// Try again then; this was not an attempt.
    Defer(Timestamp),
    /// A person must look.
    Dead,
}

/// What is known when a failure is decided.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// Executions so far, this one included.
    pub attempts: u32,
    /// When the delivery was last queued.
    pub queued_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// Random in [0, 1).
    pub jitter: f64,
    /// The descriptor's.
    pub lookup_after: Duration,
}

/// How long a connection with a refused credential or wrong settings waits between tries.
const MISCONFIGURED_DELAY: Duration = Duration::from_mins(5);

/// What the host does about a failure (design/4-semantics.md, "Failures and what the host does").
pub fn decide(failure: &Failure, policy: &RetryPolicy, circumstances: &Circumstances) -> Decision {
    use FailureKind as K;
    let Circumstances {
        attempts,
        queued_at,
        now,
        jitter,
        lookup_after,
    } = circumstances.clone();
    let hint = failure
        .retry_after_ms
        .map(Duration::from_millis)
        .map(clamp_hint);
    let backoff = policy.delay(attempts, jitter);
    let until_given_up = |delay: Duration| {
        if now.since(queued_at) >= policy.give_up_after {
            Decision::Dead
        } else {
            Decision::Retry(now.after(delay))
        }
    };
    match failure.kind {
        K::Unavailable => until_given_up(hint.unwrap_or(backoff)),
        // The CRM may still finish the write: looking earlier proves nothing.
        K::Indeterminate => until_given_up(lookup_after.max(backoff)),
        K::NotFound | K::Gone | K::Merged | K::Conflict | K::CursorExpired => {
            if attempts < 2 {
                Decision::Retry(now.after(backoff))
            } else {
                Decision::Dead
            }
        }
        K::RateLimited | K::BudgetExhausted | K::BreakerOpen => {
            Decision::Defer(now.after(hint.unwrap_or(policy.first)))
        }
        K::Auth | K::Permission | K::Configuration | K::VersionRefused | K::ConnectionPaused => {
            Decision::Retry(now.after(MISCONFIGURED_DELAY))
        }
        K::Trap | K::Memory | K::TooManyCalls | K::EgressRefused | K::Deadline | K::Internal => {
            if attempts < policy.faulty_attempts {
                Decision::Retry(now.after(backoff))
            } else {
                Decision::Dead
            }
        }
        K::Invalid | K::Unsupported => Decision::Dead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: FailureKind, attempts: u32, waited: Duration, expect: Decision) {
        let now = Timestamp(0).after(waited);
        let circumstances = Circumstances {
            attempts,
            queued_at: Timestamp(0),
            now,
            jitter: 1.0,
            lookup_after: Duration::from_mins(1),
        };
        assert_eq!(
            decide(
                &Failure::new(kind, "x"),
                &RetryPolicy::STANDARD,
                &circumstances
            ),
            expect,
            "{kind}"
        );
    }

    const SOON: Duration = Duration::from_secs(1);

    #[test]
    fn what_may_pass_is_retried_until_a_day_is_over() {
        check(
            FailureKind::Unavailable,
            1,
            SOON,
            Decision::Retry(Timestamp(6_000)),
        );
        check(
            FailureKind::Unavailable,
            900,
            Duration::from_hours(24),
            Decision::Dead,
        );
    }

    #[test]
    fn refused_values_die_at_once() {
        check(FailureKind::Invalid, 1, SOON, Decision::Dead);
    }

    #[test]
    fn a_rate_limit_is_no_attempt() {
        check(
            FailureKind::RateLimited,
            1,
            SOON,
            Decision::Defer(Timestamp(6_000)),
        );
    }

    #[test]
    fn an_unknown_write_waits_until_looking_proves_something() {
        check(
            FailureKind::Indeterminate,
            1,
            SOON,
            Decision::Retry(Timestamp(61_000)),
        );
    }

    #[test]
    fn a_faulty_connector_gets_three_attempts() {
        check(
            FailureKind::Trap,
            2,
            SOON,
            Decision::Retry(Timestamp(11_000)),
        );
        check(FailureKind::Trap, 3, SOON, Decision::Dead);
    }

    #[test]
    fn a_refused_credential_kills_nothing() {
        check(
            FailureKind::Auth,
            4_000,
            Duration::from_hours(300),
            Decision::Retry(Timestamp(1_080_300_000)),
        );
    }
}
