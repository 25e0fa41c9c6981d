//! The commands that are the host, or stand in for it while it does not run: serve, migrate, doctor.

use std::sync::Arc;

use anyhow::Result;
use gladhand_engine::route::Router;
use serde_json::json;

use crate::cli::{Format, printer};
use crate::config::{Config, Environment};
use crate::host::{self, Host, World};
use crate::system::{self, SystemClock, SystemIds};
use crate::{components, database, keyfile, telemetry};

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

/// Brings the database's schema up to date and says so.
pub async fn migrate(config: Config, environment: &Environment) -> Result<()> {
    let World { clock, ids, .. } = world();
    let key = keyfile::master_key(&config, environment)?;
    let store = database::open(
        &config,
        &key,
        &clock,
        &ids,
        Arc::new(Router::new(ids.clone())),
    )
    .await?;
    store.close().await;
    printer::text(&format!(
        "{} is up to date\n",
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
    let key = keyfile::master_key(&config, environment)?;
    let router = Arc::new(Router::new(ids.clone()));
    from.clone_into(&mut config.store.url);
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

/// Looks for what keeps the host from working; false where something does.
pub async fn doctor(config: Config, environment: &Environment, format: Format) -> Result<bool> {
    let mut is_well = true;
    let mut say = |name: &str, found: Result<String>| {
        is_well &= found.is_ok();
        print_finding(name, &found, format)
    };
    let declared = config
        .declared(environment)
        .map_err(anyhow::Error::from)
        .map(|declared| {
            format!(
                "{} sources and {} connections declared",
                declared.sources.len(),
                declared.connections.len()
            )
        });
    say("configuration", declared)?;
    say(
        "master key",
        keyfile::master_key(&config, environment).map(|_| "opens".to_owned()),
    )?;
    say("store", store(&config, environment).await)?;
    say("connectors", connectors(&config))?;
    say("listening", listening(&config))?;
    Ok(is_well)
}

/// The words of a connector's checks for a program, a line for people.
fn print_finding(name: &str, found: &Result<String>, format: Format) -> Result<()> {
    let (state, word, message) = match found {
        Ok(fact) => ("passed", "ok", fact.clone()),
        Err(error) => ("failed", "FAILED", format!("{error:#}")),
    };
    if format.json {
        let finding = json!({ "name": name, "state": state, "message": message });
        return printer::json_lines(&[finding]);
    }
    printer::text(&format!("{word:<6}  {name}: {message}\n"))
}

async fn store(config: &Config, environment: &Environment) -> Result<String> {
    let World { clock, ids, .. } = world();
    let key = keyfile::master_key(config, environment)?;
    let opened = database::open(
        config,
        &key,
        &clock,
        &ids,
        Arc::new(Router::new(ids.clone())),
    )
    .await;
    match opened {
        Ok(store) => {
            let counted = host::count(&*store).await;
            store.close().await;
            Ok(format!(
                "{}: {}",
                database::printable(&config.store.url),
                counted?
            ))
        }
        Err(error)
            if matches!(
                error.downcast_ref(),
                Some(gladhand_store::Error::InUse { .. })
            ) =>
        {
            Ok(format!("{} is in use by a running host", config.store.url))
        }
        Err(error) => Err(error),
    }
}

fn connectors(config: &Config) -> Result<String> {
    let dir = &config.connectors.dir;
    let paths = components::in_folder(dir).map_err(|error| {
        anyhow::anyhow!("{} cannot be read ({error}); build them with `cargo xtask connectors`, and let connectors.dir name the folder that they are in, like target/connectors", dir.display())
    })?;
    Ok(format!("{} components in {}", paths.len(), dir.display()))
}

fn listening(config: &Config) -> Result<String> {
    let listen = config.server.listen;
    match std::net::TcpListener::bind(listen) {
        Ok(_) => Ok(format!("{listen} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(format!(
            "{listen} is taken; where it is not by a running host, choose another in [server]"
        )),
        Err(error) => Err(error.into()),
    }
}

fn world() -> World {
    World {
        clock: Arc::new(SystemClock::new()),
        ids: Arc::new(SystemIds),
        jitter: system::jitter,
    }
}
