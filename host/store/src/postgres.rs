//! What only PostgreSQL has: several hosts, a clock that all of them share, sessions that break, and being told.

mod open;

mod told;

mod statistics;

use std::io::ErrorKind;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSeverity};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::sql::writer::{Source, Writer};
use crate::sql::{Connection, Readers, Shared};

/// What the schema is made of.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// For what comes in: while one waits for the disk, the other works. More of them carry less each, and wait for each
/// other's contacts.
const INTAKE_SESSIONS: usize = 2;

/// Opens the database. What comes in and what goes out are written by sessions of their own, so that an acknowledgement
/// never waits behind a claim.
pub(crate) async fn open(
    url: &SecretString,
    shared: &Arc<Shared>,
    stop: CancellationToken,
) -> Result<(Writer, Writer, Readers), Error> {
    let options = open::options(url.expose_secret())?;
    open::migrate(&options).await?;
    let readers = open::readers(&options);
    let intake = writer(&options, INTAKE_SESSIONS, shared).await?;
    // One, so that claims and intents of a host see each other's.
    let work = writer(&options, 1, shared).await?;
    statistics::start(readers.clone(), stop.clone());
    told::start(readers.clone(), Arc::clone(shared), stop);
    Ok((intake, work, Readers::Postgres(readers)))
}

async fn writer(
    options: &PgConnectOptions,
    sessions: usize,
    shared: &Arc<Shared>,
) -> Result<Writer, Error> {
    let mut sources = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        sources.push(Source::Server {
            connection: Some(connect(options).await?),
            options: Box::new(options.clone()),
        });
    }
    Ok(Writer::start(sources, shared))
}

/// A session that writes.
pub(crate) async fn connect(options: &PgConnectOptions) -> Result<Connection, Error> {
    open::writer(options).await.map(Connection::Postgres)
}

/// A session that only looks.
pub(crate) async fn look(url: &SecretString) -> Result<Connection, Error> {
    let options = open::options(url.expose_secret())?;
    open::connect(&options).await.map(Connection::Postgres)
}

/// What the server's own troubles mean to the callers.
pub(crate) fn trouble(error: &sqlx::Error) -> Option<Error> {
    const DISK_FULL: &str = "53100";
    const IO_ERROR: &str = "58030";
    if let Some(why) = unencrypted(error) {
        return Some(Error::Encryption(why));
    }
    if is_broken(error) {
        return Some(Error::Unreachable(error.to_string()));
    }
    let error = error.as_database_error()?;
    match error.try_downcast_ref::<PgDatabaseError>()?.code() {
        DISK_FULL => Some(Error::DiskFull),
        IO_ERROR => Some(Error::DiskFailed(error.message().to_owned())),
        _ => None,
    }
}

/// Why the server and what the URL asks of the connection's encryption do not agree.
fn unencrypted(error: &sqlx::Error) -> Option<String> {
    match error {
        sqlx::Error::Tls(why) => Some(why.to_string()),
        // What a handshake says of certificates; a socket has no other data to judge.
        sqlx::Error::Io(why) if why.kind() == ErrorKind::InvalidData => Some(why.to_string()),
        _ => None,
    }
}

/// The session is gone or was never there; another may be made.
fn is_broken(error: &sqlx::Error) -> bool {
    /// Shutdown, crash recovery, too many sessions, a session that was ended.
    const GONE: [&str; 6] = ["57P01", "57P02", "57P03", "57P05", "53300", "25P03"];
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            error
                .try_downcast_ref::<PgDatabaseError>()
                .is_some_and(|error| {
                    // Whatever its code: the server gives up all its sessions and recovers, as where its log cannot be written.
                    error.severity() == PgSeverity::Panic
                        || GONE.contains(&error.code())
                        || error.code().starts_with("08")
                })
        }
        _ => false,
    }
}
