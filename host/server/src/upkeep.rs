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
const SWEEP_AGAIN: Duration = Duration::from_mins(10);

/// Between two steps, so that whoever waits for the database is let in between.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// A step that takes longer is followed by smaller ones: deliveries wait as long as a step takes.
const LONGEST_STEP: Duration = Duration::from_millis(25);

/// Rows of a step, at least and at most.
const STEP_ROWS: (u32, u32) = (16, 2_048);

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

/// Removes what is too old, in small steps, until `stop`.
pub async fn sweep(
    store: Arc<dyn Retention>,
    keep: Keep,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let (fewest, most) = STEP_ROWS;
    let mut rows = fewest;
    let mut removed = 0;
    let mut pause = SWEEP_PAUSE;
    while !is_over(&stop, pause).await {
        let began = clock.monotonic();
        match store.sweep(&keep, rows, clock.now()).await {
            Ok(swept) => {
                let took = clock.monotonic().saturating_sub(began);
                rows = if took > LONGEST_STEP {
                    rows / 2
                } else {
                    rows.saturating_mul(2)
                }
                .clamp(fewest, most);
                removed += swept.rows;
                pause = if swept.is_done {
                    SWEEP_AGAIN
                } else {
                    SWEEP_PAUSE
                };
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

/// Waits; true where everything is to finish.
async fn is_over(stop: &CancellationToken, wait: Duration) -> bool {
    stop.run_until_cancelled(tokio::time::sleep(wait))
        .await
        .is_none()
}
