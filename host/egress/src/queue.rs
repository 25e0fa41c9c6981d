//! Whose turn it is where requests wait for a budget: live before bulk, attempts that run before new ones, then as they came.
//!
//! There are never more waiting than the account runs attempts, so a sorted set is all it takes. It must not know budgets.

use std::collections::BTreeSet;

use gladhand_core::attempt::Attempt;
use gladhand_core::lane::Priority;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    priority: Priority,
    /// What has begun is finished first: what it did already would be done again.
    is_new: bool,
    number: u64,
}

/// The requests of one account that wait.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeSet<Turn>,
    numbers: u64,
}

impl Queue {
    /// The turn of an attempt's next request.
    pub fn turn(&mut self, attempt: &Attempt) -> Turn {
        self.numbers += 1;
        Turn {
            priority: attempt.priority,
            is_new: attempt.http_calls <= 1,
            number: self.numbers,
        }
    }

    /// Waits.
    pub fn enter(&mut self, turn: Turn) {
        self.waiting.insert(turn);
    }

    /// Waits no longer.
    pub fn leave(&mut self, turn: Turn) {
        self.waiting.remove(&turn);
    }

    /// How many go before.
    pub fn ahead_of(&self, turn: Turn) -> u32 {
        let ahead = self.waiting.range(..turn).count();
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(priority: Priority, is_new: bool, number: u64) -> Turn {
        Turn {
            priority,
            is_new,
            number,
        }
    }

    #[test]
    fn live_goes_before_bulk_and_what_runs_before_what_begins() {
        let expect = [
            turn(Priority::Live, false, 7),
            turn(Priority::Live, true, 2),
            turn(Priority::Live, true, 5),
            turn(Priority::Bulk, false, 1),
            turn(Priority::Bulk, true, 0),
        ];
        let mut queue = Queue::default();
        for turn in expect.iter().rev() {
            queue.enter(*turn);
        }
        for (ahead, turn) in (0..).zip(expect) {
            assert_eq!(queue.ahead_of(turn), ahead, "{turn:?}");
        }
        queue.leave(expect[0]);
        assert_eq!(queue.ahead_of(expect[4]), 3);
    }
}
