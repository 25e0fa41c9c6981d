//! The store in one SQLite file, for one process.
//!
//! One task writes: what many callers want at once is committed together, and each is answered after the commit.
//! Reads go past it on connections of their own. Files are split by noun; `postgres` mirrors them.

mod open;

mod writer;

mod statement;

mod value;

mod rows;

mod keys;

mod intake;

mod claim;

mod settle;

mod journal;

mod changes;

mod leases;

mod links;

mod cache;

mod variables;

mod locks;

mod deliveries;

mod show;

mod settings;

mod catalog;

mod pending;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gladhand_core::clock::Clock;
use gladhand_core::ids::Ids;
use gladhand_core::intake::Planner;
use gladhand_core::port::Ports;
use sqlx::SqliteConnection;
use sqlx::sqlite::{SqliteError, SqlitePool};
use tokio::sync::Notify;
use uuid::Uuid;

use self::keys::Keys;
use self::writer::{Operation, Writer};
use crate::Error;
use crate::crypter::{Crypter, Key};

/// What a store needs.
pub struct Options {
    /// The file; made if missing, its directory must exist.
    pub path: PathBuf,
    /// Seals what is stored.
    pub master_key: Key,
    /// Master keys of before; they still open.
    pub older_master_keys: Vec<Key>,
    /// Wall time. Leases do not depend on it.
    pub clock: Arc<dyn Clock>,
    /// Ids of attempts and leases.
    pub ids: Arc<dyn Ids>,
    /// Decides what an event becomes, inside the intake transaction.
    pub planner: Arc<dyn Planner>,
    /// How long a lane that was empty waits, so that a burst of one change can gather.
    pub hold: Duration,
}

/// The store in one SQLite file. It implements every trait of this crate and every port of the core.
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    shared: Arc<Shared>,
}

/// What the writer and the readers share.
struct Shared {
    keys: Keys,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    planner: Arc<dyn Planner>,
    hold: Duration,
    /// This run of the process: leases of another are void.
    incarnation: Uuid,
    /// Of the newest delivery. Only the writer moves it.
    sequence: AtomicI64,
    changed: Notify,
}

impl SqliteStore {
    /// Opens or makes the database, and frees what a process that is gone had leased.
    pub async fn open(options: Options) -> Result<Arc<Self>, Error> {
        let lock = open::lock(&options.path)?;
        let mut connection = open::writer(&options.path).await?;
        let incarnation = options.ids.next();
        let sequence = open::recover(&mut connection, incarnation, options.clock.now()).await?;
        let readers = open::readers(&options.path).await?;
        let shared = Arc::new(Shared {
            keys: Keys::new(Crypter::new(
                &options.master_key,
                &options.older_master_keys,
            )),
            clock: options.clock,
            ids: options.ids,
            planner: options.planner,
            hold: options.hold,
            incarnation,
            sequence: AtomicI64::new(sequence),
            changed: Notify::new(),
        });
        let writer = Writer::start(connection, lock, Arc::clone(&shared));
        Ok(Arc::new(Self {
            writer,
            readers,
            shared,
        }))
    }

    /// Itself, as an attempt is handed it.
    pub fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            journal: Arc::<Self>::clone(self),
            links: Arc::<Self>::clone(self),
            cache: Arc::<Self>::clone(self),
            variables: Arc::<Self>::clone(self),
            locks: Arc::<Self>::clone(self),
        }
    }

    /// A rare write in a transaction of its own, such as configuration.
    async fn write(
        &self,
        write: impl for<'c> FnOnce(
            &'c mut SqliteConnection,
        )
            -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'c>>
        + Send
        + 'static,
    ) -> Result<(), Error> {
        self.writer.ask(Operation::Rare, Box::new(write)).await
    }

    /// Answers what was asked before, then lets go of the file. Everything asked later is refused as `Closed`.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Shared {
    /// The sequence of the next delivery.
    fn next_sequence(&self) -> i64 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What a full or failing disk makes of every statement, as a decision for the callers.
pub(crate) fn disk_trouble(error: &sqlx::Error) -> Option<Error> {
    /// The part of SQLite's result code that says what kind of error it is.
    const KIND: i32 = 0xff;
    const IO_ERROR: i32 = 10;
    const FULL: i32 = 13;

    let error = error.as_database_error()?;
    error.try_downcast_ref::<SqliteError>()?;
    match error.code()?.parse::<i32>().ok()? & KIND {
        FULL => Some(Error::DiskFull),
        IO_ERROR => Some(Error::DiskFailed(error.message().to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
