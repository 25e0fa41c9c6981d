//! Retry policy: data that turns into delays. Exponential, full jitter, hints clamped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How failures that may pass are tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The upper bound of the first delay.
    pub first: Duration,
    /// The upper bound of every delay.
    pub longest: Duration,
    /// After this long since the delivery was last queued it is dead.
    pub give_up_after: Duration,
    /// How often a fault of the connector's own is tried.
    pub faulty_attempts: u32,
}

impl RetryPolicy {
    /// 5 s doubling to 1 h, until 24 h (design/4-semantics.md, "Failures").
    pub const STANDARD: Self = Self {
        first: Duration::from_secs(5),
        longest: Duration::from_hours(1),
        give_up_after: Duration::from_hours(24),
        faulty_attempts: 3,
    };

    /// The delay before attempt `attempt + 1`, where `attempt` counts from 1 and `unit` is random in [0, 1).
    ///
    /// Full jitter: anything between zero and the bound, so that a thousand lanes do not come back at once.
    /// It is never under a tenth of the bound, so that a retry is not a hammer.
    pub fn delay(&self, attempt: u32, unit: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(30);
        let bound = self.first.saturating_mul(1 << doublings).min(self.longest);
        bound.mul_f64(unit.clamp(0.1, 1.0))
    }
}

/// A provider's hint, within what we are ready to believe: 1 s to 24 h.
pub fn clamp_hint(hint: Duration) -> Duration {
    hint.clamp(Duration::from_secs(1), Duration::from_hours(24))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delay_stays_within_its_bounds(attempt in 0u32..=u32::MAX, unit in 0.0f64..1.0) {
            let policy = RetryPolicy::STANDARD;
            let delay = policy.delay(attempt, unit);
            prop_assert!(delay <= policy.longest);
            prop_assert!(delay >= policy.first / 10);
        }

        #[test]
        fn later_attempts_never_wait_less_at_the_same_draw(attempt in 1u32..40, unit in 0.0f64..1.0) {
            let policy = RetryPolicy::STANDARD;
            prop_assert!(policy.delay(attempt, unit) <= policy.delay(attempt + 1, unit));
        }
    }
}
