//! Effects: how a request touches the world, and what is known about whether it did.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::exchange::Answer;
use crate::ids::{DeliveryId, EffectId};
use crate::outcome::closed_set;

/// How a request touches the world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Not at all.
    Read,
    /// Harmless to repeat with the same content; the key is the delivery's.
    Set(String),
    /// Must not happen twice; the keys are the account's.
    Once(Vec<String>),
}

closed_set!(
    /// What is known about an effect.
    Verdict {
        /// The intent is stored, no answer yet.
        Open = "open",
        /// It happened.
        Done = "done",
        /// It did not happen.
        NotDone = "not-done",
        /// It may have happened.
        Unknown = "unknown",
    }
);

impl Verdict {
    /// Whether a repetition could double something.
    pub const fn is_in_doubt(self) -> bool {
        matches!(self, Self::Open | Self::Unknown)
    }
}

/// How a request ended, as far as a verdict needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing left this machine.
    NeverSent,
    /// A complete answer with this status.
    Answered(u16),
    /// At least one byte may have left, and no complete answer came.
    Broken,
}

/// The host's own judgement; the connector may correct it.
pub const fn propose(ending: Ending) -> Verdict {
    match ending {
        Ending::Answered(200..=299) => Verdict::Done,
        Ending::NeverSent | Ending::Answered(400..=499) => Verdict::NotDone,
        Ending::Answered(_) | Ending::Broken => Verdict::Unknown,
    }
}

/// How old something doubtful is held to be, in whole milliseconds, which is how the connector is told.
///
/// A wall clock that was ahead, or is, makes it look older than it is; whoever looked for it then would look too early and
/// write it twice. So it counts as no older than this process has known of it, and as new where the clock says that it is
/// yet to come.
pub fn age(at: Timestamp, now: Timestamp, known_for: Duration) -> Duration {
    let age = now.since(at).min(known_for);
    Duration::from_millis(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// What is stored before a `once` leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its id.
    pub id: EffectId,
    /// Every identity of the thing, in the account; never empty.
    pub keys: Vec<String>,
    /// SHA-256 of method, path and body.
    pub digest: [u8; 32],
    /// Now.
    pub at: Timestamp,
}

/// What the journal says to an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intended {
    /// The intent is durable: send.
    Send,
    /// This delivery did it before: nothing is sent. `Done`, whatever the content.
    Replay(EffectId, Answer),
    /// Another intent of one of the keys has no known answer, or belongs to another delivery.
    InDoubt(Doubt),
}

/// An effect whose outcome the connector must find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Which row.
    pub effect: EffectId,
    /// What it said when it was shown.
    pub verdict: Verdict,
    /// When its intent was stored.
    pub at: Timestamp,
}

/// An effect of an earlier attempt of the same delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journalled {
    /// Its id.
    pub id: EffectId,
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// Set or once.
    pub effect: Effect,
    /// SHA-256 of method, path and body.
    pub digest: [u8; 32],
    /// What is known.
    pub verdict: Verdict,
    /// When it was sent.
    pub at: Timestamp,
    /// What was answered, where something was.
    pub answer: Option<Answer>,
}

impl Journalled {
    /// As the connector must find out about it.
    pub fn doubt(&self) -> Doubt {
        Doubt {
            effect: self.id,
            verdict: self.verdict,
            at: self.at,
        }
    }
}

/// A serialisable count of what a delivery's effects came to, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectSummary {
    /// The keys.
    pub keys: Vec<String>,
    /// What is known.
    pub verdict: Verdict,
    /// When it was sent.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_answer_settles_an_effect() {
        assert_eq!(propose(Ending::Answered(201)), Verdict::Done);
        assert_eq!(propose(Ending::Answered(422)), Verdict::NotDone);
        assert_eq!(propose(Ending::NeverSent), Verdict::NotDone);
        for ending in [Ending::Answered(302), Ending::Answered(500), Ending::Broken] {
            assert_eq!(propose(ending), Verdict::Unknown, "{ending:?}");
        }
    }

    /// `at` and `now` by the wall clock, `known` in microseconds, `expect` in milliseconds.
    #[track_caller]
    fn check_age(at: i64, now: i64, known: u64, expect: u64) {
        let age = age(Timestamp(at), Timestamp(now), Duration::from_micros(known));
        assert_eq!(age, Duration::from_millis(expect));
    }

    #[test]
    fn nothing_is_held_to_be_older_than_it_was_known() {
        check_age(1_000, 61_000, 60_000_000, 60_000);
        check_age(1_000, 661_000, 60_000_000, 60_000);
        check_age(1_000, 661_000, 0, 0);
    }

    #[test]
    fn nothing_is_held_to_be_older_than_the_wall_clock_says() {
        check_age(1_000, 3_000, 60_000_000, 2_000);
    }

    #[test]
    fn what_is_yet_to_come_by_the_wall_clock_is_new() {
        check_age(601_000, 1_000, 60_000_000, 0);
        check_age(i64::MAX, i64::MIN, 60_000_000, 0);
    }

    #[test]
    fn an_age_is_told_in_whole_milliseconds_that_have_passed() {
        check_age(0, 60_000, 1_999, 1);
    }
}
