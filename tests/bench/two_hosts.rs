//! `two-hosts`: one process and two on the same PostgreSQL, and what a delivery costs the database.
//!
//! Where both share two cores with the database and the load, the ratio says what a second host costs, not what it brings.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gladhand_core::clock::Clock as _;
use gladhand_server::system::SystemClock;

use crate::bed::{ATTEMPTS, Bed, Ground};
use crate::crm::{Crm, Manner};
use crate::fill::fill;
use crate::process::{Process, Program};
use crate::report::{Row, line, median};
use crate::scale::Scale;
use crate::statements;
use gladhand_tests::database::Kind;

const PAIRS: usize = 3;
/// The first part, in which the second host finds out that there is something to do, does not count.
const WARM_UP: u64 = 5;
const PATIENCE: Duration = Duration::from_mins(5);

/// What one run found out.
struct Found {
    rate: f64,
    commits: f64,
    bytes: f64,
    statements: Option<f64>,
}

/// Works off `scale.deliveries` with one and with two, in turn.
pub async fn run(scale: Scale) -> Result<Vec<Row>> {
    let counts = statements::enable().await?;
    let mut pairs = Vec::new();
    for pair in 1..=PAIRS {
        line(&format!("two-hosts: pair {pair} of {PAIRS} …"));
        let (one, two) = (work(scale, 1, counts).await?, work(scale, 2, counts).await?);
        line(&format!("  one {:.0}/s, two {:.0}/s", one.rate, two.rate));
        pairs.push((one, two));
    }
    let row = |hosts, of: fn(&(Found, Found)) -> &Found| {
        let figure =
            |figure: fn(&Found) -> f64| median(pairs.iter().map(|pair| figure(of(pair))).collect());
        let statements: Option<Vec<f64>> = pairs.iter().map(|pair| of(pair).statements).collect();
        Row {
            scenario: "two-hosts",
            store: Kind::Postgres.name(),
            hosts: Some(hosts),
            backlog: Some(scale.deliveries),
            lanes: Some(scale.deliveries),
            deliveries_per_second: Some(figure(|found| found.rate)),
            commits_per_delivery: Some(figure(|found| found.commits)),
            bytes_written_per_delivery: Some(figure(|found| found.bytes)),
            statements_per_delivery: statements.map(median),
            ..Row::default()
        }
    };
    let ratios = pairs.iter().map(|(one, two)| two.rate / one.rate);
    let two = Row {
        ratio: Some(median(ratios.collect())),
        ..row(2, |(_, two)| two)
    };
    Ok(vec![row(1, |(one, _)| one), two])
}

async fn work(scale: Scale, hosts: usize, counts: bool) -> Result<Found> {
    let clock: Arc<SystemClock> = Arc::default();
    let crm = Crm::start(clock.clone(), Manner::default()).await?;
    // An account's concurrency is over all hosts: it must not be what two of them wait for.
    let concurrency = ATTEMPTS * u32::try_from(hosts)?;
    let joined = vec![crm.joined("bench", 1, concurrency)];
    let ground = filled(scale, Ground::new(Kind::Postgres, joined).await?).await?;

    let mut running = vec![Process::start(&ground.setup, Program::Serve).await?];
    for number in 1..hosts {
        let mut setup = ground.setup.clone();
        setup.dir = ground.dir.path().join(format!("host-{number}"));
        let key = "data/master.key";
        std::fs::create_dir_all(setup.dir.join("data"))?;
        std::fs::copy(ground.dir.path().join(key), setup.dir.join(key))
            .context("hosts of one database share its key")?;
        running.push(Process::start(&setup, Program::Serve).await?);
    }
    let deliveries = u64::try_from(scale.deliveries)?;
    let before = ground.database.work().await?;
    let statements = counted(&ground, counts).await?;
    running[0].resume("bench").await?;
    let warm = deliveries / WARM_UP;
    ensure!(crm.has_had(warm, PATIENCE).await, "nothing is delivered");
    let (began, from) = (clock.monotonic(), crm.requests());
    ensure!(
        crm.has_had(deliveries, PATIENCE).await,
        "{} of {deliveries} deliveries came",
        crm.requests()
    );
    let took = clock.monotonic().saturating_sub(began);
    // The last ones are settled when the hosts have stopped.
    for host in running {
        host.stop().await?;
    }
    let after = ground.database.work().await?;
    let statements = counted(&ground, counts).await?.zip(statements);
    ground.database.remove().await?;
    Ok(Found {
        rate: (deliveries - from) as f64 / took.as_secs_f64(),
        commits: after.commits_per(deliveries, &before),
        bytes: after.bytes_per(deliveries, &before),
        statements: statements.map(|(after, before)| (after - before) as f64 / deliveries as f64),
    })
}

async fn counted(ground: &Ground, counts: bool) -> Result<Option<i64>> {
    if !counts {
        return Ok(None);
    }
    statements::count(&ground.database).await.map(Some)
}

/// Puts the backlog in through a host that is gone again when this returns; its connection is paused.
async fn filled(scale: Scale, ground: Ground) -> Result<Ground> {
    let bed = Bed::on(ground).await?;
    bed.pause(true).await?;
    fill(&bed.host, scale.deliveries, scale.deliveries).await?;
    let Bed { ground, host, .. } = bed;
    host.stop().await;
    Ok(ground)
}
