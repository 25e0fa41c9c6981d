//! What goes wrong while there is load. Each fault is a task of its own that strikes at moments that chance names.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use gladhand_core::clock::{Clock as _, Timestamp};
use gladhand_tests::fault::{Fault as CrmFault, Matcher, Rule, Work};
use gladhand_tests::krayin::Krayin;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use crate::clock::FastClock;
use crate::disk::{self, Disk};
use crate::fleet::Fleet;
use crate::options::Store;
use crate::postgres::Postgres;
use crate::teeth::Tooth;

/// How far a host's clock jumps, in milliseconds, and home again. It makes an unanswered write look older than it is: by
/// less than the minute that the connector waits before it looks, less the time that the CRM takes at most.
const JUMPS: Range<i64> = -30_000..30_000;
/// How far it leaps: the write looks as if the CRM had been done with it long ago.
const LEAPS: Range<i64> = -600_000..600_000;
/// How late the CRM does a write at most, in milliseconds of its clock.
const LATEST: u64 = 25_000;
/// Rules of the CRM that have struck are cleared away after so many.
const RULES: u32 = 50;

/// One kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A host is killed and started again.
    Kill,
    /// The CRM resets, hangs, refuses, says 500 after the write, does the write later, and does not find what is new.
    Crm,
    /// A host's wall clock jumps forward or back, and home again.
    Clock,
    /// The same by minutes.
    Leap,
    /// There is no space left where the host, or its database, stores.
    DiskFull,
    /// What the host stores cannot be written; PostgreSQL then gives up and recovers.
    IoError,
    /// The database restarts, in haste or at once.
    PostgresRestart,
    /// The database ends one connection.
    BackendKill,
    /// The database has no connection left to give.
    PoolExhaustion,
}

/// Everything that a fault can reach.
pub struct Stage {
    pub fleet: Arc<Fleet>,
    pub crm: Arc<Krayin>,
    pub disk: Arc<Disk>,
    pub postgres: Option<Arc<Postgres>>,
    /// How often each of `Fault::ALL` has struck.
    pub strikes: [AtomicU32; Fault::ALL.len()],
    /// After how many kills there is enough.
    pub kills: Option<u32>,
    /// What is taken away while a host is dead.
    pub tooth: Option<Tooth>,
    /// Ends load and trouble.
    pub stop: CancellationToken,
    /// The CRM's time.
    pub clock: Arc<FastClock>,
    /// What struck when, for whoever looks into a finding.
    pub struck: Mutex<Vec<(Timestamp, &'static str)>>,
}

impl Fault {
    pub const ALL: [Self; 9] = [
        Self::Kill,
        Self::Crm,
        Self::Clock,
        Self::Leap,
        Self::DiskFull,
        Self::IoError,
        Self::PostgresRestart,
        Self::BackendKill,
        Self::PoolExhaustion,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Crm => "crm",
            Self::Clock => "clock",
            Self::Leap => "leap",
            Self::DiskFull => "disk-full",
            Self::IoError => "io-error",
            Self::PostgresRestart => "postgres-restart",
            Self::BackendKill => "backend-kill",
            Self::PoolExhaustion => "pool-exhaustion",
        }
    }

    /// Whether it happens there where nobody chooses; `speed` 1 leaves the clock to the machine.
    pub fn happens(self, store: Store, speed: u32) -> bool {
        match self {
            Self::Kill | Self::Crm | Self::IoError => true,
            Self::Clock => speed > 1,
            // How long ago a write was is told by the wall clock, so a leap can double it: to be asked for by name.
            Self::Leap => false,
            Self::DiskFull => Disk::can_be_small(),
            Self::PostgresRestart | Self::BackendKill | Self::PoolExhaustion => {
                store == Store::Postgres
            }
        }
    }

