//! `gladhand doctor`: what keeps the host from working. It looks, and changes nothing.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Result, anyhow};
use gladhand_store::Look;
use gladhand_store::deliveries::Counts;
use serde_json::json;

use crate::cli::{Format, printer};
use crate::config::{Config, Environment};
use crate::{components, database, keyfile};

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
    say("listening", listening("listen", config.server.listen))?;
    let metrics = listening("metrics_listen", config.server.metrics_listen);
    say("metrics", metrics)?;
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
        "{} sources and {} connections declared",
        declared.sources.len(),
        declared.connections.len()
    ))
}

/// Whether the key is the one that the database was sealed with.
async fn master_key(config: &Config, environment: &Environment) -> Result<String> {
    let key = keyfile::find(config, environment)?;
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
    Ok(format!("{} components in {}", paths.len(), dir.display()))
}

/// Whether the address of this setting can be listened on.
fn listening(setting: &str, address: SocketAddr) -> Result<String> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(format!(
            "{address} is taken; where it is not by a running host, let server.{setting} name another"
        )),
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

    #[test]
    fn an_address_that_is_taken_or_not_of_this_machine_is_said() {
        let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = other.local_addr().expect("it is bound");
        let said = listening("metrics_listen", taken).expect("it may be a host's");
        assert!(
            said.ends_with("let server.metrics_listen name another"),
            "{said}"
        );
        let foreign = "192.0.2.1:80".parse().expect("an address");
        let said = listening("listen", foreign).expect_err("it is for examples");
        assert!(
            said.to_string()
                .starts_with("192.0.2.1:80 cannot be listened on")
        );
    }
}
