//! `paced`: so many webhooks a second, each with a delivery of one call. What an event costs where there is room to spare:
//! commits and statements carry less each than under a backlog.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use gladhand_core::clock::Clock as _;
use gladhand_server::system::SystemClock;

use crate::bed::{ATTEMPTS, Ground};
use crate::crm::{Crm, Manner};
use crate::process::{Process, Program};
use crate::report::{Row, line};
use crate::scale::Scale;
use crate::statements;
use crate::steady::{Load, Used};
use gladhand_tests::database::Kind;

/// Webhooks a second.
const RATES: [usize; 2] = [100, 1_000];
/// Between two looks at the clock: a webhook leaves at most so late.
const STEP: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs each for `scale.time`.
pub async fn run(scale: Scale, kind: Kind) -> Result<Vec<Row>> {
    let counts = kind == Kind::Postgres && statements::enable().await?;
    let mut rows = Vec::new();
    for rate in RATES {
        rows.push(at(rate, scale, kind, counts).await?);
    }
    Ok(rows)
}

async fn at(rate: usize, scale: Scale, kind: Kind, counts: bool) -> Result<Row> {
    line(&format!("paced: {rate} webhooks a second …"));
    let clock: Arc<SystemClock> = Arc::default();
    let crm = Crm::start(clock.clone(), Manner::default()).await?;
    let mut ground = Ground::new(kind, vec![crm.joined("bench", 1, ATTEMPTS)]).await?;
    ground.setup.attempts = ATTEMPTS;
    let host = Process::start(&ground.setup, Program::Serve).await?;
    let webhooks = rate * usize::try_from(scale.time.as_secs())?;
    let load = Load::start(&host, &clock, webhooks, webhooks);
    let before = Used::of(&host, &ground.database, counts).await?;
    let began = clock.monotonic();
    let mut allowed = 0;
    while allowed < webhooks {
        tokio::time::sleep(STEP).await;
        let elapsed = clock.monotonic().saturating_sub(began);
        allowed = usize::try_from(elapsed.as_millis())? * rate / 1_000;
        load.allow(allowed);
    }
    load.end().await?;
    ensure!(
        crm.has_had(u64::try_from(webhooks)?, PATIENCE).await,
        "{} of {webhooks} deliveries came",
        crm.requests()
    );
    let took = clock.monotonic().saturating_sub(began);
    let used = Used::of(&host, &ground.database, counts).await?;
    host.stop().await?;
    ground.database.remove().await?;
    Ok(Row {
        scenario: "paced",
        store: kind.name(),
        lanes: Some(webhooks),
        deliveries_per_second: Some(webhooks as f64 / took.as_secs_f64()),
        ..used.since(&before, webhooks, kind)
    })
}
