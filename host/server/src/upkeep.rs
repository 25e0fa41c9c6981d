//! What a host does beside its work: it notices what other hosts changed, and removes what nobody needs any more.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::clock::Clock;
use gladhand_engine::Engine;
use gladhand_store::Retention;
use gladhand_store::retention::Keep;
use tokio_util::sync::CancellationToken;

/// Hosts that share a database run the same configuration within this time.
const CONVERGE_AGAIN: Duration = Duration::from_secs(1);

/// Between two rounds over everything that may be too old.
pub const SWEEP_AGAIN: Duration = Duration::from_mins(10);

/// A step that takes longer is followed by smaller ones: deliveries wait as long as a step takes.
const LONGEST_STEP: Duration = Duration::from_millis(20);

/// Rows of a step, at least and at most. What a row takes with it differs by table, and from one row to the next: the most
/// are few enough that no step becomes a long one before it is noticed.
const STEP_ROWS: (u32, u32) = (32, 256);

/// Between two steps others are let in for as long as the step took, at least and at most: half of the time is enough to
/// remove as fast as a host delivers.
const PAUSE: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// Takes up what any host changed in the settings or the catalog, until `stop`.
pub async fn converge(engine: Engine, stop: CancellationToken) {
    while !is_over(&stop, CONVERGE_AGAIN).await {
        // A store that does not answer is said by everybody who needs it.
        let Ok(false) = engine.is_current().await else {
            continue;
        };
        if let Err(error) = engine.reload().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "taking up changed settings"
            );
        }
    }
}

/// Removes what is too old, in small steps, until `stop`; rounds begin `again` after one another.
pub async fn sweep(
    store: Arc<dyn Retention>,
    keep: Keep,
    again: Duration,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut steps = Steps::default();
    let mut removed = 0;
    let mut pause = PAUSE.1;
    while !is_over(&stop, pause).await {
        let began = clock.monotonic();
        match store.sweep(&keep, steps.rows, clock.now()).await {
            Ok(swept) => {
                let took = clock.monotonic().saturating_sub(began);
                metrics::histogram!("gladhand_retention_step_seconds").record(took.as_secs_f64());
                removed += swept.rows;
                pause = steps.took(took, swept.is_table_done);
                if swept.is_done {
                    pause = again;
                }
                if swept.is_done && removed > 0 {
                    tracing::info!(
                        rows = removed,
                        "removed what is older than [retention] keeps"
                    );
                    metrics::counter!("gladhand_removed_rows_total").increment(removed);
                    removed = 0;
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "removing what is too old"
                );
                pause = SWEEP_AGAIN;
            }
        }
    }
}

/// How large the next step is.
#[derive(Debug, PartialEq, Eq)]
struct Steps {
    rows: u32,
}

impl Default for Steps {
    fn default() -> Self {
        Self { rows: STEP_ROWS.0 }
    }
}

impl Steps {
    /// Learns from a step; how long others are let in now. What one table's rows cost says nothing about the next one's.
    fn took(&mut self, took: Duration, is_table_done: bool) -> Duration {
        let (fewest, most) = STEP_ROWS;
        let rows = if is_table_done {
            fewest
        } else if took > LONGEST_STEP {
            self.rows / 2
        } else if took < LONGEST_STEP / 2 {
            self.rows.saturating_mul(2)
        } else {
            self.rows
        };
        self.rows = rows.clamp(fewest, most);
        took.clamp(PAUSE.0, PAUSE.1)
    }
}

/// Waits; true where everything is to finish.
async fn is_over(stop: &CancellationToken, wait: Duration) -> bool {
    stop.run_until_cancelled(tokio::time::sleep(wait))
        .await
        .is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_while_they_are_short_and_shrink_when_they_are_long() {
        let mut steps = Steps::default();
        let ms = Duration::from_millis;
        let mut rows = |took| {
            steps.took(ms(took), false);
            steps.rows
        };
        assert_eq!([rows(1), rows(1), rows(15), rows(30)], [64, 128, 128, 64]);
        assert_eq!([rows(900), rows(900)], [32, 32]);
        assert_eq!((0..9).map(|_| rows(1)).max(), Some(256));
    }

    #[test]
    fn every_table_begins_with_small_steps() {
        let mut steps = Steps { rows: 256 };
        steps.took(Duration::from_millis(1), true);
        assert_eq!(steps, Steps::default());
    }

    #[test]
    fn others_are_let_in_for_as_long_as_a_step_took() {
        let mut steps = Steps::default();
        for (took, pause) in [(0, 2), (20, 20), (500, 100)] {
            let paused = steps.took(Duration::from_millis(took), false);
            assert_eq!(paused, Duration::from_millis(pause));
        }
    }
}
