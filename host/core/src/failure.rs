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
    /// What the delivery went through since it was last queued; the host's own count.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub tally: Tally,
}

/// What a delivery went through since it was last queued, carried from each of its failures to the next.
///
/// Some kinds allow only so many tries of their own, and an outage in between must not use them up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Since then it counts: a delivery that was queued again begins anew.
    pub queued_at: Timestamp,
    /// Faults of the connector's own.
    pub faults: u32,
    /// Links that led nowhere.
    pub stale_links: u32,
    /// Times in a row that it was shown a write of unknown outcome, in time, and did not find out.
    pub unresolved: u32,
}

impl Tally {
    fn is_empty(&self) -> bool {
        (self.faults, self.stale_links, self.unresolved) == (0, 0, 0)
    }

    /// That of a delivery which was queued at `queued_at` and failed last with `last`.
    pub fn of(last: Option<&Failure>, queued_at: Timestamp) -> Self {
        match last {
            Some(last) if last.tally.queued_at == queued_at => last.tally,
            _ => Self {
                queued_at,
                ..Self::default()
            },
        }
    }
}

impl FailureKind {
    /// Whether the connector is to blame, whatever the CRM does: it counts against the version that ran.
    pub const fn is_of_version(self) -> bool {
        matches!(
            self,
            Self::Trap
                | Self::Memory
                | Self::TooManyCalls
                | Self::EgressRefused
                | Self::Deadline
                | Self::Internal
        )
    }
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
            tally: Tally::default(),
        }
    }
}

/// What the host does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the delivery.
    pub fate: Fate,
    /// What follows for others.
    pub consequence: Consequence,
}

/// What becomes of a delivery that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Try again then; this was an attempt.
    Retry(Timestamp),
    /// Try again then; this was not an attempt.
    Defer(Timestamp),
    /// A person must look.
    Dead,
}

/// What a failure means for others than its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    None,
    /// Nothing more leaves for the account for so long.
    HoldAccount(Duration),
    /// The account pauses until its credential is accepted.
    PauseAccount,
    /// A person must mend the connection: so many of these in a row, and it pauses.
    StrikeConnection,
}

/// What is known when a failure is decided.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// Executions so far, this one included.
    pub attempts: u32,
    /// When the delivery was last queued.
    pub queued_at: Timestamp,
    /// How much of the time since then its connection or account was paused.
    pub paused: Duration,
    /// Now.
    pub now: Timestamp,
    /// Random in [0, 1).
    pub jitter: f64,
    /// The descriptor's.
    pub lookup_after: Duration,
    /// What the delivery went through before.
    pub tally: Tally,
    /// The attempt was shown a write of unknown outcome and did not find out what became of it.
    pub is_unresolved: bool,
}

/// A connector that can look finds out; three answers without one, each after the CRM must have been done with the write,
/// say that it cannot.
const LOOKUPS: u32 = 3;
/// When a connector heals a stale link it does so the first time.
const STALE_LINKS: u32 = 1;
/// By then every host knows that the account is paused: from there on the pause holds its deliveries, and they are due the
/// moment it ends.
const PAUSE_IS_KNOWN: Duration = Duration::from_secs(1);
/// How long a delivery waits for something that the host finds out by itself.
const AGAIN_LATER: Duration = Duration::from_mins(5);

/// What the host does about a failure (design/4-semantics.md, "Failures and what the host does"), and the delivery's
/// tally with it.
pub fn decide(
    failure: &Failure,
    policy: &RetryPolicy,
    circumstances: &Circumstances,
) -> (Decision, Tally) {
    use FailureKind as K;
    let Circumstances {
        attempts,
        queued_at,
        paused,
        now,
        jitter,
        lookup_after,
        mut tally,
        is_unresolved,
    } = circumstances.clone();
    let hint = failure.retry_after_ms.map(Duration::from_millis);
    let backoff = policy.delay(attempts, jitter);
    let soon = now.after(policy.delay(1, jitter));
    let until_given_up = |delay: Duration| {
        if now.since(queued_at).saturating_sub(paused) >= policy.give_up_after {
            Fate::Dead
        } else {
            Fate::Retry(now.after(delay))
        }
    };
    let has_no_lookup = failure.kind == K::Indeterminate && is_unresolved;
    tally.unresolved = if has_no_lookup {
        tally.unresolved + 1
    } else {
        0
    };
    let mut consequence = Consequence::None;
    let fate = match failure.kind {
        K::Unavailable => until_given_up(hint.map_or(backoff, clamp_hint)),
        K::Indeterminate if tally.unresolved >= LOOKUPS => Fate::Dead,
        // The CRM may still finish the write: looking earlier proves nothing.
        K::Indeterminate => until_given_up(lookup_after.max(backoff)),
        K::NotFound | K::Gone | K::Merged | K::CursorExpired => {
            tally.stale_links += 1;
            if tally.stale_links > STALE_LINKS {
                Fate::Dead
            } else {
                Fate::Retry(soon)
            }
        }
        K::RateLimited => {
            let wait = clamp_hint(hint.unwrap_or(policy.first));
            consequence = Consequence::HoldAccount(wait);
            Fate::Defer(now.after(wait))
        }
        K::BudgetExhausted | K::BreakerOpen => {
            Fate::Defer(now.after(clamp_hint(hint.unwrap_or(policy.first))))
        }
        K::Auth => {
            consequence = Consequence::PauseAccount;
            Fate::Defer(now.after(PAUSE_IS_KNOWN))
        }
        K::Permission | K::Configuration => {
            consequence = Consequence::StrikeConnection;
            Fate::Retry(soon)
        }
        K::VersionRefused | K::ConnectionPaused => Fate::Defer(now.after(AGAIN_LATER)),
        K::Trap | K::Memory | K::TooManyCalls | K::EgressRefused | K::Deadline | K::Internal => {
            tally.faults += 1;
            if tally.faults < policy.faulty_attempts {
                Fate::Retry(now.after(policy.delay(tally.faults, jitter)))
            } else {
                Fate::Dead
            }
        }
        K::Invalid | K::Unsupported | K::Conflict => Fate::Dead,
    };
    (Decision { fate, consequence }, tally)
}

#[cfg(test)]
mod tests;
