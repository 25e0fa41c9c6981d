//! One campaign: hosts, CRM, load and trouble; then rest; then the audit.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use gladhand_core::clock::Clock as _;
use gladhand_tests::host::{Joined, Setup};
use gladhand_tests::krayin::{Config, Krayin};
use tokio_util::sync::CancellationToken;

use crate::audit::{Evidence, Findings, audit};
use crate::clock::FastClock;
use crate::disk::Disk;
use crate::fault::{Fault, Stage};
use crate::fleet::{Fleet, Place, Program};
use crate::load;
use crate::options::{Options, Store};
use crate::postgres::Postgres;
use crate::record;
use crate::report;
use crate::tables;
use crate::teeth::Tooth;

/// Far above what the load needs: a rate limit is tested elsewhere.
const THROTTLE: u32 = 60_000;
/// More requests than any campaign makes.
const REQUESTS: usize = 10_000_000;
/// How long everything has to come to rest, on the hosts' clock: some retries of a quarter of an hour at most.
const REST: Duration = Duration::from_mins(30);
/// And at least, on the machine's: several leases of a host that died.
const REST_AT_LEAST: Duration = Duration::from_secs(30);
/// What tells hosts that share a database how long a request takes at most, and how long the lanes of one that was killed
/// stay its own: short enough that a campaign sees many of them come back.
const SHORT_LEASES: [(&str, &str); 2] = [
    ("GLADHAND__LIMITS__REQUEST_SECS", "2"),
    ("GLADHAND__LIMITS__LEASE_SECS", "6"),
];
const DAY_MS: i64 = 86_400_000;
const POLL: Duration = Duration::from_millis(200);

/// Runs one; with a tooth the protection is taken away and the table is not shown.
pub async fn run(options: &Options, tooth: Option<Tooth>) -> Result<Findings> {
    let faults: Vec<Fault> = chosen(options, tooth);
    let clock = Arc::new(FastClock::starting(options.speed));
    let disk = Arc::new(Disk::new(faults.contains(&Fault::DiskFull))?);
    let logs = tempfile::Builder::new()
        .prefix("gladhand-chaos-logs-")
        .tempdir()?;
    let crm_clock = Arc::new(FastClock::new(clock.origin(), options.speed));
    // What the CRM was installed with is no news to its searches.
    crm_clock.stand_off(-DAY_MS);
    let crm = Arc::new(Krayin::start(Config {
        clock: crm_clock.clone(),
        throttle: Some(THROTTLE),
        is_audited: false,
        kept_requests: REQUESTS,
        latency: Duration::from_millis(5),
        ..Config::default()
    })?);
    crm_clock.stand_off(0);
    let postgres = match options.store {
        Store::Sqlite => None,
        Store::Postgres => {
            let name = tooth.map_or("campaign", Tooth::name);
            let small = faults.contains(&Fault::DiskFull).then_some(&*disk);
            Some(Arc::new(
                Postgres::create(&format!("gladhand_chaos_{name}"), small).await?,
            ))
        }
    };
    let started = if postgres.is_some() { 2 } else { 1 };
    let wanted = started.max(1 + usize::from(tooth.is_some_and(Tooth::wants_second_host)));
    let places = (0..wanted)
        .map(|number| place(number, &disk, logs.path(), &crm, postgres.as_deref()))
        .collect::<Result<Vec<_>>>()?;
    let program = match options.speed {
        1 => Program::Serve,
        speed => Program::OnClock {
            origin_ms: clock.origin().0,
            speed,
        },
    };
    let fleet = Arc::new(Fleet::start(program, places, started).await?);
    let stage = Arc::new(Stage {
        fleet: fleet.clone(),
        crm: crm.clone(),
        disk,
        postgres,
        strikes: Default::default(),
        kills: options.kills,
        tooth,
        stop: CancellationToken::new(),
        clock: crm_clock,
        struck: Mutex::default(),
    });
    if let Some(tooth) = tooth {
        tooth.prepare(&stage);
    }
    let told = trouble(options, &faults, &stage, clock.clone(), tooth).await?;

    if tooth.is_none() {
        crm.clear_faults();
        crm.set_latency(Duration::ZERO);
        crm.set_search_lag(Duration::ZERO);
    }
    for number in 0..started {
        fleet.launch(number).await?;
    }
    let look = || look(&told, &stage, &clock);
    let patience = match tooth {
        Some(tooth) => tooth.patience(),
        None => REST_AT_LEAST.max(REST / options.speed),
    };
    let evidence = rest(&fleet, look, patience, tooth).await?;
    let findings = audit(&evidence);
    if tooth.is_none() {
        report::table(&evidence, &stage);
    }
    let is_explained = match tooth {
        Some(tooth) => tooth.found(&findings) > 0,
        None => findings.all().next().is_none(),
    };
    if !is_explained {
        report::keep(&logs.keep(), &evidence, &stage)?;
    }
    Ok(findings)
}

