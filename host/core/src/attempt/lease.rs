//! The right to work on a lane, which ends by itself unless it is prolonged.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::ids::{AttemptId, ConnectionId, DeliveryId, LeaseToken};

/// The right of one worker to work on one lane, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Proves it.
    pub token: LeaseToken,
    /// Of which lane: the connection's …
    pub connection: ConnectionId,
    /// … and the contact's.
    pub contact: String,
    /// For which delivery.
    pub delivery: DeliveryId,
    /// In which attempt.
    pub attempt: AttemptId,
    /// When it ends, on `Clock::monotonic`.
    pub until: Until,
}

/// A moment on the monotonic clock that can be moved while others look at it: every clone is the same moment.
#[derive(Clone)]
pub struct Until(Arc<AtomicU64>);

impl Until {
    /// The moment as it is now.
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire))
    }

    /// Moves it, for everybody.
    pub fn set(&self, moment: Duration) {
        self.0.store(nanoseconds(moment), Ordering::Release);
    }
}

impl From<Duration> for Until {
    fn from(moment: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(nanoseconds(moment))))
    }
}

impl fmt::Debug for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl PartialEq for Until {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Until {}

/// Nobody runs for the 584 years at which this ends.
fn nanoseconds(moment: Duration) -> u64 {
    u64::try_from(moment.as_nanos()).unwrap_or(u64::MAX)
}
