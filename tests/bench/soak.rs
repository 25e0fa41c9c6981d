//! `soak`: contacts that change over and over, for long, through a host of its own that removes what has settled within
//! seconds. What it keeps resident and what the database keeps on disk should be flat.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use gladhand_core::clock::Clock as _;
use gladhand_server::system::SystemClock;

use crate::bed::{ATTEMPTS, Ground};
use crate::crm::{Crm, Manner};
use crate::process::{Process, Program};
use crate::report::{Row, line, megabytes};
use crate::scale::Scale;
use crate::statements;
use crate::steady::{Load, Used};
use gladhand_tests::database::Kind;

/// How often it is looked at, over the whole run.
const SAMPLES: usize = 20;
/// A host that delivers nothing for so long is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends `scale.soak` changes, and no further ahead of the deliveries than keeps a contact's changes from meeting: they
/// would be one delivery then.
pub async fn run(scale: Scale, kind: Kind) -> Result<Row> {
    line(&format!("soak: {} deliveries …", scale.soak));
    let counts = kind == Kind::Postgres && statements::enable().await?;
    let clock: Arc<SystemClock> = Arc::default();
    let crm = Arc::new(Crm::start(clock.clone(), Manner::default()).await?);
    let mut ground = Ground::new(kind, vec![crm.joined("bench", 1, ATTEMPTS)]).await?;
    ground.setup.attempts = ATTEMPTS;
    let host = Process::start(&ground.setup, Program::Forgetful).await?;
    let before = Used::of(&host, &ground.database, counts).await?;
    let began = clock.monotonic();
    let load = Load::start(&host, &clock, scale.soak, scale.soak_contacts);
    let mut samples: Vec<(f64, f64)> = Vec::new();
    let ahead = scale.soak_contacts / 2;
    for sample in 1..=SAMPLES {
        let wanted = scale.soak * sample / SAMPLES;
        loop {
            let delivered = usize::try_from(crm.requests())?;
            load.allow(delivered + ahead);
            if delivered >= wanted {
                break;
            }
            let step = u64::try_from(wanted.min(delivered + ahead / 4))?;
            ensure!(
                crm.has_had(step, PATIENCE).await,
                "nothing more is delivered after {delivered}"
            );
        }
        let disk = megabytes(ground.database.bytes_kept().await?);
        let rss = host.rss_mb()?;
        line(&format!(
            "  {wanted} deliveries: {rss:.0} MB resident, {disk:.0} MB on disk"
        ));
        samples.push((rss, disk));
    }
    let took = clock.monotonic().saturating_sub(began);
    load.end().await?;
    let used = Used::of(&host, &ground.database, counts).await?;
    let [step_p99_ms, step_max_ms] = host.retention_steps_ms().await?;
    ground.database.remove().await?;
    let (early, last) = (samples[SAMPLES / 4], samples[SAMPLES - 1]);
    Ok(Row {
        scenario: "soak",
        store: kind.name(),
        lanes: Some(scale.soak_contacts),
        deliveries_per_second: Some(scale.soak as f64 / took.as_secs_f64()),
        rss_mb: Some(last.0),
        rss_ratio: Some(last.0 / early.0),
        disk_mb: Some(last.1),
        disk_ratio: Some(last.1 / early.1),
        retention_step_p99_ms: Some(step_p99_ms),
        retention_step_max_ms: Some(step_max_ms),
        ..used.since(&before, scale.soak, kind)
    })
}
