//! Hosts tell each other that something came in. Nobody relies on it: who is not told looks every second.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};
use tokio_util::sync::CancellationToken;

use crate::sql::Shared;

const CHANNEL: &str = "gladhand";

/// A burst is one notice: every notice is a transaction of its own, outside that of the intake.
const GATHER: Duration = Duration::from_millis(50);

/// After a session broke, this long nobody is told anything.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens and notifies until `stop`.
pub(super) fn start(readers: PgPool, shared: Arc<Shared>, stop: CancellationToken) {
    let (pool, own, until) = (readers.clone(), Arc::clone(&shared), stop.clone());
    tokio::spawn(async move {
        until.run_until_cancelled(listen(&pool, &own)).await;
    });
    tokio::spawn(async move {
        stop.run_until_cancelled(notify(&readers, &shared)).await;
    });
}

async fn listen(pool: &PgPool, shared: &Shared) {
    loop {
        if let Err(error) = hear(pool, shared).await {
            tracing::debug!(%error, "not told of what other hosts take in; looking every second");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hear(pool: &PgPool, shared: &Shared) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        listener.recv().await?;
        shared.changed.notify_one();
    }
}

async fn notify(pool: &PgPool, shared: &Shared) {
    loop {
        shared.arrived.notified().await;
        tokio::time::sleep(GATHER).await;
        let told = sqlx::query("SELECT pg_notify($1, '')")
            .bind(CHANNEL)
            .execute(pool)
            .await;
        if let Err(error) = told {
            tracing::debug!(%error, "other hosts were not told of what came in");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
