//! Since when this process knows of what is doubtful, on a clock that nobody sets. Pure: the time comes in.
//!
//! Nothing of it is stored: another process has another clock. After a start, or where another host had the lane before,
//! what is doubtful is first known when it is first shown, and its age begins there.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use gladhand_core::clock::Timestamp;
use gladhand_core::ids::{DeliveryId, EffectId};

/// Some 10 MB where it is full. That takes a trouble in which a thousand writes a second lose their answers for a minute.
const MOST: usize = 65_536;

/// What has been known for so long has been looked for, or nobody comes to look: it makes room for others. Longer than any
/// CRM takes for a write.
const LONG: Duration = Duration::from_mins(10);

/// What nobody knows the end of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubtful {
    /// A write.
    Effect(EffectId),
    /// An attempt of the delivery that began then, by the wall clock, and never settled.
    Attempt(DeliveryId, Timestamp),
}

/// When each was first known of.
#[derive(Debug, Default)]
pub struct Sighted {
    since: HashMap<Doubtful, Duration>,
    oldest_first: BTreeSet<(Duration, Doubtful)>,
}

impl Sighted {
    /// It begins now, whatever was known of it before.
    pub fn begin(&mut self, what: Doubtful, now: Duration) {
        self.forget(what);
        self.note(what, now);
    }

    /// For how long it has been known of; from now on where it was not.
    pub fn known_for(&mut self, what: Doubtful, now: Duration) -> Duration {
        if let Some(since) = self.since.get(&what) {
            return now.saturating_sub(*since);
        }
        self.note(what, now);
        Duration::ZERO
    }

    /// It is doubtful no more.
    pub fn forget(&mut self, what: Doubtful) {
        if let Some(since) = self.since.remove(&what) {
            self.oldest_first.remove(&(since, what));
        }
    }

    /// Where too much is doubtful, what comes last is not known yet when it is shown again, and what came first has its
    /// time: its looking makes room. That costs time and nothing else.
    fn note(&mut self, what: Doubtful, now: Duration) {
        if self.since.len() >= MOST {
            let Some((since, oldest)) = self.oldest_first.first().copied() else {
                return;
            };
            if now.saturating_sub(since) < LONG {
                return;
            }
            self.forget(oldest);
        }
        self.since.insert(what, now);
        self.oldest_first.insert((now, what));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn effect(number: usize) -> Doubtful {
        let number = u128::try_from(number).expect("small");
        Doubtful::Effect(EffectId::from_uuid(Uuid::from_u128(number)))
    }

    #[test]
    fn what_is_first_shown_is_known_from_then_on() {
        let mut sighted = Sighted::default();
        assert_eq!(sighted.known_for(effect(1), 7 * SECOND), Duration::ZERO);
        assert_eq!(sighted.known_for(effect(1), 9 * SECOND), 2 * SECOND);
        assert_eq!(sighted.known_for(effect(2), 9 * SECOND), Duration::ZERO);
    }

    #[test]
    fn what_begins_is_known_from_its_beginning() {
        let mut sighted = Sighted::default();
        sighted.begin(effect(1), 7 * SECOND);
        assert_eq!(sighted.known_for(effect(1), 9 * SECOND), 2 * SECOND);
    }

    #[test]
    fn what_was_shown_before_it_left_is_known_from_when_it_left() {
        let mut sighted = Sighted::default();
        sighted.known_for(effect(1), SECOND);
        sighted.begin(effect(1), 7 * SECOND);
        assert_eq!(sighted.known_for(effect(1), 9 * SECOND), 2 * SECOND);
    }

    #[test]
    fn an_attempt_that_never_settled_is_told_from_a_later_one_of_its_delivery() {
        let mut sighted = Sighted::default();
        let delivery = DeliveryId::from_uuid(Uuid::from_u128(1));
        let attempt = |at| Doubtful::Attempt(delivery, Timestamp(at));
        sighted.known_for(attempt(10), SECOND);
        assert_eq!(sighted.known_for(attempt(20), 9 * SECOND), Duration::ZERO);
        assert_eq!(sighted.known_for(attempt(10), 9 * SECOND), 8 * SECOND);
    }

    #[test]
    fn what_is_forgotten_leaves_nothing_behind() {
        let mut sighted = Sighted::default();
        sighted.begin(effect(1), SECOND);
        sighted.forget(effect(1));
        assert!(sighted.since.is_empty() && sighted.oldest_first.is_empty());
    }

    /// One a millisecond, until there is room for no more.
    fn full() -> (Sighted, Duration) {
        let mut sighted = Sighted::default();
        let at = |number: usize| Duration::from_millis(u64::try_from(number).expect("small"));
        for number in 0..MOST {
            sighted.begin(effect(number), at(number));
        }
        assert_eq!(
            (sighted.since.len(), sighted.oldest_first.len()),
            (MOST, MOST)
        );
        (sighted, at(MOST))
    }

    #[test]
    fn what_comes_when_there_is_no_room_waits_until_the_first_are_looked_for() {
        let (mut sighted, now) = full();
        assert_eq!(sighted.known_for(effect(MOST), now), Duration::ZERO);
        let later = now + SECOND;
        assert_eq!(sighted.known_for(effect(MOST), later), Duration::ZERO);
        assert_eq!(sighted.known_for(effect(0), later), later);

        sighted.forget(effect(0));
        assert_eq!(sighted.known_for(effect(MOST), later), Duration::ZERO);
        let age = sighted.known_for(effect(MOST), later + SECOND);
        assert_eq!(age, SECOND);
        assert_eq!(sighted.since.len(), MOST);
    }

    #[test]
    fn what_nobody_looks_for_makes_room_in_the_end() {
        let (mut sighted, _) = full();
        sighted.begin(effect(MOST), LONG);
        assert_eq!(sighted.known_for(effect(MOST), LONG + SECOND), SECOND);
        assert_eq!(
            sighted.known_for(effect(1), LONG + Duration::from_millis(1)),
            LONG
        );
        assert_eq!(sighted.since.len(), MOST);
    }
}
