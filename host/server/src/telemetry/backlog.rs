//! What waits in the database, as gauges: read when somebody asks for the metrics, and rarely, whoever asks how often.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::delivery::DeliveryState;
use gladhand_store::deliveries::Counts;
use gladhand_store::{Deliveries, Error};
use metrics::gauge;
use tokio::sync::Mutex;

/// Several who ask, or one who asks all the time, must not become the database's work.
const READ_AGAIN: Duration = Duration::from_secs(10);

/// Prometheus gives up after 10 s and would miss all the other metrics as well.
const PATIENCE: Duration = Duration::from_secs(2);

/// What waits in the database.
pub struct Backlog {
    deliveries: Arc<dyn Deliveries>,
    clock: Arc<dyn Clock>,
    /// One reads while the others wait for what it finds.
    last: Mutex<Option<Reading>>,
}

struct Reading {
    /// On the monotonic clock.
    at: Duration,
    /// Nothing where the database did not answer.
    found: Option<(Counts, u64)>,
}

impl Backlog {
    /// Nothing is read yet.
    pub fn new(deliveries: Arc<dyn Deliveries>, clock: Arc<dyn Clock>) -> Self {
        Self {
            deliveries,
            clock,
            last: Mutex::default(),
        }
    }

    /// Brings the gauges up to date.
    pub async fn tell(&self) {
        let mut last = self.last.lock().await;
        let now = self.clock.monotonic();
        let is_old = |reading: &Reading| now.saturating_sub(reading.at) >= READ_AGAIN;
        if last.as_ref().is_none_or(is_old) {
            let found = self.read().await;
            *last = Some(Reading { at: now, found });
        }
        let found = last.as_ref().and_then(|reading| reading.found.as_ref());
        set(found, self.clock.now());
    }

    async fn read(&self) -> Option<(Counts, u64)> {
        let reading = async {
            let counts = self.deliveries.counts().await?;
            Ok::<_, Error>((counts, self.deliveries.lanes_waiting().await?))
        };
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "reading what waits, for the metrics"
                );
                None
            }
            Err(_) => {
                tracing::warn!("the database does not say in time what waits, for the metrics");
                None
            }
        }
    }
}

/// What is not known is no number: an old one would say that all is well.
fn set(found: Option<&(Counts, u64)>, now: Timestamp) {
    for state in stored_states() {
        let number = found.map_or(f64::NAN, |(counts, _)| {
            let mut of_state = counts.by_state.iter().filter(|(of, _)| *of == state);
            of_state.next().map_or(0.0, |(_, number)| *number as f64)
        });
        gauge!("gladhand_deliveries", "state" => state.as_str()).set(number);
    }
    let age = found.map_or(f64::NAN, |(counts, _)| {
        let oldest = counts.oldest_waiting;
        oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64())
    });
    gauge!("gladhand_oldest_pending_seconds").set(age);
    let lanes = found.map_or(f64::NAN, |(_, lanes)| *lanes as f64);
    gauge!("gladhand_waiting_lanes").set(lanes);
}

/// What a pause holds back is stored as pending or waiting, and nothing is shadowed yet.
fn stored_states() -> impl Iterator<Item = DeliveryState> {
    let is_stored =
        |state: &DeliveryState| !matches!(state, DeliveryState::Paused | DeliveryState::Shadowed);
    DeliveryState::ALL.iter().copied().filter(is_stored)
}

#[cfg(test)]
mod tests {
    use gladhand_core::clock::ManualClock;
    use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

    use super::*;
    use crate::doubles::{NOW, World};

    /// A backlog over a store that a test fills, told to a recorder of its own.
    struct Bed {
        world: Arc<World>,
        clock: Arc<ManualClock>,
        backlog: Backlog,
        told: PrometheusHandle,
        _local: metrics::LocalRecorderGuard<'static>,
    }

    impl Bed {
        fn new() -> Self {
            let (world, clock) = (World::new(), Arc::new(ManualClock::new(NOW)));
            let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
            Self {
                backlog: Backlog::new(world.clone(), clock.clone()),
                told: recorder.handle(),
                _local: metrics::set_default_local_recorder(recorder),
                world,
                clock,
            }
        }

        /// The store finds so many dead, and one that waits since a minute before `NOW`.
        fn finds(&self, dead: u64) {
            let counts = Counts {
                by_state: vec![(DeliveryState::Pending, 1), (DeliveryState::Dead, dead)],
                oldest_waiting: Some(Timestamp(NOW.0 - 60_000)),
            };
            *self.world.counts.lock().expect("no test panics with it") = Some(counts);
        }

        async fn check(&self, expect: &[&str]) {
            self.backlog.tell().await;
            let told = self.told.render();
            for line in expect {
                assert!(told.lines().any(|said| said == *line), "{line}: {told}");
            }
        }
    }

    #[tokio::test]
    async fn what_waits_is_told_with_a_number_for_every_state() {
        let bed = Bed::new();
        bed.finds(2);
        bed.check(&[
            r#"gladhand_deliveries{state="dead"} 2"#,
            r#"gladhand_deliveries{state="pending"} 1"#,
            r#"gladhand_deliveries{state="waiting"} 0"#,
            "gladhand_oldest_pending_seconds 60",
            "gladhand_waiting_lanes 3",
        ])
        .await;
        assert!(
            !bed.told.render().contains("paused"),
            "nothing is stored so"
        );
    }

    #[tokio::test]
    async fn the_database_is_asked_every_ten_seconds_and_the_age_grows_meanwhile() {
        let bed = Bed::new();
        bed.finds(2);
        bed.backlog.tell().await;
        bed.finds(5);
        bed.clock.advance(Duration::from_secs(9));
        bed.check(&[
            r#"gladhand_deliveries{state="dead"} 2"#,
            "gladhand_oldest_pending_seconds 69",
        ])
        .await;
        bed.clock.advance(Duration::from_secs(1));
        bed.check(&[
            r#"gladhand_deliveries{state="dead"} 5"#,
            "gladhand_oldest_pending_seconds 70",
        ])
        .await;
    }

    #[tokio::test]
    async fn what_is_not_known_is_no_number() {
        let bed = Bed::new();
        bed.finds(2);
        bed.backlog.tell().await;
        *bed.world.counts.lock().expect("no test panics with it") = None;
        bed.clock.advance(READ_AGAIN);
        bed.check(&[
            r#"gladhand_deliveries{state="dead"} NaN"#,
            "gladhand_oldest_pending_seconds NaN",
            "gladhand_waiting_lanes NaN",
        ])
        .await;
    }
}
