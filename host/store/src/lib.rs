//! The only database. One trait per aggregate, implemented once, on SQLite and on PostgreSQL, under one contract test.
//!
//! Nothing but the store decides what is durable; nothing here decides what happens: `intake::Planner` and
//! `lane::plan` of the core are called inside its transactions. It must not know a source's or a CRM's words.

pub mod deliveries;

pub mod queue;

pub mod effects;

pub mod link_book;

pub mod events;

pub mod audit;

pub mod retention;

pub mod settings;

pub mod catalog;

pub mod intake;

pub mod crypter;

mod packed;

mod planned;

mod doubt;

mod link_steps;

mod sql;

mod sqlite;

mod postgres;

mod happening;

pub use audit::Audit;
pub use deliveries::Deliveries;
pub use effects::Effects;
pub use events::Events;
pub use intake::Intake;
pub use link_book::LinkBook;
pub use queue::Queue;
pub use retention::Retention;
pub use settings::Settings;

pub use catalog::Catalog;

pub use sql::{Location, Look, Options, Store};

/// Why the store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or did not answer.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
    /// Nothing more can be stored; nothing of the call was.
    #[error(
        "the disk that holds the database is full; free some space, until then nothing is accepted"
    )]
    DiskFull,
    /// The disk does not read or write; nothing of the call was stored.
    #[error("the disk that holds the database does not work ({0}); look at the system's log")]
    DiskFailed(String),
    /// The database's file cannot be made or opened.
    #[error("cannot open {path}; the directory must exist and be writable")]
    Path {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database's URL is none.
    #[error(
        "the database's URL cannot be read: {0}; it looks like postgres://user:password@host:5432/name"
    )]
    Url(String),
    /// The database server does not answer. What was asked for may have been stored, or not.
    #[error(
        "the database does not answer ({0}); look whether it runs and whether it lets one more session in, until then \
         nothing is accepted"
    )]
    Unreachable(String),
    /// The database's URL asks for a connection that nobody else can read, and there is none.
    #[error(
        "the connection to the database is not encrypted as its URL asks (sslmode, sslrootcert): {0}; PostgreSQL must have \
         `ssl = on`, with a certificate that sslrootcert or the system's authorities vouch for, or the URL must ask for less"
    )]
    Encryption(String),
    /// An installation could not be moved.
    #[error("nothing was moved: {0}")]
    Copy(String),
    /// What is stored was sealed by another master key.
    #[error(
        "the database was sealed with another master key; give this host the one that it was made with, as \
         store.master_key or as the file master.key of its data_dir: all hosts of one database share it"
    )]
    MasterKey,
    /// A migration could not be applied.
    #[error("the database's schema could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row does not hold what this version writes.
    #[error("{table}.{column} of {row} cannot be read: {reason}")]
    Inconsistent {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Which row.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A sealed value does not open: another master key, or a row that was moved.
    #[error("{table}.{column} cannot be opened: was it sealed with another master key?")]
    Sealed {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
    },
    /// Another process has the database.
    #[error(
        "{path} is in use by another gladhand process; stop it, or give this one a store of its own"
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// The name is taken.
    #[error("{what} `{name}` exists already")]
    Exists {
        /// `source`, `connection`, …
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Something that it names is not there, or something that names it still is.
    #[error(
        "the {what} names something that does not exist, or something still names it; look at its source, account, \
         connections and connector version"
    )]
    Related {
        /// `source`, `connection`, …
        what: &'static str,
    },
    /// Somebody removed it meanwhile.
    #[error("the {what} was removed meanwhile; add it again under its name")]
    Removed {
        /// `source`, `connection`
        what: &'static str,
    },
    /// The lease was lost.
    #[error("the lease on the lane was lost")]
    LeaseLost,
    /// The writer has stopped.
    #[error("the store is shutting down")]
    Closed,
}

impl Error {
    /// Whether the database is to blame, and not what was asked of it or when.
    fn is_trouble(&self) -> bool {
        match self {
            Self::Database(_)
            | Self::DiskFull
            | Self::DiskFailed(_)
            | Self::Unreachable(_)
            | Self::Encryption(_)
            | Self::Migration(_)
            | Self::Inconsistent { .. }
            | Self::Sealed { .. } => true,
            Self::Path { .. }
            | Self::Url(_)
            | Self::Copy(_)
            | Self::MasterKey
            | Self::InUse { .. }
            | Self::Exists { .. }
            | Self::Related { .. }
            | Self::Removed { .. }
            | Self::LeaseLost
            | Self::Closed => false,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        sqlite::disk_trouble(&error)
            .or_else(|| postgres::trouble(&error))
            .unwrap_or(Self::Database(error))
    }
}

impl From<Error> for gladhand_core::port::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::LeaseLost => Self::LeaseLost,
            other => Self::Unavailable(Box::new(other)),
        }
    }
}
