//! The master key: from the configuration, or a file of this machine that is made once.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use gladhand_store::crypter::Key;
use secrecy::ExposeSecret as _;

use crate::config::{Config, Environment};

/// The key that seals what is stored.
pub fn master_key(config: &Config, environment: &Environment) -> Result<Key> {
    make_private(&config.store.data_dir)?;
    if let Some(secret) = &config.store.master_key {
        let secret = secret
            .open(environment)
            .map_err(|problem| anyhow::anyhow!("{problem}"))?;
        return Key::parse(secret.expose_secret()).context("reading store.master_key");
    }
    let path = config.store.data_dir.join("master.key");
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
    {
        Ok(mut file) => {
            let key = Key::generate();
            file.write_all(key.to_hex().expose_secret().as_bytes())?;
            file.sync_all()?;
            tracing::info!(file = %path.display(), "made a master key; keep a copy of it: nothing that is stored opens without it");
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text =
                fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            Key::parse(text.trim()).with_context(|| format!("reading {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("making {}", path.display())),
    }
}

fn make_private(dir: &Path) -> Result<()> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.with_context(|| format!("making {}; store.data_dir names it", dir.display()))
}
