//! The commands that are the host, or stand in for it while it does not run: serve, migrate.

use std::sync::Arc;

use anyhow::Result;
use gladhand_engine::route::Router;

use crate::cli::printer;
use crate::config::{Config, Environment};
use crate::host::{Host, World};
use crate::system::{self, SystemClock, SystemIds};
use crate::{database, keyfile, telemetry};

/// Runs until a signal; false where a task died or had to be cut off.
pub async fn serve(config: Config, environment: &Environment) -> Result<bool> {
    telemetry::start_logs(&config.log.filter, config.log.format);
    let host = Host::start(&config, environment, world()).await?;
    printer::text(&format!("listening on http://{}\n", host.address))?;
    tracing::info!(address = %host.address, metrics = %host.metrics_address, "gladhand is serving");
    let Host { tasks, store, .. } = host;
    let is_clean = tasks.until_signalled().await?;
    store.close().await;
    Ok(is_clean)
}

/// Makes the database or brings its schema up to date, and says which.
pub async fn migrate(config: Config, environment: &Environment) -> Result<()> {
    let World { clock, ids, .. } = world();
    let is_new = database::look(&config.store.url).await?.is_none();
    let has_key = keyfile::find(&config, environment).await?.is_some();
    let key = keyfile::master_key(&config, environment).await?;
    let store = database::open(
        &config,
        &key,
        &clock,
        &ids,
        Arc::new(Router::new(ids.clone())),
    )
    .await?;
    store.close().await;
    if !has_key {
        printer::text(&format!(
            "{} was made; keep a copy of it: nothing that is stored opens without it\n",
            keyfile::file(&config).display()
        ))?;
    }
    let what_became = if is_new { "was made" } else { "is up to date" };
    printer::text(&format!(
        "{} {what_became}\n",
        database::printable(&config.store.url)
    ))
}

/// Moves an installation from one database to another, and says what to do next.
pub async fn move_over(
    mut config: Config,
    environment: &Environment,
    from: &str,
    to: &str,
) -> Result<()> {
    let World { clock, ids, .. } = world();
    database::must_exist(from)?;
    from.clone_into(&mut config.store.url);
    let key = keyfile::master_key(&config, environment).await?;
    let router = Arc::new(Router::new(ids.clone()));
    let source = database::open(&config, &key, &clock, &ids, router.clone()).await?;
    to.clone_into(&mut config.store.url);
    let target = database::open(&config, &key, &clock, &ids, router).await?;
    let mut lines = String::new();
    let copied = source
        .copy_into(&target, |table, rows| {
            use std::fmt::Write as _;
            writeln!(lines, "{rows:>10}  {table}").expect("a string grows");
        })
        .await;
    source.close().await;
    target.close().await;
    copied?;
    printer::text(&format!(
        "{lines}everything is in {}; set store.url to it and start the host\n",
        database::printable(to)
    ))
}

fn world() -> World {
    World {
        clock: Arc::new(SystemClock::new()),
        ids: Arc::new(SystemIds),
        jitter: system::jitter,
    }
}
