//! What runs one after the other share: the gate before the CRM, and a host's folder as it was when the host
//! had just been set up. Lanes share nothing with each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_core::clock::{Clock as _, ManualClock, Timestamp};
use gladhand_tests::host::{Setup, built_connectors};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::crm::{Crm, Kind};
use crate::fault::Strike;
use crate::gate::Gate;
use crate::life::Life;
use crate::run::HOLD;

/// When every run begins: 17 June 2026.
const NOON: i64 = 1_781_690_400_000;

/// A lane.
pub struct Lane {
    pub gate: Gate,
    pub setup: Setup,
    kind: Kind,
    pristine: PathBuf,
    _folder: TempDir,
}

/// What one run has for itself.
pub struct Bed {
    pub crm: Arc<Crm>,
    pub time: Arc<ManualClock>,
}

impl Lane {
    /// Sets up a host once, and keeps its folder: every run begins with a copy of it. What another lane's host compiled is
    /// taken over with the key that it is trusted by.
    pub async fn new(kind: Kind, like: Option<&Self>) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("gladhand-exhaust-")
            .tempdir_in(scratch())?;
        let gate = Gate::start(!kind.is_impatient()).context("starting the gate")?;
        let joined = kind.joined(gate.base_url());
        let setup = Setup {
            connectors: connectors(kind, folder.path())?,
            hold: HOLD,
            attempts: 4,
            ..Setup::new(&folder.path().join("host"), vec![joined])
        };
        if let Some(like) = like {
            copy(&like.pristine.join("data"), &setup.dir.join("data"))?;
        }
        let time = noon();
        Life::begin(&setup, &time).await?.end().await?;
        let pristine = folder.path().join("pristine");
        fs::rename(&setup.dir, &pristine)?;
        Ok(Self {
            kind,
            gate,
            setup,
            pristine,
            _folder: folder,
        })
    }

    /// A CRM and a host that were never used, at noon, and a plan of what goes wrong between them.
    pub fn reset(&self, plan: Vec<Strike>) -> Result<Bed> {
        if self.setup.dir.exists() {
            fs::remove_dir_all(&self.setup.dir)?;
        }
        copy(&self.pristine, &self.setup.dir)?;
        let time = noon();
        let crm = Arc::new(self.kind.start(&time)?);
        self.gate.begin(crm.clone(), time.clone(), plan);
        Ok(Bed { crm, time })
    }

    /// Lets time pass; what the CRM is late with is done when it is due, and not when somebody looks.
    pub async fn pass_time(&self, time: &ManualClock, duration: Duration) -> Result<()> {
        let until = time.now().after(duration);
        while let Some(due) = self.gate.next_late().filter(|due| *due <= until) {
            time.advance(due.since(time.now()));
            self.gate.finish_late().await?;
        }
        time.advance(until.since(time.now()));
        Ok(())
    }

    /// Takes the write journal away from a host that is not running: what it sent, it does not know any more.
    pub async fn forget_effects(&self) -> Result<()> {
        let mut database: SqliteConnection = SqliteConnectOptions::new()
            .filename(self.setup.dir.join("gladhand.db"))
            .connect()
            .await?;
        for table in ["effects", "effect_keys"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}")))
                .execute(&mut database)
                .await?;
        }
        database.close().await?;
        Ok(())
    }
}

/// A folder with the one connector alone: each is compiled when a host first starts.
fn connectors(kind: Kind, folder: &Path) -> Result<PathBuf> {
    let built = built_connectors().join(kind.component());
    if !built.is_file() {
        bail!(
            "{} is not there: `cargo xtask connectors` builds it",
            built.display()
        );
    }
    let own = folder.join("connectors");
    fs::create_dir(&own)?;
    fs::copy(built, own.join("connector.wasm"))?;
    Ok(own)
}

fn noon() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp(NOON)))
}

/// In memory where that is offered: a killed process loses nothing that it wrote, so no run needs the disk's word for it.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
