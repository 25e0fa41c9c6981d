//! `locks`: identity locks of the account, taken all at once and once per attempt.

use std::time::Duration;

use gladhand_core::attempt::{Attempt, End};
use gladhand_core::failure::{Failure, FailureKind};
use tokio::time::{sleep, timeout};

use super::View;
use crate::bindings::gladhand::connector::locks;
use crate::host::Host;
use crate::stop::Stop;

/// How long an attempt waits for locks: longer than a delivery usually holds them, shorter than its lease.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// When a delivery that did not get its locks tries again.
const DEFERRAL: Duration = Duration::from_secs(5);
/// Identities of one contact; more are no contact's.
const MOST_KEYS: usize = 64;
/// Bytes of a key: an e-mail address has at most 254, and a prefix.
const MOST_KEY_BYTES: usize = 512;

impl Host {
    /// Takes all of `keys`, or ends the attempt with a deferral where they are not free in time.
    pub async fn lock(&mut self, mut keys: Vec<String>) -> Result<(), Stop> {
        if self.attempt.locks.is_some() {
            return Err(Stop::misuse(
                "the connector called `locks.acquire` twice: it must take all its locks in one call",
            ));
        }
        if keys.len() > MOST_KEYS || keys.iter().any(|key| key.len() > MOST_KEY_BYTES) {
            return Err(Stop::misuse(format!(
                "the connector asked for more than {MOST_KEYS} locks, or for one of more than {MOST_KEY_BYTES} bytes"
            )));
        }
        // Everybody asks in one order, so that nobody waits in a circle.
        keys.sort_unstable();
        keys.dedup();
        if !keys.is_empty() {
            self.wait_for(&keys).await?;
        }
        self.attempt.locks = Some(keys);
        Ok(())
    }

    async fn wait_for(&self, keys: &[String]) -> Result<(), Stop> {
        // Whatever the last look still takes is freed when the attempt settles.
        let waited = timeout(PATIENCE, self.until_locked(keys)).await;
        waited.unwrap_or_else(|_| {
            Err(Stop::End(End::Deferred {
                until: self.services.clock.now().after(DEFERRAL),
                failure: Box::new(Failure::new(
                    FailureKind::Conflict,
                    "another delivery is writing the same person, and this one waits for it",
                )),
            }))
        })
    }

    async fn until_locked(&self, keys: &[String]) -> Result<(), Stop> {
        let Attempt { lease, account, .. } = &self.attempt;
        let locks = &self.services.ports.locks;
        while !locks.acquire(lease, *account, keys).await? {
            sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl locks::Host for View<'_> {
    async fn acquire(&mut self, keys: Vec<String>) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        Ok(meter.host(host.lock(keys)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::doubles::{Doubles, misuse};

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[tokio::test]
    async fn keys_are_taken_sorted_and_once_each() {
        let doubles = Doubles::new();
        let mut host = doubles.delivery();
        host.lock(keys(&["phone:+1", "email:a@x", "phone:+1"]))
            .await
            .expect("they are free");
        let held = keys(&["email:a@x", "phone:+1"]);
        assert_eq!(host.attempt.locks, Some(held.clone()));
        assert_eq!(doubles.asked_locks(), [held]);
    }

    #[tokio::test]
    async fn a_second_acquire_is_misuse() {
        let mut host = Doubles::new().delivery();
        host.lock(keys(&["email:a@x"])).await.expect("it is free");
        assert_eq!(
            misuse(host.lock(keys(&["phone:+1"])).await),
            "the connector called `locks.acquire` twice: it must take all its locks in one call"
        );
    }

    #[tokio::test]
    async fn no_keys_are_held_without_asking() {
        let doubles = Doubles::new();
        let mut host = doubles.delivery();
        host.lock(Vec::new()).await.expect("nothing to wait for");
        assert_eq!(host.attempt.locks, Some(Vec::new()));
        assert!(doubles.asked_locks().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn locks_that_become_free_in_time_are_taken() {
        let doubles = Doubles::new();
        doubles.refuse_locks(39);
        let mut host = doubles.delivery();
        host.lock(keys(&["email:a@x"])).await.expect("free by then");
        assert_eq!(doubles.asked_locks().len(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn locks_that_stay_taken_defer_the_delivery() {
        let doubles = Doubles::new();
        doubles.refuse_locks(u32::MAX);
        let mut host = doubles.delivery();
        let stop = host.lock(keys(&["email:a@x"])).await;
        let Err(Stop::End(End::Deferred { until, .. })) = stop else {
            panic!("expected a deferral, got {stop:?}");
        };
        assert_eq!(until, host.services.clock.now().after(DEFERRAL));
        assert_eq!(host.attempt.locks, None);
    }

    #[tokio::test]
    async fn a_thousand_keys_are_misuse() {
        let many = (0..1_000).map(|number| number.to_string()).collect();
        let stop = Doubles::new().delivery().lock(many).await;
        assert_eq!(
            misuse(stop),
            "the connector asked for more than 64 locks, or for one of more than 512 bytes"
        );
    }
}
