//! Who kept the processor busy during a call: the guest, or the host on its behalf. Waiting counts for neither.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gladhand_core::clock::Clock;

/// Measures one call.
#[derive(Debug)]
pub struct Meter {
    clock: Arc<dyn Clock>,
    reading: Mutex<Reading>,
}

/// What was measured so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// In the guest's own code.
    pub guest: Duration,
    /// In the host's code, while the guest waits for it.
    pub host: Duration,
    /// A host call has begun and not ended.
    pub is_in_host: bool,
    at: Duration,
    who: Who,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Who {
    #[default]
    Nobody,
    Guest,
    Host,
}

impl Meter {
    /// A meter that has measured nothing.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            reading: Mutex::default(),
        }
    }

    /// What was measured up to now.
    pub fn read(&self) -> Reading {
        let mut reading = self.lock();
        reading.charge(self.clock.monotonic());
        *reading
    }

    /// Runs the guest and charges it for every moment in which it is not waiting.
    pub async fn guest<F: Future>(&self, guest: F) -> F::Output {
        let mut guest = pin!(guest);
        poll_fn(|context| {
            self.turn(Who::Guest);
            let poll = guest.as_mut().poll(context);
            self.turn(Who::Nobody);
            poll
        })
        .await
    }

    /// Runs a host call inside of [`Meter::guest`].
    pub async fn host<F: Future>(&self, host: F) -> F::Output {
        let mut host = pin!(host);
        self.lock().is_in_host = true;
        let output = poll_fn(|context| {
            self.turn(Who::Host);
            let poll = host.as_mut().poll(context);
            self.turn(Who::Guest);
            poll
        })
        .await;
        self.lock().is_in_host = false;
        output
    }

    /// Runs a host call that does not wait.
    pub fn host_now<T>(&self, host: impl FnOnce() -> T) -> T {
        self.turn(Who::Host);
        let output = host();
        self.turn(Who::Guest);
        output
    }

    fn turn(&self, who: Who) {
        let mut reading = self.lock();
        reading.charge(self.clock.monotonic());
        reading.who = who;
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.reading
            .lock()
            .expect("nothing panics while the meter is read")
    }
}

impl Reading {
    /// The time in which a processor was busy.
    pub fn busy(&self) -> Duration {
        self.guest + self.host
    }

    fn charge(&mut self, now: Duration) {
        let spent = now.saturating_sub(self.at);
        self.at = now;
        match self.who {
            Who::Nobody => {}
            Who::Guest => self.guest += spent,
            Who::Host => self.host += spent,
        }
    }
}

#[cfg(test)]
mod tests {
    use gladhand_core::clock::{ManualClock, Timestamp};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn guest_host_and_waiting_are_told_apart() {
        let clock = Arc::new(ManualClock::new(Timestamp(0)));
        let meter = Meter::new(Arc::clone(&clock) as Arc<dyn Clock>);
        meter
            .guest(async {
                clock.advance(3 * MS);
                meter
                    .host(async {
                        clock.advance(5 * MS);
                        let mut is_first = true;
                        poll_fn(|context| {
                            if !std::mem::take(&mut is_first) {
                                return std::task::Poll::Ready(());
                            }
                            context.waker().wake_by_ref();
                            std::task::Poll::Pending
                        })
                        .await;
                        clock.advance(7 * MS);
                    })
                    .await;
                meter.host_now(|| clock.advance(11 * MS));
                clock.advance(13 * MS);
            })
            .await;
        clock.advance(17 * MS);

        let reading = meter.read();
        assert_eq!(reading.guest, 16 * MS);
        assert_eq!(reading.host, 23 * MS);
        assert_eq!(reading.busy(), 39 * MS);
        assert!(!reading.is_in_host);
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_while_it_waits_was_in_the_host() {
        let meter = Meter::new(Arc::new(ManualClock::new(Timestamp(0))));
        let mut call = Box::pin(meter.guest(meter.host(std::future::pending::<()>())));
        poll_fn(|context| {
            assert!(call.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(call);
        assert!(meter.read().is_in_host);
    }
}
