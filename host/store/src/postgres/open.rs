//! Sessions: how they are made, and what every one of them must know.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Executor as _};
use url::Url;

use crate::Error;

/// Reads of many attempts share these; each is short.
const READERS: u32 = 8;

/// Whoever waits longer for a session is told that there is none.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A session that cannot be made in this time counts as refused.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Every text of every statement that a busy host uses stays prepared.
const PREPARED_STATEMENTS: usize = 512;

/// Durable whatever the server's default is; bounded, so that a session that hangs is an error and not silence. Tables
/// begin empty and grow fast, so plans that would read a whole one are ruled out instead of trusted to statistics. With that
/// the plan of a statement hardly depends on what is bound to it, and is made once: making it costs more than following it.
const WRITER_SETTINGS: &str = "SET synchronous_commit = on; SET statement_timeout = '20s'; SET lock_timeout = '10s'; \
     SET idle_in_transaction_session_timeout = '30s'; SET enable_seqscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off; SET enable_bitmapscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan";

const READER_SETTINGS: &str =
    "SET statement_timeout = '20s'; SET enable_seqscan = off; SET jit = off";

/// How the database of a URL is reached.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url).map_err(|error| Error::Url(error.to_string()))?;
    check_encryption(url)?;
    Ok(options
        .application_name("gladhand")
        .statement_cache_capacity(PREPARED_STATEMENTS)
        .disable_statement_logging())
}

/// A misspelt parameter would be ignored, and the connection less safe than it was meant; a file that is not there would
/// look like a server that is not there.
fn check_encryption(url: &str) -> Result<(), Error> {
    let url = Url::parse(url).map_err(|error| Error::Url(error.to_string()))?;
    for (name, value) in url.query_pairs() {
        match &*name {
            "sslmode" => {}
            "sslrootcert" | "sslcert" | "sslkey" => {
                // A key in a URL would be printed with it.
                if value.contains("-----BEGIN") {
                    let why = format!("{name} is the path of a file, and not what is in it");
                    return Err(Error::Url(why));
                }
                if let Err(error) = std::fs::File::open(&*value) {
                    let why = format!("the file {value} of {name} cannot be read ({error})");
                    return Err(Error::Encryption(why));
                }
            }
            misspelt if misspelt.to_ascii_lowercase().starts_with("ssl") => {
                return Err(Error::Url(format!(
                    "{misspelt} is none of its parameters: sslmode, sslrootcert, sslcert and sslkey are those of encryption"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Brings the schema up to date; hosts that start together wait for each other.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<(), Error> {
    let mut connection = connect(options).await?;
    // `run` asks for an `Acquire` that a future which moves between threads cannot name; this is what it calls.
    super::MIGRATIONS
        .run_direct(None, &mut connection, false)
        .await?;
    Ok(())
}

/// A session that writes. A commit is on the disk when it returns.
pub(super) async fn writer(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = connect(options).await?;
    connection.execute(sqlx::raw_sql(WRITER_SETTINGS)).await?;
    Ok(connection)
}

/// Sessions that only read, made when they are needed.
pub(super) fn readers(options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(sqlx::raw_sql(READER_SETTINGS)).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options.clone())
}

/// A session as the server makes it.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(connection) => Ok(connection?),
        Err(_) => Err(Error::Unreachable(format!(
            "no answer within {} s",
            CONNECT_TIMEOUT.as_secs()
        ))),
    }
}
