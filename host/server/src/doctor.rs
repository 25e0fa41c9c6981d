//! `gladhand doctor`: what keeps the host from working. It looks, and changes nothing.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Result, anyhow};
use gladhand_store::Look;
use gladhand_store::deliveries::Counts;
use serde_json::json;

use crate::cli::endpoint::reachable;
use crate::cli::printer::counted;
use crate::cli::{Format, printer};
use crate::config::{Config, Environment};
use crate::{client, components, database, keyfile};

/// Says what it finds; false where something keeps the host from working.
pub async fn run(config: &Config, environment: &Environment, format: Format) -> Result<bool> {
    let mut is_well = true;
    let mut say = |name: &str, found: Result<String>| {
        is_well &= found.is_ok();
        print_finding(name, &found, format)
    };
    say("configuration", declared(config, environment))?;
    say("master key", master_key(config, environment).await)?;
    say("store", store(config).await)?;
    say("connectors", connectors(config))?;
    let front = Door::front(config.server.listen);
    say("listening", listening(front).await)?;
    let metrics = Door::metrics(config.server.metrics_listen);
    say("metrics", listening(metrics).await)?;
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

fn declared(config: &Config, environment: &Environment) -> Result<String> {
    let declared = config.declared(environment)?;
    Ok(format!(
        "{} and {} declared",
        counted(declared.sources.len(), "source"),
        counted(declared.connections.len(), "connection")
    ))
}

/// Whether the key is the one that the database was sealed with.
async fn master_key(config: &Config, environment: &Environment) -> Result<String> {
    let key = keyfile::find(config, environment).await?;
    let look = database::look(&config.store.url).await?;
    let sealed = look.filter(Look::is_sealed);
    match (key, sealed) {
        (None, None) => Ok(format!(
            "there is none yet; `gladhand serve` or `gladhand migrate` makes {}",
            keyfile::file(config).display()
        )),
        (None, Some(_)) => Err(keyfile::lost(config)),
        (Some(_), None) => Ok("it is there; nothing was sealed with it yet".to_owned()),
        (Some(key), Some(look)) if look.opens_with(&key) => {
            Ok("it opens what is stored".to_owned())
        }
        (Some(_), Some(_)) => Err(gladhand_store::Error::MasterKey.into()),
    }
}

async fn store(config: &Config) -> Result<String> {
    let url = database::printable(&config.store.url);
    let Some(look) = database::look(&config.store.url).await? else {
        return Ok(format!(
            "there is no database yet at {url}; `gladhand serve` or `gladhand migrate` makes it"
        ));
    };
    let Some(counts) = look.counts else {
        return Ok(format!(
            "{url} has the schema of an earlier version; `gladhand serve` or `gladhand migrate` brings it up to date"
        ));
    };
    Ok(format!("{url}: {}", told(&counts)))
}

/// How many deliveries stand where.
fn told(counts: &Counts) -> String {
    let parts: Vec<String> = counts
        .by_state
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    if parts.is_empty() {
        "no deliveries yet".to_owned()
    } else {
        parts.join(", ")
    }
}

fn connectors(config: &Config) -> Result<String> {
    let dir = &config.connectors.dir;
    let paths = components::in_folder(dir).map_err(|error| {
        anyhow!("{} cannot be read ({error}); build them with `cargo xtask connectors`, and let connectors.dir name the folder that they are in, like target/connectors", dir.display())
    })?;
    let components = counted(paths.len(), "component");
    Ok(format!("{components} in {}", dir.display()))
}

/// An address that a host listens on.
#[derive(Clone, Copy)]
struct Door {
    /// Which of `[server]` names it.
    setting: &'static str,
    address: SocketAddr,
    /// What is asked for there.
    path: &'static str,
    /// Whether the answer is a host's.
    is_hosts: fn(&str) -> bool,
}

impl Door {
    /// For webhooks and the admin API.
    fn front(address: SocketAddr) -> Self {
        Self {
            setting: "listen",
            address,
            path: "/livez",
            is_hosts: |answer| answer == "ok",
        }
    }

    /// For Prometheus.
    fn metrics(address: SocketAddr) -> Self {
        Self {
            setting: "metrics_listen",
            address,
            path: "/metrics",
            is_hosts: |answer| answer.contains("gladhand_"),
        }
    }
}

/// Whether an address can be listened on, or a host does so already.
async fn listening(door: Door) -> Result<String> {
    let Door {
        setting,
        address,
        path,
        is_hosts,
    } = door;
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let answer = client::look(reachable(address), path).await;
            if answer.is_some_and(|answer| is_hosts(&answer)) {
                return Ok(format!("a running host listens on {address}"));
            }
            Err(anyhow!(
                "another program listens on {address}; end it, or let server.{setting} name another address"
            ))
        }
        Err(error) => Err(anyhow!(
            "{address} cannot be listened on ({error}); let server.{setting} name another"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gladhand_store::crypter::Key;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::cli::printer::captured;

    fn config(dir: &Path, environment: &Environment) -> Config {
        let set = [
            ("server.listen", "127.0.0.1:0".to_owned()),
            ("server.metrics_listen", "127.0.0.1:0".to_owned()),
            (
                "store.url",
                format!("sqlite:{}/db/gladhand.db", dir.display()),
            ),
            ("store.data_dir", format!("{}/data", dir.display())),
            ("connectors.dir", dir.display().to_string()),
        ];
        let set = set.map(|(key, value)| (key.to_owned(), value));
        Config::load(None, environment, &set).expect("a configuration")
    }

    async fn said(config: &Config, environment: &Environment) -> (bool, String) {
        captured::start();
        let is_well = run(config, environment, Format::default())
            .await
            .expect("somebody reads it");
        (is_well, captured::take().stdout)
    }

    #[tokio::test]
    async fn where_there_is_nothing_yet_nothing_is_made() {
        let dir = tempfile::tempdir().expect("a folder");
        let environment = Environment::default();
        let (is_well, said) = said(&config(dir.path(), &environment), &environment).await;
        assert!(is_well, "{said}");
        assert!(said.contains("master key: there is none yet"), "{said}");
        assert!(said.contains("0 sources and 0 connections"), "{said}");
        assert!(
            said.contains("store: there is no database yet at"),
            "{said}"
        );
        let mut made = std::fs::read_dir(dir.path()).expect("the folder");
        assert!(made.next().is_none());
    }

    #[tokio::test]
    async fn a_key_is_tried_on_what_is_stored() {
        let dir = tempfile::tempdir().expect("a folder");
        let environment = Environment::default();
        let config_of_host = config(dir.path(), &environment);
        captured::start();
        let migrated = crate::serve::migrate(config_of_host.clone(), &environment).await;
        migrated.expect("a new database");
        let (is_well, said_of_own) = said(&config_of_host, &environment).await;
        assert!(is_well, "{said_of_own}");
        assert!(said_of_own.contains("master key: it opens what is stored"));
        assert!(said_of_own.contains("gladhand.db: no deliveries yet"));

        let other = Key::generate().to_hex();
        let environment = Environment::of([("GLADHAND__STORE__MASTER_KEY", other.expose_secret())]);
        let (is_well, said) = said(&config(dir.path(), &environment), &environment).await;
        assert!(!is_well);
        assert!(said.contains("FAILED  master key: the database was sealed with another"));
    }

    /// Answers as this does; ends with the test.
    async fn serving(routes: axum::Router) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    #[tokio::test]
    async fn an_address_that_a_host_has_is_no_fault_and_one_that_another_program_has_is() {
        let host = crate::health::routes(crate::doubles::World::new());
        let address = serving(host).await;
        let said = listening(Door::front(address)).await.expect("it is a host");
        assert_eq!(said, format!("a running host listens on {address}"));
        let address = serving(axum::Router::new()).await;
        for (door, setting) in [
            (Door::front(address), "listen"),
            (Door::metrics(address), "metrics_listen"),
        ] {
            let said = listening(door).await.expect_err("it is no host");
            let advice = format!("end it, or let server.{setting} name another address");
            assert!(said.to_string().ends_with(&advice), "{said}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_not_of_this_machine_is_said() {
        let foreign = "192.0.2.1:80".parse().expect("an address");
        let said = listening(Door::front(foreign)).await;
        let said = said.expect_err("it is for examples");
        assert!(
            said.to_string()
                .starts_with("192.0.2.1:80 cannot be listened on")
        );
    }
}
