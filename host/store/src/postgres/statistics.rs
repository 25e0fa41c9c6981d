//! What the planner knows of tables that grow from nothing to a million rows within minutes.
//!
//! PostgreSQL gathers statistics by itself, once a minute at the most; until then it plans as for tables that are empty,
//! and a plan that was made for those reads a whole queue for each claim. The same holds for a database that was restored.

use std::time::Duration;

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use tokio_util::sync::CancellationToken;

/// How often it looks.
const AGAIN: Duration = Duration::from_secs(1);

/// Tables that have changed by more than all that they had when they were last looked at: rarely, and ever more rarely.
const OUTGROWN: &str = "SELECT relname::text FROM pg_stat_user_tables JOIN pg_class USING (relname) \
     WHERE pg_class.oid = relid AND schemaname = current_schema() \
     AND n_mod_since_analyze > GREATEST(500, reltuples)";

/// Gathers statistics where the server has not yet, until `stop`.
pub(super) fn start(readers: PgPool, stop: CancellationToken) {
    tokio::spawn(async move {
        stop.run_until_cancelled(look(&readers)).await;
    });
}

async fn look(pool: &PgPool) {
    loop {
        tokio::time::sleep(AGAIN).await;
        // Who needs the database says that it does not answer; slow plans are nobody's end.
        if let Err(error) = gather(pool).await {
            tracing::debug!(%error, "gathering statistics");
        }
    }
}

async fn gather(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut session = pool.acquire().await?;
    for row in session.fetch_all(OUTGROWN).await? {
        let table: String = row.try_get(0)?;
        let analyze = format!("ANALYZE \"{}\"", table.replace('"', "\"\""));
        session.execute(AssertSqlSafe(analyze)).await?;
    }
    Ok(())
}
