//! One campaign: hosts, CRM, load and trouble; then rest; then the audit.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gladhand_core::clock::Clock as _;
use gladhand_tests::host::{Joined, Setup};
use gladhand_tests::krayin::{Config, Krayin};
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use crate::audit::{Evidence, Findings, audit};
use crate::clock::FastClock;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::fleet::Fleet;
use crate::host::{Place, Program};
use crate::load;
use crate::options::{Options, Store};
use crate::postgres::Postgres;
use crate::record;
use crate::report;
use crate::stage::{History, Stage};
use crate::tables;
use crate::teeth::Tooth;
use crate::trouble::trouble;

/// Far above what the load needs: a rate limit is tested elsewhere.
const THROTTLE: u32 = 60_000;
/// More requests than any campaign makes.
const REQUESTS: usize = 10_000_000;
/// How long the CRM is asked nothing until it is clear that what has not come to rest waits for long or is stuck, on the
/// hosts' clock: some retries of a quarter of an hour at most.
const QUIET: Duration = Duration::from_mins(30);
/// And at least, on the machine's: several leases of a host that died.
const QUIET_AT_LEAST: Duration = Duration::from_secs(30);
/// How long it may take until all that waits is worked off: of a long campaign tens of thousands of deliveries.
const REST: Duration = Duration::from_mins(15);
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
    let logs = tempfile::Builder::new()
        .prefix("gladhand-chaos-logs-")
        .tempdir()?
        .keep();
    let stage = set(options, tooth, &logs)
        .await
        .with_context(|| format!("starting (the hosts' logs are in {})", logs.display()))?;
    let stage = Arc::new(stage);
    let played = play(options, &stage).await;
    let evidence = played
        .inspect_err(|_| report::keep(&logs, None, &stage))
        .context("the campaign broke off before it could be judged")?;
    let findings = audit(&evidence);
    if tooth.is_none() {
        report::table(&evidence, &stage);
    }
    let is_explained = match tooth {
        Some(tooth) => tooth.found(&findings) > 0,
        None => findings.all().next().is_none(),
    };
    if is_explained {
        fs::remove_dir_all(&logs)?;
    } else {
        report::keep(&logs, Some(&evidence), &stage);
    }
    Ok(findings)
}

/// Starts everything, whole.
async fn set(options: &Options, tooth: Option<Tooth>, logs: &Path) -> Result<Stage> {
    let faults = chosen(options, tooth);
    let disk = Arc::new(Disk::new(faults.contains(&Fault::DiskFull))?);
    let clock = Arc::new(FastClock::starting(options.speed));
    // What the CRM was installed with is no news to its searches.
    clock.stand_off(-DAY_MS);
    let crm = Arc::new(Krayin::start(Config {
        clock: clock.clone(),
        throttle: Some(THROTTLE),
        is_audited: false,
        kept_requests: REQUESTS,
        latency: Duration::from_millis(5),
        ..Config::default()
    })?);
    clock.stand_off(0);
    let postgres = match options.store {
        Store::Sqlite => None,
        Store::Postgres => {
            let name = format!("gladhand_chaos_{}", tooth.map_or("campaign", Tooth::name));
            let postgres = Postgres::create(&name, disk.clone()).await?;
            Some(Arc::new(postgres))
        }
    };
    let started = if postgres.is_some() { 2 } else { 1 };
    let wanted = started.max(1 + usize::from(tooth.is_some_and(Tooth::wants_second_host)));
    let places = (0..wanted)
        .map(|number| place(number, &disk, logs, &crm, postgres.as_deref()))
        .collect::<Result<Vec<_>>>()?;
    let program = match options.speed {
        1 => Program::Serve,
        speed => Program::OnClock {
            origin_ms: clock.origin().0,
            speed,
        },
    };
    let fleet = Fleet::start(program, places, started).await?;
    Ok(Stage {
        fleet: Arc::new(fleet),
        crm,
        disk,
        postgres,
        faults,
        kills: options.kills,
        tooth,
        stop: CancellationToken::new(),
        clock,
        lull: RwLock::default(),
        history: History::default(),
    })
}

/// Load and trouble, then rest; what there is to be judged after it.
async fn play(options: &Options, stage: &Arc<Stage>) -> Result<Evidence> {
    if let Some(tooth) = stage.tooth {
        tooth.prepare(stage);
    }
    let told = trouble(options, stage).await?;
    mend(stage).await?;
    let quiet = QUIET_AT_LEAST.max(QUIET / options.speed);
    rest(stage, &told, quiet).await
}

/// Makes everything whole: only then does it count what does not come to rest.
async fn mend(stage: &Stage) -> Result<()> {
    if stage.tooth.is_none() {
        stage.crm.clear_faults();
        stage.crm.set_latency(Duration::ZERO);
        stage.crm.set_search_lag(Duration::ZERO);
    }
    if let Some(postgres) = &stage.postgres {
        let answers = postgres.answers().await;
        answers.context("waiting for the database before everything comes to rest")?;
    }
    stage.fleet.ready().await
}

fn chosen(options: &Options, tooth: Option<Tooth>) -> Vec<Fault> {
    let mut faults = options.faults.clone();
    if faults.is_empty() && tooth.is_none() {
        faults = Fault::ALL.to_vec();
        faults.retain(|fault| fault.happens(options.store, options.speed));
    }
    faults
}

/// What there is to be judged now.
async fn look(stage: &Stage, told: &[load::Told]) -> Result<Evidence> {
    Ok(Evidence {
        told: told.to_vec(),
        rows: tables::deliveries(&stage.fleet).await?,
        crm: stage.crm.snapshot(),
        requests: stage.crm.requests(),
        now: stage.clock.now(),
    })
}

/// Waits until nothing is on its way, a tooth has bitten, or nothing happens any more; what is left is for the auditor.
async fn rest(stage: &Stage, told: &[load::Told], patience: Duration) -> Result<Evidence> {
    let resting = async {
        let (mut asked, mut quiet) = (0, Duration::ZERO);
        while quiet < patience && !tables::is_at_rest(&stage.fleet).await? {
            if let Some(tooth) = stage.tooth
                && tooth.bites_at_once()
                && tooth.found(&audit(&look(stage, told).await?)) > 0
            {
                break;
            }
            let before = std::mem::replace(&mut asked, stage.crm.request_count());
            quiet = if asked == before {
                quiet + POLL
            } else {
                Duration::ZERO
            };
            tokio::time::sleep(POLL).await;
        }
        anyhow::Ok(())
    };
    let longest = stage.tooth.map_or(REST, Tooth::patience);
    tokio::time::timeout(longest, resting)
        .await
        .unwrap_or(Ok(()))?;
    look(stage, told).await
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