fn chosen(options: &Options, tooth: Option<Tooth>) -> Vec<Fault> {
    let mut faults = options.faults.clone();
    if faults.is_empty() && tooth.is_none() {
        faults = Fault::ALL.to_vec();
        faults.retain(|fault| fault.happens(options.store, options.speed));
    }
    faults
}

/// Load and trouble until the time is over, there were enough kills, or a harness broke.
async fn trouble(
    options: &Options,
    faults: &[Fault],
    stage: &Arc<Stage>,
    clock: Arc<FastClock>,
    tooth: Option<Tooth>,
) -> Result<Vec<load::Told>> {
    let mut tasks = tokio::task::JoinSet::new();
    for fault in faults {
        let (fault, stage, seed) = (*fault, stage.clone(), options.seed);
        tasks.spawn(async move {
            let struck = fault.strike(stage.clone(), seed).await;
            // Whatever ends a fault early ends the campaign: it would prove less than it says.
            stage.stop.cancel();
            struck.with_context(|| format!("the fault {}", fault.name()))
        });
    }
    if let Some(tooth) = tooth {
        let stage = stage.clone();
        tasks.spawn(async move { tooth.gnaw(stage).await.context("taking leases over") });
    }
    let stop = stage.stop.clone();
    let (is_endless, duration) = (options.kills.is_some(), options.duration);
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(duration), if !is_endless => stop.cancel(),
        }
        Ok(())
    });
    let told = load::drive(options, stage.fleet.clone(), clock, stage.stop.clone()).await?;
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(told)
}

/// What there is to be judged now.
async fn look(told: &[load::Told], stage: &Stage, clock: &FastClock) -> Result<Evidence> {
    Ok(Evidence {
        told: told.to_vec(),
        rows: tables::deliveries(&stage.fleet).await?,
        crm: stage.crm.snapshot(),
        requests: stage.crm.requests(),
        now: clock.now(),
    })
}

/// Waits until nothing is on its way, a tooth has bitten, or for as long as it may take; what is left is for the auditor.
async fn rest<L: Future<Output = Result<Evidence>>>(
    fleet: &Fleet,
    look: impl Fn() -> L,
    patience: Duration,
    tooth: Option<Tooth>,
) -> Result<Evidence> {
    let resting = async {
        while !tables::is_at_rest(fleet).await? {
            if let Some(tooth) = tooth
                && tooth.bites_at_once()
                && tooth.found(&audit(&look().await?)) > 0
            {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(patience, resting)
        .await
        .unwrap_or(Ok(()))?;
    look().await
}

fn place(
    number: usize,
    disk: &Disk,
    logs: &Path,
    crm: &Krayin,
    postgres: Option<&Postgres>,
) -> Result<Place> {
    let joined = Joined {
        settings: record::SETTINGS.to_owned(),
        concurrency: 8,
        ..Joined::krayin("krayin-main", crm.base_url(), crm.token())
    };
    let dir = disk.path().join(format!("host-{number}"));
    let mut setup = Setup::new(&dir, vec![joined]);
    setup.store = match postgres {
        Some(postgres) => Some(postgres.url()),
        // A second host is only there to take over the first one's file.
        None => (number > 0).then(|| format!("sqlite:{}", disk.database().display())),
    };
    // One connector and not all: each is compiled at the first start.
    let own = logs.join("connectors");
    fs::create_dir_all(&own)?;
    let component = setup.connectors.join("krayin.wasm");
    fs::copy(&component, own.join("krayin.wasm")).with_context(|| {
        format!(
            "copying {}: `cargo xtask connectors` builds it",
            component.display()
        )
    })?;
    setup.connectors = own;
    Ok(Place {
        setup,
        log: logs.join(format!("host-{number}.log")),
        environment: if postgres.is_some() {
            &SHORT_LEASES
        } else {
            &[]
        },
    })
}
