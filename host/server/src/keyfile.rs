//! The master key: from the configuration, or a file of this machine that is made once.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use gladhand_store::crypter::Key;
use secrecy::ExposeSecret as _;

use crate::config::{Config, Environment};

/// The key that seals what is stored; a new one where there is none.
pub fn master_key(config: &Config, environment: &Environment) -> Result<Key> {
    let found = find(config, environment)?;
    make_private(&config.store.data_dir)?;
    found.map_or_else(|| make(&file(config)), Ok)
}

/// The key that is there.
pub fn find(config: &Config, environment: &Environment) -> Result<Option<Key>> {
    if let Some(secret) = &config.store.master_key {
        let secret = secret
            .open(environment)
            .map_err(|problem| anyhow::anyhow!("{problem}"))?;
        let key = Key::parse(secret.expose_secret()).context("reading store.master_key")?;
        return Ok(Some(key));
    }
    let path = file(config);
    let reading = || format!("reading {}", path.display());
    match fs::read_to_string(&path) {
        Ok(text) => Key::parse(&text).map(Some).with_context(reading),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(reading),
    }
}

/// Where the key is kept that no configuration names.
pub fn file(config: &Config) -> PathBuf {
    config.store.data_dir.join("master.key")
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
