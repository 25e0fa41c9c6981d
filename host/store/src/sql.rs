//! The store, in one dialect for both databases. What only one of them has is in `sqlite` and `postgres`.
//!
//! One task writes (on PostgreSQL one for what comes in and one for what goes out): what many callers want at once is
//! committed together, and each is answered after the commit. Reads go past it on connections of their own. Files are
//! split by noun.

mod database;

mod value;

mod query;

mod statement;

mod rows;

pub(crate) mod writer;

mod keys;

mod intake;

mod claim;

mod settle;

mod journal;

mod changes;

mod leases;

mod guard;

mod links;

mod relinks;

mod cache;

mod variables;

mod locks;

mod standings;

mod queue;

mod effects;

mod link_book;

mod events;

mod audit;

mod retention;

mod copy;

mod look;

mod deliveries;

mod show;

mod settings;

mod catalog;

pub use self::look::Look;

pub(crate) use self::database::{Connection, Readers};
pub(crate) use self::query::Query;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gladhand_core::clock::Clock;
use gladhand_core::ids::Ids;
use gladhand_core::intake::Planner;
use gladhand_core::port::Ports;
use secrecy::SecretString;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use self::keys::Keys;
use self::retention::Broom;
use self::writer::{Operation, Writer};
use crate::crypter::{Crypter, Key};
use crate::{Error, happening, postgres, sqlite};

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file; made if missing, its directory must exist. One process at a time.
    Sqlite(PathBuf),
    /// A database that several hosts share: `postgres://user:password@host/name`.
    Postgres(SecretString),
}

/// What a store needs.
pub struct Options {
    /// Where the database is.
    pub location: Location,
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

/// The store. It implements every trait of this crate and every port of the core.
pub struct Store {
    /// For what comes in.
    intake: Writer,
    /// For everything else.
    work: Writer,
    readers: Readers,
    shared: Arc<Shared>,
    /// Ends the tasks that listen and notify.
    _told: DropGuard,
}

/// What the writers and the readers share.
pub(crate) struct Shared {
    pub(crate) keys: Keys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) planner: Arc<dyn Planner>,
    pub(crate) hold: Duration,
    /// This run of the process: on SQLite leases of another are void.
    pub(crate) incarnation: Uuid,
    /// Of the newest delivery, on SQLite. Only the writer moves it.
    pub(crate) sequence: AtomicI64,
    /// Where retention is.
    pub(crate) broom: Mutex<Broom>,
    /// A lane may have become ready.
    pub(crate) changed: Notify,
    /// An intake has made a lane ready that another host could take.
    pub(crate) arrived: Notify,
}

impl Store {
    /// Opens or makes the database and brings its schema up to date.
    pub async fn open(options: Options) -> Result<Arc<Self>, Error> {
        happening::begin();
        let shared = Arc::new(Shared {
            keys: Keys::new(Crypter::new(
                &options.master_key,
                &options.older_master_keys,
            )),
            incarnation: options.ids.next(),
            clock: options.clock,
            ids: options.ids,
            planner: options.planner,
            hold: options.hold,
            sequence: AtomicI64::new(0),
            broom: Mutex::default(),
            changed: Notify::new(),
            arrived: Notify::new(),
        });
        let stop = CancellationToken::new();
        let (intake, work, readers) = match options.location {
            Location::Sqlite(path) => sqlite::open(&path, &shared).await?,
            Location::Postgres(url) => postgres::open(&url, &shared, stop.clone()).await?,
        };
        let store = Self {
            intake,
            work,
            readers,
            shared,
            _told: stop.drop_guard(),
        };
        if let Err(error) = settings::check_master_key(&store).await {
            store.close().await;
            return Err(error);
        }
        Ok(Arc::new(store))
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
    async fn write<R: Send + 'static>(
        &self,
        write: impl for<'c> FnOnce(
            &'c mut Connection,
        )
            -> Pin<Box<dyn Future<Output = Result<R, Error>> + Send + 'c>>
        + Send
        + 'static,
    ) -> Result<R, Error> {
        let (reply, answer) = oneshot::channel();
        let rare: writer::Rare = Box::new(move |connection| {
            Box::pin(async move {
                let written = write(connection).await?;
                // A caller that went away needs no answer.
                let _ = reply.send(written);
                Ok(())
            })
        });
        self.work.ask(Operation::Rare, rare).await?;
        answer.await.map_err(|_| Error::Closed)
    }

    /// A rare write that other hosts must notice.
    async fn configure(
        &self,
        write: impl for<'c> FnOnce(
            &'c mut Connection,
        )
            -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'c>>
        + Send
        + 'static,
    ) -> Result<(), Error> {
        self.write(move |connection| {
            Box::pin(async move {
                // First, so that two hosts that configure at once wait for each other.
                connection
                    .run("UPDATE configuration SET revision = revision + 1")
                    .await?;
                write(connection).await
            })
        })
        .await
    }

    /// Answers what was asked before, then lets go of the database. Everything asked later is refused as `Closed`.
    pub async fn close(&self) {
        self.readers.close().await;
        self.intake.close().await;
        self.work.close().await;
    }
}

#[cfg(test)]
mod tests;
