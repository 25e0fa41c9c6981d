//! Time that runs faster than the machine's and can jump: hours of retries and lookups pass in seconds.
//!
//! The simulated CRM, the load and the hosts share one origin and one speed; jumps are a host's own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::clock::{Clock, Timestamp};
use gladhand_server::system::SystemClock;

/// A clock that left `origin` at `speed`.
#[derive(Debug)]
pub struct FastClock {
    origin: Timestamp,
    speed: u32,
    jumped_ms: AtomicI64,
    real: SystemClock,
}

impl FastClock {
    /// At `origin` it shows what the machine's clock shows.
    pub fn new(origin: Timestamp, speed: u32) -> Self {
        Self {
            origin,
            speed,
            jumped_ms: AtomicI64::new(0),
            real: SystemClock::new(),
        }
    }

    /// One that begins now.
    pub fn starting(speed: u32) -> Self {
        Self::new(SystemClock::new().now(), speed)
    }

    /// When it showed the machine's time.
    pub fn origin(&self) -> Timestamp {
        self.origin
    }

    /// Stands so far from the others from now on, forward or back.
    pub fn stand_off(&self, ms: i64) {
        self.jumped_ms.store(ms, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.real.now().0 - self.origin.0;
        let jumped = self.jumped_ms.load(Ordering::Relaxed);
        Timestamp(self.origin.0 + elapsed * i64::from(self.speed) + jumped)
    }

    /// The machine's: deadlines and leases guard work that takes real time.
    fn monotonic(&self) -> Duration {
        self.real.monotonic()
    }

    /// At the speed of the hosts' and the CRM's time, and without the jumps: the CRM is done with a late write by this time.
    fn steady(&self) -> Duration {
        self.real.monotonic() * self.speed
    }

    async fn sleep(&self, duration: Duration) {
        self.real.sleep(duration / self.speed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_moves_the_wall_clock_alone() {
        const JUMP: Duration = Duration::from_hours(10_000);
        let clock = FastClock::starting(20);
        let (now, steady, monotonic) = (clock.now(), clock.steady(), clock.monotonic());
        clock.stand_off(i64::try_from(JUMP.as_millis()).expect("small"));
        assert!(clock.now() >= now.after(JUMP));
        assert!(clock.steady() < steady + JUMP);
        assert!(clock.monotonic() < monotonic + JUMP);
    }
}
