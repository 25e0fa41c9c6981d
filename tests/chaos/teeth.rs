//! Protections that are taken away from outside, so that the auditor has something to find: a harness that cannot fail
//! proves nothing. The host has no switch for any of them; its tables and files are changed behind its back.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gladhand_tests::fault::{Fault as CrmFault, Matcher, Rule, Work};
use gladhand_tests::seen::Seen;
use sqlx::{Connection as _, SqliteConnection};

use crate::audit::Findings;
use crate::fault::Fault;
use crate::options::{Options, Store};
use crate::stage::Stage;

/// A campaign that must fail is short.
const DURATION: Duration = Duration::from_secs(4);
/// How long it may take until what comes of it is seen.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long hosts that could work must have left it alone until it is stuck.
const STUCK: Duration = Duration::from_secs(5);
/// Few people, so that there is always something behind in a lane.
const CONTACTS: i64 = 12;
/// Webhooks a second: more than the CRM lets through.
const RATE: u32 = 80;
/// How long the CRM takes: more comes in than goes out, and a kill finds requests on their way.
const LATENCY: Duration = Duration::from_millis(250);
/// How long the answer of a create is held back after the work is done, so that a kill nearly always finds some.
const HELD_MS: u64 = 1_000;
/// The same, and longer than a second host takes to start: what the first one sent is still on its way then.
const LONG_HELD_MS: u64 = 4_000;
/// Until a lookup after a doubtful create is due, which is after a minute, everything new is found.
const SEARCH_LAG: Duration = Duration::from_secs(50);
/// The clocks' speed where that matters: the lanes of a host that was killed come back long before.
const SLOW: u32 = 2;
/// How long a kill waits for a create whose answer is held back, and how often it looks.
const STALK: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(20));
/// Between one takeover of all lanes and the next.
const TAKEOVER: Duration = Duration::from_millis(500);

/// A protection that can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tooth {
    /// What was sent is forgotten: doubled.
    Journal,
    /// What waits in a lane is turned around: reordered.
    Order,
    /// A second host works on the same lanes: overlapped.
    Lease,
    /// The disk did not keep what it said it had: lost.
    Disk,
    /// Nobody remembers that a lane has work: stuck.
    Lanes,
}

