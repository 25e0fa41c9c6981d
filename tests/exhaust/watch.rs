//! The clock that one life of a host reads. It can stop at a reading, and with it every thread that reads it: between two
//! requests that is where a process can be killed at a place of one's choice.
//!
//! The time itself is shared by all lives and moves only when the harness says so.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::clock::{Clock, ManualClock, Timestamp};
use tokio::sync::watch;

/// One life's clock.
#[derive(Debug)]
pub struct Watch {
    time: Arc<ManualClock>,
    state: Mutex<State>,
    released: Condvar,
    dying: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    readings: u64,
    stops_at: Option<u64>,
    is_stopped: bool,
    is_released: bool,
}

impl Watch {
    /// A clock that shows `time`.
    pub fn new(time: Arc<ManualClock>) -> Self {
        Self {
            time,
            state: Mutex::default(),
            released: Condvar::new(),
            dying: watch::Sender::new(false),
        }
    }

    /// How often it was read.
    pub fn readings(&self) -> u64 {
        self.state().readings
    }

    /// Stops at the `count`-th reading from here; the life is to be killed then.
    pub fn stop_after(&self, count: u64) {
        let mut state = self.state();
        state.stops_at = Some(state.readings + count);
    }

    /// The life is to be killed now.
    pub fn die(&self) {
        self.dying.send_replace(true);
    }

    /// Waits until the life is to be killed.
    pub async fn dying(&self) {
        // The sender lives as long as this clock, so it is never gone before it says so.
        self.dying.subscribe().wait_for(|dying| *dying).await.ok();
    }

    /// Lets go of whoever stands still, once nothing more comes of what they do.
    pub fn release(&self) {
        self.state().is_released = true;
        self.released.notify_all();
    }

    fn read(&self) {
        let mut state = self.state();
        state.readings += 1;
        if state.stops_at == Some(state.readings) {
            state.is_stopped = true;
            self.die();
        }
        while state.is_stopped && !state.is_released {
            state = self
                .released
                .wait(state)
                .expect("no user of the clock panics while holding it");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no user of the clock panics while holding it")
    }
}

#[async_trait]
impl Clock for Watch {
    fn now(&self) -> Timestamp {
        self.read();
        self.time.now()
    }

    fn monotonic(&self) -> Duration {
        self.read();
        self.time.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.read();
        self.time.sleep(duration).await;
    }
}
