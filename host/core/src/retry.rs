//! Retry policy: data that turns into delays. Exponential, full jitter, hints clamped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A first delay of nothing would hammer a CRM that is down.
const SHORTEST: Duration = Duration::from_millis(100);

/// How failures that may pass are tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// The upper bound of the first delay.
    #[serde(rename = "first_ms", with = "milliseconds")]
    pub first: Duration,
    /// The upper bound of every delay.
    #[serde(rename = "longest_ms", with = "milliseconds")]
    pub longest: Duration,
    /// After this long since the delivery was last queued, pauses not counted, it is dead.
    #[serde(rename = "give_up_after_seconds", with = "seconds")]
    pub give_up_after: Duration,
    /// How often a fault of the connector's own is tried.
    pub faulty_attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::STANDARD
    }
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
        let bound = self.first.max(SHORTEST).saturating_mul(1 << doublings);
        let bound = bound.min(self.longest.max(SHORTEST));
        bound.mul_f64(unit.clamp(0.1, 1.0))
    }
}

/// A provider's hint, within what we are ready to believe: 1 s to 24 h.
pub fn clamp_hint(hint: Duration) -> Duration {
    hint.clamp(Duration::from_secs(1), Duration::from_hours(24))
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
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

    #[test]
    fn it_is_written_in_words_and_what_is_not_said_is_standard() {
        let written = serde_json::to_value(RetryPolicy::STANDARD).expect("it is JSON");
        let words = serde_json::json!({
            "first_ms": 5_000, "longest_ms": 3_600_000, "give_up_after_seconds": 86_400, "faulty_attempts": 3,
        });
        assert_eq!(written, words);
        let said = serde_json::json!({ "first_ms": 7 });
        let read: RetryPolicy = serde_json::from_value(said).expect("the rest is standard");
        let expect = RetryPolicy {
            first: Duration::from_millis(7),
            ..RetryPolicy::STANDARD
        };
        assert_eq!(read, expect);
        assert!(read.delay(1, 1.0) >= SHORTEST, "nobody is hammered");
    }

    #[test]
    fn a_field_that_is_none_is_refused() {
        let said = serde_json::json!({ "first": 5 });
        serde_json::from_value::<RetryPolicy>(said).expect_err("it is called first_ms");
    }
}