    /// Strikes until the stage's `stop`, and leaves everything whole.
    pub async fn strike(self, stage: Arc<Stage>, seed: u64) -> Result<()> {
        let mut chance = StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(self as u64));
        let between = match self {
            Self::Kill => 300..1_500,
            Self::Crm => 50..300,
            Self::Clock | Self::Leap | Self::BackendKill => 500..2_000,
            Self::DiskFull | Self::IoError | Self::PostgresRestart | Self::PoolExhaustion => {
                2_000..5_000
            }
        };
        let mut turn = 0;
        loop {
            let wait = Duration::from_millis(chance.random_range(between.clone()));
            tokio::select! {
                () = stage.stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
            }
            let for_ms = Duration::from_millis(chance.random_range(200..1_000));
            let host = turn % stage.fleet.size();
            stage.note(self.name());
            match self {
                Self::Kill => stage.kill(host, for_ms / 4).await?,
                Self::Crm => stage.break_crm(&mut chance, turn),
                Self::Clock | Self::Leap => {
                    let range = if self == Self::Leap { LEAPS } else { JUMPS };
                    let ms = chance.random_range(range);
                    stage.fleet.stand_off(host, ms).await?;
                    tokio::time::sleep(for_ms).await;
                    stage.fleet.stand_off(host, 0).await?;
                }
                Self::DiskFull => stage.disk.full_for(for_ms).await?,
                Self::IoError => stage.break_writes(host, for_ms).await?,
                Self::PostgresRestart => {
                    let mode = if chance.random_bool(0.5) {
                        "immediate"
                    } else {
                        "fast"
                    };
                    stage.postgres()?.restart(mode).await?;
                }
                Self::BackendKill => stage.postgres()?.end_a_backend().await?,
                Self::PoolExhaustion => stage.postgres()?.exhaust(for_ms).await?,
            }
            turn += 1;
            stage.strikes[self as usize].fetch_add(1, Ordering::Relaxed);
        }
        if self == Self::Kill && stage.tooth.is_some() {
            // Nothing comes after it that would put right what it takes away.
            stage.kill(0, Duration::ZERO).await?;
        }
        Ok(())
    }
}

impl Stage {
    fn note(&self, what: &'static str) {
        let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        struck.push((self.clock.now(), what));
    }

    fn postgres(&self) -> Result<&Postgres> {
        self.postgres
            .as_deref()
            .ok_or_else(|| anyhow::anyhow!("there is no PostgreSQL in this campaign"))
    }

    async fn kill(&self, host: usize, pause: Duration) -> Result<()> {
        let hosts = match self.tooth {
            None => host..host + 1,
            // All at once: nobody is left who would put right what is taken away.
            Some(tooth) => {
                tooth.stalk(self).await;
                0..self.fleet.size()
            }
        };
        for host in hosts.clone() {
            self.fleet.kill(host).await?;
        }
        if let Some(tooth) = self.tooth {
            tooth.pull(self).await?;
        }
        tokio::time::sleep(pause).await;
        for host in hosts {
            self.fleet.launch(host).await?;
        }
        self.note("host is back");
        let killed = self.strikes[Fault::Kill as usize].load(Ordering::Relaxed) + 1;
        if self.kills.is_some_and(|enough| killed >= enough) {
            self.stop.cancel();
        }
        Ok(())
    }

    async fn break_writes(&self, host: usize, duration: Duration) -> Result<()> {
        let (pid, bytes) = match &self.postgres {
            // Not even its log: it ends all its sessions and recovers.
            Some(postgres) => (postgres.busiest_backend().await?, 0),
            None => (self.fleet.pid(host).await, self.disk.log_bytes()),
        };
        match pid {
            Some(pid) => disk::refuse_writes_of(pid, bytes, duration).await,
            None => Ok(()),
        }
    }

    fn break_crm(&self, chance: &mut StdRng, turn: usize) {
        let hold_ms = chance.random_range(20..800);
        let fault = match chance.random_range(0..11) {
            0 => CrmFault::Error { done: false },
            1 | 2 => CrmFault::Error { done: true },
            3 => CrmFault::Reset { done: false },
            4 | 5 => CrmFault::Reset { done: true },
            6 => CrmFault::Hang {
                hold_ms,
                work: Work::Before,
            },
            7 => CrmFault::Hang {
                hold_ms,
                work: Work::After,
            },
            8 => CrmFault::Hang {
                hold_ms,
                work: Work::Never,
            },
            9 => CrmFault::Late {
                hold_ms: 20,
                after_ms: chance.random_range(1_000..LATEST),
            },
            _ => CrmFault::TooManyRequests {
                retry_after_secs: 2,
            },
        };
        let when = match chance.random_range(0..3) {
            0 => Matcher::any(),
            1 => Matcher {
                method: Some("POST".to_owned()),
                ..Matcher::any()
            },
            _ => Matcher {
                method: Some("PUT".to_owned()),
                ..Matcher::any()
            },
        };
        if turn.is_multiple_of(RULES as usize) {
            self.crm.clear_faults();
        }
        self.crm.inject(Rule::new(when, fault));
        self.crm
            .set_latency(Duration::from_millis(chance.random_range(1..30)));
    }
}
