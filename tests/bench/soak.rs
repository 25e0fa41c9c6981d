//! `soak`: contacts that change over and over, for long, through a host of its own that removes what has settled within
//! seconds. What it keeps resident and what the database keeps on disk should be flat.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use gladhand_core::clock::Clock as _;
use gladhand_server::system::SystemClock;
use gladhand_tests::chatwoot::Sender;
use gladhand_tests::host::{SECRET, SOURCE};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bed::{ATTEMPTS, Ground};
use crate::crm::{Crm, Manner};
use crate::process::{Process, Program};
use crate::report::{Row, line, megabytes};
use crate::scale::Scale;
use crate::{processor, statements, webhook};
use gladhand_tests::database::{Database, Kind, Work};

/// How often it is looked at, over the whole run.
const SAMPLES: usize = 20;
const SENDERS: usize = 64;
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
    let (go, _) = watch::channel(0);
    let mut senders = JoinSet::new();
    let next = Arc::new(AtomicUsize::new(0));
    for number in 0..SENDERS {
        let sending = Sending {
            authority: host.authority.clone(),
            clock: clock.clone(),
            next: next.clone(),
            allowed: go.subscribe(),
            scale,
        };
        senders.spawn(sending.send(number));
    }
    let mut samples: Vec<(f64, f64)> = Vec::new();
    let ahead = scale.soak_contacts / 2;
    for sample in 1..=SAMPLES {
        let wanted = scale.soak * sample / SAMPLES;
        loop {
            let delivered = usize::try_from(crm.requests())?;
            go.send_replace(delivered + ahead);
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
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    let used = Used::of(&host, &ground.database, counts).await?;
    let deliveries = u64::try_from(scale.soak)?;
    let of_each = |now: u64, before: u64| now.saturating_sub(before) as f64 / deliveries as f64;
    let of_each_if_any = |now: Option<u64>, before: Option<u64>| Some(of_each(now?, before?));
    // What a host writes to a file of its own is not this process's to say.
    let is_server = kind == Kind::Postgres;
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
        host_us_per_delivery: Some(of_each(used.host_us, before.host_us)),
        database_us_per_delivery: of_each_if_any(used.database_us, before.database_us),
        statements_per_delivery: of_each_if_any(used.statements, before.statements),
        commits_per_delivery: Some(used.work.commits_per(deliveries, &before.work)),
        bytes_written_per_delivery: is_server
            .then(|| used.work.bytes_per(deliveries, &before.work)),
        ..Row::default()
    })
}

/// What the run has used so far.
struct Used {
    host_us: u64,
    database_us: Option<u64>,
    statements: Option<u64>,
    work: Work,
}

impl Used {
    async fn of(host: &Process, database: &Database, counts: bool) -> Result<Self> {
        let statements = if counts {
            Some(u64::try_from(statements::count(database).await?)?)
        } else {
            None
        };
        Ok(Self {
            host_us: host.processor_us()?,
            database_us: processor::of_server(database).await?,
            statements,
            work: database.work().await?,
        })
    }
}

/// One of those who send.
struct Sending {
    authority: String,
    clock: Arc<SystemClock>,
    next: Arc<AtomicUsize>,
    /// How many may have been sent by now, over all senders.
    allowed: watch::Receiver<usize>,
    scale: Scale,
}

impl Sending {
    async fn send(mut self, number: usize) -> Result<()> {
        let run = format!("soak-{number}");
        let mut sender = Sender::new(&self.authority, SOURCE, SECRET, &run, &*self.clock);
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            if place >= self.scale.soak {
                return Ok(());
            }
            self.allowed.wait_for(|allowed| place < *allowed).await?;
            let contact = i64::try_from(place % self.scale.soak_contacts)?;
            let time = i64::try_from(place / self.scale.soak_contacts)?;
            sender.send_bytes(webhook::changes(contact, time)).await?;
        }
    }
}
