//! What goes wrong while there is load. Each fault is a task of its own that strikes at moments that chance names.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use gladhand_tests::fault::{Fault as CrmFault, Matcher, Rule, Work};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::disk::{self, Disk};
use crate::options::Store;
use crate::stage::Stage;

/// How far a host's wall clock jumps, in milliseconds, and home again: an unanswered write looks older than it is, or as
/// if it were still to come.
const JUMPS: Range<i64> = -30_000..30_000;
/// How far it leaps: the write looks as if the CRM had been done with it long ago.
const LEAPS: Range<i64> = -600_000..600_000;
/// How late the CRM does a write at most, in milliseconds of its clock: within the minute that the connector waits before
/// it looks.
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

    /// Whether it can strike there; where nobody chooses, all do that can. `speed` 1 leaves the clock to the machine.
    pub fn happens(self, store: Store, speed: u32) -> bool {
        match self {
            Self::Kill | Self::Crm | Self::IoError => true,
            Self::Clock | Self::Leap => speed > 1,
            Self::DiskFull => Disk::can_be_small(),
            Self::PostgresRestart | Self::BackendKill | Self::PoolExhaustion => {
                store == Store::Postgres
            }
        }
    }

    /// What it takes that it can.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Kill | Self::Crm | Self::IoError => "nothing",
            Self::Clock | Self::Leap => {
                "the hosts' clocks jump only where they are the campaign's, with a --speed from 2"
            }
            Self::DiskFull => "only root may mount the small disk",
            Self::PostgresRestart | Self::BackendKill | Self::PoolExhaustion => {
                "that takes --store postgres"
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
            let _no_lull = stage.lull.read().await;
            if stage.stop.is_cancelled() {
                break;
            }
            stage.note(self.name());
            if self.strike_once(&stage, turn, &mut chance).await? {
                stage.history.count(self);
            }
            turn += 1;
            if stage.kills.is_some() && stage.wanting().is_empty() {
                stage.stop.cancel();
            }
        }
        if self == Self::Kill && stage.tooth.is_some() {
            // Nothing comes after it that would put right what it takes away.
            stage.kill(0, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// Whether there was something that it could strike: what is dead already has to come back first.
    async fn strike_once(self, stage: &Stage, turn: usize, chance: &mut StdRng) -> Result<bool> {
        let duration = Duration::from_millis(chance.random_range(200..1_000));
        let host = turn % stage.fleet.size();
        match self {
            Self::Kill => stage.kill(host, duration / 4).await,
            Self::Crm => {
                stage.break_crm(chance, turn);
                Ok(true)
            }
            Self::Clock => stage.jump(host, chance.random_range(JUMPS), duration).await,
            Self::Leap => stage.jump(host, chance.random_range(LEAPS), duration).await,
            Self::DiskFull => {
                stage.disk.full_for(duration).await?;
                Ok(true)
            }
            Self::IoError => stage.break_writes(host, duration).await,
            Self::PostgresRestart => {
                let mode = if chance.random_bool(0.5) {
                    "immediate"
                } else {
                    "fast"
                };
                stage.postgres()?.restart(mode).await?;
                Ok(true)
            }
            Self::BackendKill => Ok(stage.postgres()?.end_a_backend().await),
            Self::PoolExhaustion => Ok(stage.postgres()?.exhaust(duration).await),
        }
    }
}

impl Stage {
    async fn kill(&self, host: usize, pause: Duration) -> Result<bool> {
        let hosts = match self.tooth {
            None => host..host + 1,
            // All at once: nobody is left who would put right what is taken away.
            Some(tooth) => {
                tooth.stalk(self).await;
                0..self.fleet.size()
            }
        };
        let mut has_lived = false;
        for host in hosts.clone() {
            has_lived |= self.fleet.kill(host).await?;
        }
        if let Some(tooth) = self.tooth {
            tooth.pull(self).await?;
        }
        tokio::time::sleep(pause).await;
        for host in hosts {
            self.fleet.launch(host).await?;
        }
        self.note("host is back");
        Ok(has_lived)
    }

    async fn jump(&self, host: usize, ms: i64, duration: Duration) -> Result<bool> {
        let has_jumped = self.fleet.stand_off(host, ms).await;
        tokio::time::sleep(duration).await;
        self.fleet.stand_off(host, 0).await;
        Ok(has_jumped)
    }

    /// Of a host, or of the database's process that it uses: that one gives up with all its sessions and recovers.
    async fn break_writes(&self, host: usize, duration: Duration) -> Result<bool> {
        let pid = match &self.postgres {
            Some(postgres) => postgres.busiest_backend().await,
            None => self.fleet.pid(host).await,
        };
        let Some(pid) = pid else { return Ok(false) };
        let is_alive = disk::refuse_writes_of(pid, duration).await?;
        // One that had nothing to write noticed nothing.
        Ok(!is_alive || self.postgres.is_none())
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
