//! The master key: from the configuration, or a file of this machine that is made once.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use gladhand_store::Look;
use gladhand_store::crypter::{Key, KeyError};
use secrecy::ExposeSecret as _;

use crate::config::{Config, Environment};
use crate::database;

/// The key that seals what is stored; a new one where nothing was sealed yet.
pub async fn master_key(config: &Config, environment: &Environment) -> Result<Key> {
    let found = find(config, environment).await?;
    if found.is_none() && is_sealed(config).await? {
        return Err(lost(config));
    }
    make_private(&config.store.data_dir)?;
    found.map_or_else(|| make(&file(config)), Ok)
}

/// The key that is there. Where something else is there, nobody is told to make a new one of what has sealed something.
pub async fn find(config: &Config, environment: &Environment) -> Result<Option<Key>> {
    let found = read(config, environment);
    if let Err(error) = &found
        && error.is::<KeyError>()
        && is_sealed(config).await?
    {
        return Err(damaged(config));
    }
    found
}

async fn is_sealed(config: &Config) -> Result<bool> {
    let look = database::look(&config.store.url).await?;
    Ok(look.as_ref().is_some_and(Look::is_sealed))
}

fn read(config: &Config, environment: &Environment) -> Result<Option<Key>> {
    if let Some(secret) = &config.store.master_key {
        let secret = secret
            .open(environment)
            .map_err(|problem| anyhow!("{problem}"))?;
        let key = Key::parse(secret.expose_secret()).context("reading store.master_key")?;
        return Ok(Some(key));
    }
    let path = file(config);
    let reading = || format!("reading {}", path.display());
    match fs::read_to_string(&path) {
        Ok(text) => Key::parse(&text).map(Some).with_context(reading),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(KeyError).with_context(reading),
        Err(error) => Err(error).with_context(reading),
    }
}

/// Where the key is kept that no configuration names.
pub fn file(config: &Config) -> PathBuf {
    config.store.data_dir.join("master.key")
}

/// What is stored was sealed, and the key is not there.
pub fn lost(config: &Config) -> anyhow::Error {
    anyhow!(
        "the master key is not there, and nothing that is stored in {} can be read without it: put it back as {}, or \
         give it as store.master_key (GLADHAND__STORE__MASTER_KEY)",
        database::printable(&config.store.url),
        file(config).display()
    )
}

/// What is stored was sealed, and what is there is no key.
fn damaged(config: &Config) -> anyhow::Error {
    let place = match &config.store.master_key {
        Some(_) => "store.master_key".to_owned(),
        None => file(config).display().to_string(),
    };
    anyhow!(
        "{place} holds no key, which is 64 hex digits, and nothing that is stored in {} can be read without the one that \
         it was sealed with: put that one back there; a new one opens nothing",
        database::printable(&config.store.url)
    )
}

fn make(path: &Path) -> Result<Key> {
    let key = Key::generate();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("making {}", path.display()))?;
    file.write_all(key.to_hex().expose_secret().as_bytes())?;
    file.sync_all()?;
    tracing::info!(file = %path.display(), "made a master key; keep a copy of it: nothing that is stored opens without it");
    Ok(key)
}

fn make_private(dir: &Path) -> Result<()> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.with_context(|| format!("making {}; store.data_dir names it", dir.display()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gladhand_core::clock::Clock;
    use gladhand_core::ids::Ids;
    use gladhand_engine::route::Router;

    use super::*;
    use crate::system::{SystemClock, SystemIds};

    async fn open(config: &Config, key: &Key) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let router = Arc::new(Router::new(ids.clone()));
        let opened = database::open(config, key, &clock, &ids, router).await;
        opened.expect("the key fits").close().await;
    }

    fn config(dir: &Path) -> Config {
        let place = dir.display();
        let set = [
            ("store.url", format!("sqlite:{place}/gladhand.db")),
            ("store.data_dir", format!("{place}/data")),
        ];
        let set = set.map(|(key, value)| (key.to_owned(), value));
        Config::load(None, &Environment::default(), &set).expect("a configuration")
    }

    #[tokio::test]
    async fn a_key_that_was_lost_is_not_replaced() {
        let dir = tempfile::tempdir().expect("a folder");
        let environment = Environment::default();
        let config = config(dir.path());
        let key = master_key(&config, &environment).await;
        open(&config, &key.expect("nothing was sealed yet")).await;
        let again = master_key(&config, &environment).await;
        open(&config, &again.expect("it was made before")).await;

        fs::remove_file(file(&config)).expect("it was made");
        let refused = master_key(&config, &environment).await;
        let said = refused.expect_err("it is lost").to_string();
        assert!(said.starts_with("the master key is not there"), "{said}");
        assert!(!file(&config).exists());
    }

    #[tokio::test]
    async fn a_key_that_was_damaged_is_to_be_put_back_where_something_was_sealed() {
        let dir = tempfile::tempdir().expect("a folder");
        let environment = Environment::default();
        let config = config(dir.path());
        fs::create_dir(&config.store.data_dir).expect("a folder");
        fs::write(file(&config), "damaged").expect("the folder can be written");
        let refused = master_key(&config, &environment).await;
        let said = format!("{:#}", refused.expect_err("it is none"));
        assert!(said.contains("gladhand key generate"), "{said}");

        fs::remove_file(file(&config)).expect("it is there");
        let key = master_key(&config, &environment).await;
        open(&config, &key.expect("nothing was sealed yet")).await;
        for damage in [&b"damaged"[..], b"\xff"] {
            fs::write(file(&config), damage).expect("the folder can be written");
            let refused = master_key(&config, &environment).await;
            let said = format!("{:#}", refused.expect_err("it is none"));
            assert!(said.contains("put that one back there"), "{said}");
            assert!(!said.contains("generate"), "{said}");
        }
    }
}
