//! The configuration: compiled-in defaults, a file, the environment, flags; later wins.
//!
//! Everything that is wrong is reported at once, each with its place. It must not know what a setting is for.

pub mod environment;

pub mod sections;

pub mod secret;

mod draft;

mod node;

mod problem;

mod policy;

mod retention;

mod section;

use std::path::{Path, PathBuf};

use gladhand_store::retention::Keep;
use secrecy::SecretString;

pub use draft::Draft;
pub use environment::Environment;
pub use problem::Problem;

use crate::admin::{Declared, NewConnection, NewSource};

/// Every setting with its default, commented: what `gladhand config default` prints.
pub const DEFAULTS: &str = include_str!("config/default.toml");

/// JSON Schema of the file: what `gladhand config schema` prints.
pub const SCHEMA: &str = include_str!("config/schema.json");

/// The file that is read where none is named.
pub const FILE: &str = "gladhand.toml";

/// What the program runs by.
#[derive(Debug, Clone)]
pub struct Config {
    /// Listeners.
    pub server: sections::Server,
    /// The database and this machine's files.
    pub store: sections::Store,
    /// Where components are.
    pub connectors: sections::Connectors,
    /// Bounds.
    pub limits: sections::Limits,
    /// How long what is not needed any more is kept.
    pub retention: Keep,
    /// Logs.
    pub log: sections::Log,
    /// Sources that are applied at start.
    pub sources: Vec<sections::Source>,
    /// Connections that are applied at start.
    pub connections: Vec<sections::Connection>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file that was named is not there.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file or the environment says something that cannot be.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

impl Config {
    /// Reads the configuration; fails with everything that is wrong with it.
    pub fn load(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[(String, String)],
    ) -> Result<Self, Error> {
        Draft::load(path, environment, flags)?
            .finish()
            .map_err(Error::Invalid)
    }

    /// Opens every secret that the declared sources and connections name.
    pub fn declared(&self, environment: &Environment) -> Result<Declared, Error> {
        declare(&self.sources, &self.connections, environment).map_err(Error::Invalid)
    }

    /// `file` is its name and its text.
    #[cfg(test)]
    fn read(
        file: Option<(&str, &str)>,
        environment: &Environment,
        flags: &[(String, String)],
    ) -> Result<Self, Vec<Problem>> {
        Draft::read(file, environment, flags)?.finish()
    }
}

/// Opens every secret that the declared sources and connections name.
pub fn declare(
    sources: &[sections::Source],
    connections: &[sections::Connection],
    environment: &Environment,
) -> Result<Declared, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut open = |secret: &secret::Secret| -> Option<SecretString> {
        secret
            .open(environment)
            .map_err(|problem| problems.push(problem))
            .ok()
    };
    let sources = sources.iter().map(|source| NewSource {
        name: source.name.clone(),
        webhook_secret: source.webhook_secret.as_ref().and_then(&mut open),
        base_url: source.base_url.clone(),
        account_id: source.account_id,
        api_token: source.api_token.as_ref().and_then(&mut open),
        allow_private_network: source.allow_private_network,
        allow_http: source.allow_http,
    });
    let sources = sources.collect();
    let connections = connections.iter().map(|connection| NewConnection {
        name: connection.name.clone(),
        source: connection.source.clone(),
        connector: connection.connector.clone(),
        base_url: connection.base_url.clone(),
        credentials: connection
            .credentials
            .iter()
            .filter_map(|(name, secret)| Some((name.clone(), open(secret)?)))
            .collect(),
        account: connection.account.clone(),
        concurrency: connection.concurrency,
        inboxes: connection.inboxes.clone(),
        mode: connection.mode,
        policy: connection.policy.clone(),
        time_zone: connection.time_zone.clone(),
        settings: connection.settings.clone(),
        allow_private_network: connection.allow_private_network,
        allow_http: connection.allow_http,
    });
    let connections = connections.collect();
    if problems.is_empty() {
        Ok(Declared {
            sources,
            connections,
        })
    } else {
        Err(problems)
    }
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(Problem::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests;
