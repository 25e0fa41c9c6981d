//! What a connection does about failures: as it is said and shown, and what cannot be said.

use std::time::Duration;

use gladhand_core::connection::{OnDead, Policy};
use gladhand_core::retry::RetryPolicy;
use serde::{Deserialize, Serialize};

/// What is to be different; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyChange {
    /// What a dead delivery means for those behind it in its lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_dead: Option<OnDead>,
    /// The upper bound of the first wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_from_secs: Option<u64>,
    /// The upper bound of every wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_to_secs: Option<u64>,
    /// After so long since it was queued a delivery is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_for_secs: Option<u64>,
}

/// A policy as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// What a dead delivery means for those behind it in its lane.
    pub on_dead: OnDead,
    /// The upper bound of the first wait.
    pub retry_from_secs: u64,
    /// The upper bound of every wait.
    pub retry_to_secs: u64,
    /// After so long since it was queued a delivery is dead.
    pub retry_for_secs: u64,
}

/// Something that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The keys that it is about.
    pub about: Vec<&'static str>,
    /// What is wrong with them.
    pub message: String,
}

const FROM: &str = "retry_from_secs";
const TO: &str = "retry_to_secs";
const FOR: &str = "retry_for_secs";

/// A wait of nothing hammers a CRM that is down.
const SHORTEST: Duration = Duration::from_secs(1);
/// Nobody remembers what a delivery was about that is older.
const LONGEST: Duration = Duration::from_hours(30 * 24);

impl PolicyChange {
    /// The policy as it is to be; fails with everything that cannot be, where anything is to be different.
    pub fn applied_to(&self, policy: &Policy) -> Result<Policy, Vec<Flaw>> {
        let mut wanted = policy.clone();
        if *self == Self::default() {
            return Ok(wanted);
        }
        let RetryPolicy {
            first,
            longest,
            give_up_after,
            ..
        } = &mut wanted.retry;
        for (said, time) in [
            (self.retry_from_secs, first),
            (self.retry_to_secs, longest),
            (self.retry_for_secs, give_up_after),
        ] {
            *time = said.map_or(*time, Duration::from_secs);
        }
        wanted.on_dead = self.on_dead.unwrap_or(wanted.on_dead);
        let flaws = flaws(&wanted.retry);
        if flaws.is_empty() {
            Ok(wanted)
        } else {
            Err(flaws)
        }
    }
}

impl PolicyView {
    /// Of this policy.
    pub fn of(policy: &Policy) -> Self {
        Self {
            on_dead: policy.on_dead,
            retry_from_secs: policy.retry.first.as_secs(),
            retry_to_secs: policy.retry.longest.as_secs(),
            retry_for_secs: policy.retry.give_up_after.as_secs(),
        }
    }
}

fn flaws(retry: &RetryPolicy) -> Vec<Flaw> {
    let RetryPolicy {
        first,
        longest,
        give_up_after,
        ..
    } = *retry;
    let named = [(FROM, first), (TO, longest), (FOR, give_up_after)];
    let out_of_bounds = named
        .into_iter()
        .filter(|(_, time)| !(SHORTEST..=LONGEST).contains(time));
    let flaws: Vec<Flaw> = out_of_bounds
        .map(|(key, time)| Flaw {
            about: vec![key],
            message: format!(
                "`{key}` cannot be {}: it is at least {} and at most {}",
                spelled(time),
                spelled(SHORTEST),
                spelled(LONGEST)
            ),
        })
        .collect();
    if !flaws.is_empty() {
        return flaws;
    }
    let too_short = [(TO, longest), (FOR, give_up_after)];
    too_short
        .into_iter()
        .filter(|(_, time)| *time < first)
        .map(|(key, time)| Flaw {
            about: vec![FROM, key],
            message: format!(
                "the first wait, `{FROM}` of {}, cannot be longer than `{key}` of {}",
                spelled(first),
                spelled(time)
            ),
        })
        .collect()
}

/// `90s`, `15m`, `2h`, `7d`
fn spelled(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let whole = |(length, _): &(u64, &str)| seconds > 0 && seconds.is_multiple_of(*length);
    let (length, unit) = units.into_iter().find(whole).unwrap_or((1, "s"));
    format!("{}{unit}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: u64, to: u64, until: u64, expect: &[(&[&str], &str)]) {
        let change = PolicyChange {
            retry_from_secs: Some(from),
            retry_to_secs: Some(to),
            retry_for_secs: Some(until),
            ..PolicyChange::default()
        };
        let flaws = change.applied_to(&Policy::default()).err();
        let found = flaws.unwrap_or_default();
        let found: Vec<(&[&str], &str)> = found
            .iter()
            .map(|flaw| (&flaw.about[..], flaw.message.as_str()))
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn what_cannot_be_is_said_about_the_keys_that_say_it() {
        check(1, 1, 1, &[]);
        check(5, 3_600, 2_592_000, &[]);
        check(
            0,
            60,
            2_592_001,
            &[
                (
                    &[FROM],
                    "`retry_from_secs` cannot be 0s: it is at least 1s and at most 30d",
                ),
                (
                    &[FOR],
                    "`retry_for_secs` cannot be 2592001s: it is at least 1s and at most 30d",
                ),
            ],
        );
        check(
            7_200,
            90,
            3_600,
            &[
                (
                    &[FROM, TO],
                    "the first wait, `retry_from_secs` of 2h, cannot be longer than `retry_to_secs` of 90s",
                ),
                (
                    &[FROM, FOR],
                    "the first wait, `retry_from_secs` of 2h, cannot be longer than `retry_for_secs` of 1h",
                ),
            ],
        );
    }

    #[test]
    fn what_is_not_said_stays() {
        let was = Policy {
            on_dead: OnDead::Hold,
            retry: RetryPolicy {
                first: Duration::from_millis(7),
                faulty_attempts: 9,
                ..RetryPolicy::STANDARD
            },
        };
        let nothing = PolicyChange::default().applied_to(&was);
        assert_eq!(nothing.as_ref(), Ok(&was));
        let change = PolicyChange {
            retry_from_secs: Some(9),
            ..PolicyChange::default()
        };
        let is = change.applied_to(&was).expect("it can be");
        assert_eq!(is.on_dead, OnDead::Hold);
        let expect = RetryPolicy {
            first: Duration::from_secs(9),
            ..was.retry
        };
        assert_eq!(is.retry, expect);
    }
}
