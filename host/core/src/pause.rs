//! Pauses of an account or a connection: why nothing runs, since when, and when nothing ran before.
//!
//! Kept as a standing, `pause` of an account and `pause:<connection>` of a connection. Time in a pause is nobody's
//! fault, so giving up does not count it. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::failure::{Failure, FailureKind};
use crate::ids::ConnectionId;

/// Failures in a row after which a connection pauses itself.
const STRIKES: u32 = 3;
/// Between two tests of a paused account.
pub const TEST_AGAIN: Duration = Duration::from_mins(5);
/// More pauses than these are remembered as fewer, longer ones.
const MOST_PAST: usize = 32;

/// From when until when nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The first moment of it.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

/// Who paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The host, because of failures; it also resumes.
    Host,
    /// A person, who also resumes.
    Operator,
}

/// A pause that lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Who did it.
    pub by: By,
    /// Since when.
    pub since: Timestamp,
    /// What went wrong, where something did.
    pub kind: Option<FailureKind>,
    /// What to change, in the operator's terms.
    pub message: String,
    /// Where it was met.
    pub connection: Option<ConnectionId>,
    /// When the host tests by itself whether it is over.
    pub next_test: Option<Timestamp>,
}

/// What is known of the pauses of one account or connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pauses {
    /// The one that lasts.
    pub current: Option<Paused>,
    /// A person paused the connection in its settings, since then.
    pub switched_off: Option<Timestamp>,
    /// Those that are over, oldest first.
    pub past: Vec<Interval>,
    /// Failures in a row that a person must mend.
    pub strikes: u32,
}

impl Pauses {
    /// Pauses, unless it does already; whether it is this that paused.
    pub fn pause(&mut self, paused: Paused) -> bool {
        if self.current.is_some() {
            return false;
        }
        self.current = Some(paused);
        true
    }

    /// Counts a failure that a person must mend; the last of three in a row pauses. Whether it did.
    pub fn strike(&mut self, connection: ConnectionId, failure: &Failure, now: Timestamp) -> bool {
        if self.current.is_some() {
            return false;
        }
        self.strikes += 1;
        self.strikes >= STRIKES
            && self.pause(Paused {
                by: By::Host,
                since: now,
                kind: Some(failure.kind),
                message: failure.message.clone(),
                connection: Some(connection),
                // A test costs calls and may prove nothing of the settings: it waits until somebody has changed them.
                next_test: None,
            })
    }

    /// Something went well: failures before it are not in a row with those after it.
    pub fn went_well(&mut self) {
        self.strikes = 0;
    }

    /// Ends the pause; whether there was one.
    pub fn resume(&mut self, now: Timestamp) -> bool {
        self.strikes = 0;
        let Some(paused) = self.current.take() else {
            return false;
        };
        self.remember(paused.since, now);
        true
    }

