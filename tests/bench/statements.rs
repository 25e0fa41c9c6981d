//! How many statements a database was sent, where PostgreSQL has the extension that counts them.

use anyhow::{Context as _, Result, ensure};
use sqlx::{Connection as _, PgConnection, query, query_scalar};
use tokio::process::Command;

use gladhand_tests::database::{Database, URL, cluster};

/// The script that `cargo xtask` leaves for whoever restarts its cluster.
const CONTROL: &str = "GLADHAND_TEST_POSTGRES_CONTROL";

/// Lets the cluster count from now on, for which it is restarted; false where it cannot.
pub async fn enable() -> Result<bool> {
    let mut connection = PgConnection::connect(&cluster(URL)?)
        .await
        .context("connecting to PostgreSQL")?;
    let is_there =
        "SELECT EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements')";
    let is_there: bool = query_scalar(is_there).fetch_one(&mut connection).await?;
    if !is_there {
        return Ok(false);
    }
    query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    let mut restart = Command::new(cluster(CONTROL)?);
    let restarted = restart.args(["restart", "--mode", "fast"]).output().await?;
    ensure!(
        restarted.status.success(),
        "PostgreSQL does not restart: {}",
        String::from_utf8_lossy(&restarted.stderr)
    );
    Ok(true)
}

/// How many the database was sent since counting began, transactions' own included.
pub async fn count(database: &Database) -> Result<i64> {
    let mut connection = database.connect().await?;
    query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        .execute(&mut connection)
        .await?;
    Ok(query_scalar(
        "SELECT COALESCE(SUM(calls), 0)::bigint FROM pg_stat_statements \
         JOIN pg_database ON pg_database.oid = dbid WHERE datname = current_database()",
    )
    .fetch_one(&mut connection)
    .await?)
}
