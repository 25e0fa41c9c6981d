//! What only SQLite has: one file for one process, a lock beside it, and leases that end with the process.

mod open;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteError;

use crate::Error;
use crate::sql::writer::{Source, Writer};
use crate::sql::{Connection, Readers, Shared};

/// What the schema is made of.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Opens or makes the file, and frees what a process that is gone had leased. One writer serves both concerns.
pub(crate) async fn open(
    path: &Path,
    shared: &Arc<Shared>,
) -> Result<(Writer, Writer, Readers), Error> {
    let lock = open::lock(path)?;
    let mut connection = connect(path).await?;
    open::migrate(&mut connection).await?;
    let sequence = open::recover(&mut connection, shared.incarnation, shared.clock.now()).await?;
    shared.sequence.store(sequence, Ordering::Relaxed);
    let readers = Readers::Sqlite(open::readers(path).await?);
    let source = Source::File {
        connection: Some(connection),
        path: path.to_owned(),
        lock,
    };
    let writer = Writer::start([source], shared);
    Ok((writer.clone(), writer, readers))
}

/// The one connection that writes.
pub(crate) async fn connect(path: &Path) -> Result<Connection, Error> {
    open::writer(path).await.map(Connection::Sqlite)
}

/// A connection that only looks.
pub(crate) async fn look(path: &Path) -> Result<Connection, Error> {
    open::looker(path).await.map(Connection::Sqlite)
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