    /// Takes over whether the settings say that the connection is paused.
    pub fn switch(&mut self, is_off: bool, now: Timestamp) {
        match (is_off, self.switched_off) {
            (true, None) => self.switched_off = Some(now),
            (false, Some(since)) => {
                self.switched_off = None;
                self.remember(since, now);
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Tests then whether a pause that the host began is over.
    pub fn test_at(&mut self, at: Timestamp) {
        if let Some(paused) = self.current.as_mut().filter(|paused| paused.by == By::Host) {
            paused.next_test = Some(at);
        }
    }

    /// Claims the test that is due: whether it is the caller's to make.
    pub fn claim_test(&mut self, now: Timestamp) -> bool {
        match &mut self.current {
            Some(paused) if paused.next_test.is_some_and(|at| at <= now) => {
                paused.next_test = Some(now.after(TEST_AGAIN));
                true
            }
            _ => false,
        }
    }

    /// All pauses, the lasting ones up to `now`.
    pub fn intervals(&self, now: Timestamp) -> impl Iterator<Item = Interval> {
        let lasting = [
            self.current.as_ref().map(|paused| paused.since),
            self.switched_off,
        ];
        let lasting = lasting.into_iter().flatten().map(move |from| Interval {
            from,
            until: now.max(from),
        });
        self.past.iter().copied().chain(lasting)
    }

    fn remember(&mut self, from: Timestamp, until: Timestamp) {
        self.past.push(Interval { from, until });
        self.past.sort_unstable_by_key(|interval| interval.from);
        while self.past.len() > MOST_PAST {
            // The two with the least between them become one, and what is between them counts as paused: whoever gives
            // up a little later loses nothing.
            let gap = |at: &usize| self.past[at + 1].from.since(self.past[*at].until);
            let at = (0..MOST_PAST).min_by_key(gap).expect("there are several");
            let next = self.past.remove(at + 1);
            self.past[at].until = self.past[at].until.max(next.until);
        }
    }
}

/// How much of the time between `from` and `until` lies in any of `intervals`; what lies in several counts once.
pub fn paused_within(
    intervals: impl IntoIterator<Item = Interval>,
    from: Timestamp,
    until: Timestamp,
) -> Duration {
    let mut inside: Vec<Interval> = intervals
        .into_iter()
        .map(|interval| Interval {
            from: interval.from.max(from),
            until: interval.until.min(until),
        })
        .filter(|interval| interval.from < interval.until)
        .collect();
    inside.sort_unstable_by_key(|interval| interval.from);
    let mut counted = from;
    let mut paused = Duration::ZERO;
    for interval in inside {
        paused += interval.until.since(counted.max(interval.from));
        counted = counted.max(interval.until);
    }
    paused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn interval(from: i64, until: i64) -> Interval {
        Interval {
            from: Timestamp(from),
            until: Timestamp(until),
        }
    }

    fn connection() -> ConnectionId {
        ConnectionId::from_uuid(Uuid::nil())
    }

    proptest! {
        #[test]
        fn every_moment_is_counted_once(
            intervals in prop::collection::vec((0i64..60, 0i64..60), 0..8),
            from in 0i64..60,
            length in 0i64..60,
        ) {
            let until = from + length;
            let expect = (from..until)
                .filter(|at| intervals.iter().any(|(from, until)| from <= at && at < until))
                .count();
            let paused = paused_within(
                intervals.iter().map(|(from, until)| interval(*from, *until)),
                Timestamp(from),
                Timestamp(until),
            );
            prop_assert_eq!(paused, Duration::from_millis(expect as u64));
        }

        #[test]
        fn what_is_remembered_is_bounded_and_never_less_than_what_was(lengths in prop::collection::vec((1i64..50, 1i64..50), 1..120)) {
            let mut pauses = Pauses::default();
            let (mut now, mut total) = (0, 0);
            for (gap, length) in lengths {
                pauses.switch(true, Timestamp(now + gap));
                now += gap + length;
                pauses.switch(false, Timestamp(now));
                total += length;
            }
            prop_assert!(pauses.past.len() <= MOST_PAST);
            let counted = paused_within(pauses.intervals(Timestamp(now)), Timestamp(0), Timestamp(now));
            prop_assert!(counted >= Duration::from_millis(total.cast_unsigned()));
        }
    }

    #[test]
    fn the_third_failure_in_a_row_pauses_and_a_success_begins_anew() {
        let mut pauses = Pauses::default();
        let failure = Failure::new(FailureKind::Permission, "give the role");
        for _ in 0..2 {
            assert!(!pauses.strike(connection(), &failure, Timestamp(1)));
            assert!(!pauses.strike(connection(), &failure, Timestamp(2)));
            pauses.went_well();
        }
        let told: Vec<bool> = (0..4)
            .map(|at| pauses.strike(connection(), &failure, Timestamp(at)))
            .collect();
        assert_eq!(told, [false, false, true, false], "it is told once");
        assert!(pauses.resume(Timestamp(9)));
        assert_eq!(pauses.past, [interval(2, 9)]);
    }

    #[test]
    fn a_test_is_made_by_one_and_then_not_before_its_time() {
        let mut pauses = Pauses::default();
        pauses.pause(Paused {
            by: By::Host,
            since: Timestamp(0),
            kind: Some(FailureKind::Auth),
            message: String::new(),
            connection: None,
            next_test: Some(Timestamp(5)),
        });
        assert!(!pauses.claim_test(Timestamp(4)));
        assert!(pauses.claim_test(Timestamp(5)));
        assert!(!pauses.claim_test(Timestamp(300_004)));
        assert!(pauses.claim_test(Timestamp(300_005)));
    }
}
