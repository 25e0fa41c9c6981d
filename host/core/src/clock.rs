//! Time as a parameter.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
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

    /// As people read it, in UTC: `2026-11-20 12:00:00`. One that no calendar has stays a number.
    pub fn utc(self) -> String {
        DateTime::from_timestamp_millis(self.0).map_or_else(
            || self.to_string(),
            |at| at.format("%Y-%m-%d %H:%M:%S").to_string(),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The clocks that code may read, and wait on.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall time: what is stored and shown.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start that never goes back: what leases and deadlines are measured with.
    fn monotonic(&self) -> Duration;
    /// Time since an arbitrary start that passes as it does for the CRM and never jumps: what tells how long ago something
    /// was. The same as `monotonic`, unless the world's time passes at another speed than the machine's.
    fn steady(&self) -> Duration {
        self.monotonic()
    }
    /// Waits until so much time has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(Mutex<Manual>);

#[derive(Debug)]
struct Manual {
    /// What the wall clock shows while it is right.
    now: Timestamp,
    /// How far from that it stands.
    off_ms: i64,
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
            off_ms: 0,
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

    /// From now on the wall clock alone stands so far from where it should, forward or back; nobody wakes for it.
    pub fn stand_off(&self, ms: i64) {
        self.lock().off_ms = ms;
    }

    /// Until when each who waits on this clock waits, as the wall clock will show it, soonest first.
    pub fn sleepers(&self) -> Vec<Timestamp> {
        let manual = self.lock();
        let shown = |sleeper: &Sleeper| manual.shows(sleeper.until);
        let mut until: Vec<Timestamp> = manual.sleepers.iter().map(shown).collect();
        until.sort_unstable();
        until
    }

    fn lock(&self) -> MutexGuard<'_, Manual> {
        self.0
            .lock()
            .expect("no user of the clock panics while holding it")
    }
}

impl Manual {
    fn shows(&self, moment: Timestamp) -> Timestamp {
        Timestamp(moment.0.saturating_add(self.off_ms))
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let manual = self.lock();
        manual.shows(manual.now)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.lock().now.0).unwrap_or(0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_a_moment_in_utc() {
        assert_eq!(Timestamp(1_795_176_000_999).utc(), "2026-11-20 12:00:00");
        assert_eq!(Timestamp(i64::MAX).utc(), i64::MAX.to_string());
    }

    #[test]
    fn a_wall_clock_that_is_set_leaves_steady_time_alone() {
        let clock = ManualClock::new(Timestamp(1_000));
        let began = clock.steady();
        for off_ms in [600_000, -600_000, 0] {
            clock.stand_off(off_ms);
            assert_eq!(clock.now(), Timestamp(1_000 + off_ms));
            assert_eq!(clock.steady(), began);
        }
        clock.advance(Duration::from_millis(5));
        assert_eq!(clock.now(), Timestamp(1_005));
        assert_eq!(clock.steady(), began + Duration::from_millis(5));
    }
}
