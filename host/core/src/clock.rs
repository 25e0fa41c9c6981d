//! Time as a parameter.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
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

/// The two clocks that code may read, and wait on.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall time: what is stored and shown.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start that never goes back: what leases and deadlines are measured with.
    fn monotonic(&self) -> Duration;
    /// Waits until so much time has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(Mutex<Manual>);

#[derive(Debug)]
struct Manual {
    now: Timestamp,
    /// Who waits, by number.
    sleepers: Vec<Sleeper>,
    numbers: u64,
}

#[derive(Debug)]
struct Sleeper {
    number: u64,
    until: Timestamp,
    waker: Option<Waker>,
}

impl ManualClock {
    /// Starts at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Manual {
            now,
            sleepers: Vec::new(),
            numbers: 0,
        }))
    }

    /// Moves both clocks forward, and wakes who waited for it.
    pub fn advance(&self, duration: Duration) {
        let mut manual = self.lock();
        manual.now = manual.now.after(duration);
        for sleeper in &mut manual.sleepers {
            if let Some(waker) = sleeper.waker.take() {
                waker.wake();
            }
        }
    }

    /// Until when each who waits on this clock waits, soonest first.
    pub fn sleepers(&self) -> Vec<Timestamp> {
        let mut until: Vec<Timestamp> = self.lock().sleepers.iter().map(|s| s.until).collect();
        until.sort_unstable();
        until
    }

    fn lock(&self) -> MutexGuard<'_, Manual> {
        self.0
            .lock()
            .expect("no user of the clock panics while holding it")
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().0).unwrap_or(0))
    }

    async fn sleep(&self, duration: Duration) {
        let asleep = Asleep::new(self, duration);
        poll_fn(|context| asleep.poll(context.waker())).await;
    }
}

/// One who waits; nobody any more when dropped.
struct Asleep<'c> {
    clock: &'c ManualClock,
    number: u64,
}

impl<'c> Asleep<'c> {
    fn new(clock: &'c ManualClock, duration: Duration) -> Self {
        let mut manual = clock.lock();
        manual.numbers += 1;
        let (number, until) = (manual.numbers, manual.now.after(duration));
        manual.sleepers.push(Sleeper {
            number,
            until,
            waker: None,
        });
        Self { clock, number }
    }

    fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut manual = self.clock.lock();
        let now = manual.now;
        let mut sleepers = manual.sleepers.iter_mut();
        match sleepers.find(|sleeper| sleeper.number == self.number) {
            Some(sleeper) if sleeper.until > now => {
                sleeper.waker = Some(waker.clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        let mut manual = self.clock.lock();
        manual
            .sleepers
            .retain(|sleeper| sleeper.number != self.number);
    }
}
