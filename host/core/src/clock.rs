//! Time as a parameter.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How much later this is than `earlier`; zero where it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The two clocks that code may read.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall time: what is stored and shown.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start that never goes back: what leases and deadlines are measured with.
    fn monotonic(&self) -> Duration;
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(Mutex<i64>);

impl ManualClock {
    /// Starts at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now.0))
    }

    /// Moves both clocks forward.
    pub fn advance(&self, duration: Duration) {
        let mut now = self
            .0
            .lock()
            .expect("no user of the clock panics while holding it");
        *now = Timestamp(*now).after(duration).0;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(
            *self
                .0
                .lock()
                .expect("no user of the clock panics while holding it"),
        )
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().0).unwrap_or(0))
    }
}
