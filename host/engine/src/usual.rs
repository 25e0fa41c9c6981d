//! How many requests the attempts of a connection usually make, so that none begins that its budget cannot carry.
//!
//! In memory: a host that has just started learns it from its first attempts.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use gladhand_core::event::EventKind;
use gladhand_core::ids::ConnectionId;

/// The largest of so many is what is usual.
const REMEMBERED: usize = 20;

/// Requests of the latest attempts, per connection and kind.
#[derive(Debug, Default)]
pub struct UsualCalls(Mutex<HashMap<ConnectionId, HashMap<EventKind, VecDeque<u32>>>>);

const NO_PANIC: &str = "nobody panics while counting";

impl UsualCalls {
    /// Notes what an attempt made.
    pub fn note(&self, connection: ConnectionId, kind: EventKind, calls: u32) {
        let mut all = self.0.lock().expect(NO_PANIC);
        let latest = all.entry(connection).or_default().entry(kind).or_default();
        latest.push_back(calls);
        if latest.len() > REMEMBERED {
            latest.pop_front();
        }
    }

    /// What an attempt of the connection usually makes. Nobody knows which kind comes next, so it is the largest of all.
    pub fn of(&self, connection: ConnectionId) -> u32 {
        let all = self.0.lock().expect(NO_PANIC);
        let kinds = all.get(&connection).into_iter().flat_map(HashMap::values);
        kinds.flatten().copied().max().unwrap_or(1)
    }

    /// Forgets every connection that is not among these.
    pub fn retain(&self, is_known: impl Fn(ConnectionId) -> bool) {
        let mut all = self.0.lock().expect(NO_PANIC);
        all.retain(|connection, _| is_known(*connection));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_the_last_twenty_is_usual() {
        let usual = UsualCalls::default();
        let connection = "con_00000000000000000000000000000000";
        let connection: ConnectionId = connection.parse().expect("an id");
        assert_eq!(usual.of(connection), 1, "nothing is known");
        usual.note(connection, EventKind::ContactChanged, 9);
        for _ in 0..19 {
            usual.note(connection, EventKind::ContactChanged, 3);
            usual.note(connection, EventKind::MessageCreated, 2);
        }
        assert_eq!(usual.of(connection), 9);
        usual.note(connection, EventKind::ContactChanged, 3);
        assert_eq!(usual.of(connection), 3, "the nine is forgotten");
        usual.retain(|_| false);
        assert_eq!(usual.of(connection), 1);
    }
}
