//! Opening the database: one process at a time, schema brought up to date, leases of a dead process freed.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gladhand_core::clock::Timestamp;
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use uuid::Uuid;

use crate::Error;
use crate::sql::{Connection, Query};

/// Reads wait for nobody, so a few connections serve many tasks; each costs a thread.
const READERS: u32 = 3;

/// Nobody else writes, so this only ever waits for a checkpoint.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Every text of every `Statement` that a busy host uses stays prepared.
const PREPARED_STATEMENTS: usize = 512;

/// Rows that the connection's thread may be ahead of the reader: a thread switch costs more than a row.
const ROWS_AHEAD: usize = 1_024;

/// The writer's page cache in KiB: keys of unique indexes arrive in random order.
const WRITER_CACHE_KIB: i64 = 32 * 1_024;

/// Pages of 4 KiB in the log before it is folded into the database: fewer, longer pauses.
const CHECKPOINT_PAGES: i64 = 4_000;

/// Takes the lock beside the database; it lasts as long as the file is held.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let name = beside(path, ".lock");
    let failed = |source| Error::Path {
        path: name.display().to_string(),
        source,
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// The one connection that writes. A commit is on the disk when it returns.
pub(super) async fn writer(path: &Path) -> Result<SqliteConnection, Error> {
    let connection = options(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", (-WRITER_CACHE_KIB).to_string())
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .connect()
        .await?;
    Ok(connection)
}

/// Brings the schema up to date.
pub(super) async fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let Connection::Sqlite(connection) = connection else {
        return Ok(());
    };
    // `run` asks for an `Acquire` that a future which moves between threads cannot name; this is what it calls.
    super::MIGRATIONS
        .run_direct(None, connection, false)
        .await?;
    Ok(())
}

/// Connections that only read.
pub(super) async fn readers(path: &Path) -> Result<SqlitePool, Error> {
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .connect_with(options(path).read_only(true))
        .await?;
    Ok(pool)
}

/// A connection that changes no file, not even those beside the database.
pub(super) async fn looker(path: &Path) -> Result<SqliteConnection, Error> {
    // Where nothing was left in a log, SQLite would make one to read past it.
    let has_log = beside(path, "-wal").exists();
    let connection = options(path)
        .read_only(true)
        .immutable(!has_log)
        .connect()
        .await?;
    Ok(connection)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(PREPARED_STATEMENTS)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

/// Frees what processes that are gone have leased, and returns the sequence of the newest delivery.
///
/// Their attempts stay without an end, which is how the next attempt knows that one was cut short.
pub(super) async fn recover(
    connection: &mut Connection,
    incarnation: Uuid,
    now: Timestamp,
) -> Result<i64, Error> {
    connection.begin().await?;
    connection
        .run(
            "UPDATE deliveries SET state = 'pending' WHERE state = 'running' AND settled_at IS NULL; \
             DELETE FROM locks",
        )
        .await?;
    Query::new(
        "UPDATE lanes SET lease_token = NULL, lease_owner = NULL, leased_at = NULL, lease_until = NULL, \
         sole_sequence = NULL WHERE lease_token IS NOT NULL AND lease_owner <> ?",
    )
    .bind(incarnation)
    .execute(connection)
    .await?;
    Query::new("DELETE FROM cache WHERE expires_at <= ?")
        .bind(now.0)
        .execute(connection)
        .await?;
    let newest = Query::new(
        "SELECT MAX(COALESCE((SELECT MAX(sequence) FROM deliveries), 0), \
                    COALESCE((SELECT MAX(last_sequence) FROM lanes), 0)) AS newest",
    )
    .fetch_optional(connection)
    .await?;
    connection.commit().await?;
    Ok(newest.map_or(Ok(0), |row| row.try_get("newest"))?)
}