impl Tooth {
    pub const ALL: [Self; 5] = [
        Self::Journal,
        Self::Order,
        Self::Lease,
        Self::Disk,
        Self::Lanes,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Order => "order",
            Self::Lease => "lease",
            Self::Disk => "disk",
            Self::Lanes => "lanes",
        }
    }

    /// What is taken away, and what comes of it.
    pub fn says(self) -> (&'static str, &'static str) {
        match self {
            Self::Journal => (
                "the journal of effects and of attempts is emptied",
                "doubled",
            ),
            Self::Order => ("what waits is turned around", "reordered"),
            Self::Lease => ("leases are taken over while they last", "overlapped"),
            Self::Disk => ("half of the write-ahead log did not reach the disk", "lost"),
            Self::Lanes => ("lanes with work are forgotten", "stuck"),
        }
    }

    /// What the auditor must find.
    pub fn found(self, findings: &Findings) -> usize {
        match self {
            Self::Journal => findings.doubled.len(),
            Self::Order => findings.reordered.len(),
            Self::Lease => findings.overlapped.len(),
            Self::Disk => findings.lost.len(),
            Self::Lanes => findings.stuck.len(),
        }
    }

    /// Whether what it finds stays found: something is stuck only once it had the time not to be.
    pub fn bites_at_once(self) -> bool {
        self != Self::Lanes
    }

    /// How long to wait for what comes of it.
    pub fn patience(self) -> Duration {
        if self.bites_at_once() {
            PATIENCE
        } else {
            STUCK
        }
    }

    /// Whether it can be taken away there: PostgreSQL's own disk is PostgreSQL's to test.
    pub fn can_be_pulled(self, store: Store) -> bool {
        self != Self::Disk || store == Store::Sqlite
    }

    /// The campaign that must fail.
    pub fn campaign(self, options: &Options) -> Options {
        Options {
            duration: DURATION,
            kills: None,
            faults: if self == Self::Lease {
                Vec::new()
            } else {
                vec![Fault::Kill]
            },
            speed: if self == Self::Journal {
                options.speed.min(SLOW)
            } else {
                options.speed
            },
            contacts: CONTACTS,
            rate: RATE,
            teeth: Vec::new(),
            ..options.clone()
        }
    }

    /// Whether a second host waits for its turn, where there would be one.
    pub fn wants_second_host(self) -> bool {
        self == Self::Lease
    }

    /// What the CRM must do, so that the protection is needed.
    pub fn prepare(self, stage: &Stage) {
        let hold_ms = match self {
            Self::Lease if stage.postgres.is_none() => LONG_HELD_MS,
            Self::Journal | Self::Lease => HELD_MS,
            Self::Order | Self::Disk | Self::Lanes => {
                stage.crm.set_latency(LATENCY);
                return;
            }
        };
        stage.crm.set_search_lag(SEARCH_LAG);
        let mut held = vec![
            Matcher::of("POST", "/api/v1/leads"),
            Matcher::of("POST", "/api/v1/activities"),
        ];
        if self == Self::Lease {
            // What every story begins with.
            held.push(Matcher::of("GET", "/api/v1/contacts/persons/search"));
        }
        for when in held {
            let slow = CrmFault::Hang {
                hold_ms,
                work: Work::Before,
            };
            stage.crm.inject(Rule::new(when.always(), slow));
        }
    }

    /// Waits for the moment in which a kill needs the protection.
    pub async fn stalk(self, stage: &Stage) {
        if self != Self::Journal {
            return;
        }
        let (patience, pause) = STALK;
        let since = stage.crm.requests().len();
        let is_held = |seen: &Seen| seen.method == "POST" && seen.until.is_none();
        let stalking = async {
            // What an earlier kill cut off is never answered: only what came since counts.
            while !stage.crm.requests()[since..].iter().any(is_held) {
                tokio::time::sleep(pause).await;
            }
        };
        // Without any the kill comes all the same, and another one after it.
        let _in_vain = tokio::time::timeout(patience, stalking).await;
    }

    /// Takes it away while the hosts are dead.
    pub async fn pull(self, stage: &Stage) -> Result<()> {
        match self {
            Self::Journal => {
                execute(stage, "DELETE FROM effect_keys").await?;
                execute(stage, "DELETE FROM effects").await?;
                execute(
                    stage,
                    "UPDATE attempts SET settled_at = started_at WHERE settled_at IS NULL",
                )
                .await
            }
            Self::Order => {
                execute(
                    stage,
                    "UPDATE deliveries SET occurred_at_us = -ABS(occurred_at_us) \
                     WHERE settled_at IS NULL AND kind = 'message.created'",
                )
                .await
            }
            Self::Lanes => execute(stage, "DELETE FROM lanes").await,
            Self::Disk => {
                let database = stage.disk.database();
                let log = fs::File::options()
                    .write(true)
                    .open(database.with_extension("db-wal"))
                    .context("opening the write-ahead log")?;
                log.set_len(log.metadata()?.len() / 2)?;
                // It is made again from the log.
                fs::remove_file(database.with_extension("db-shm"))
                    .context("removing the log's index")
            }
            Self::Lease => Ok(()),
        }
    }

    /// Takes it away while the host works, until the stage's `stop`.
    pub async fn gnaw(self, stage: Arc<Stage>) -> Result<()> {
        if self != Self::Lease {
            return Ok(());
        }
        loop {
            tokio::select! {
                () = stage.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(TAKEOVER) => {}
            }
            if stage.postgres.is_some() {
                execute(&stage, "UPDATE lanes SET lease_until = 0").await?;
            } else {
                // The lock is on the file that was there, so who makes a new one holds a lock as well.
                const SECOND: usize = 1;
                stage.fleet.kill(SECOND).await?;
                let mut lock = stage.disk.database().into_os_string();
                lock.push(".lock");
                fs::remove_file(lock).context("removing the lock")?;
                stage.fleet.launch(SECOND).await?;
            }
        }
    }
}

async fn execute(stage: &Stage, statement: &'static str) -> Result<()> {
    if let Some(postgres) = &stage.postgres {
        return postgres.run(statement).await;
    }
    let url = format!("sqlite:{}", stage.disk.database().display());
    let mut connection = SqliteConnection::connect(&url).await?;
    sqlx::query(statement)
        .execute(&mut connection)
        .await
        .with_context(|| format!("running {statement}"))?;
    connection.close().await?;
    Ok(())
}
