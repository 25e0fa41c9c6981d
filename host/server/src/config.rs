//! The configuration: compiled-in defaults, a file, the environment, flags; later wins.
//!
//! Everything that is wrong is reported at once, each with its place. It must not know what a setting is for.

pub mod environment;

pub mod sections;

pub mod secret;

mod node;

mod problem;

mod section;

use std::path::{Path, PathBuf};

use secrecy::SecretString;

pub use environment::Environment;
pub use problem::Problem;

use self::node::Origin;
use self::section::{Problems, Section};
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
    /// Reads the configuration.
    ///
    /// `path` of `None` reads `gladhand.toml` if there is one. `flags` are (key path with dots, value).
    pub fn load(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[(String, String)],
    ) -> Result<Self, Error> {
        let file = match std::fs::read_to_string(path.unwrap_or(Path::new(FILE))) {
            Ok(text) => Some(text),
            Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => {
                return Err(Error::Unreadable {
                    path: path.unwrap_or(Path::new(FILE)).to_owned(),
                    source,
                });
            }
        };
        let name = path.unwrap_or(Path::new(FILE)).display().to_string();
        Self::read(
            file.as_deref().map(|text| (name.as_str(), text)),
            environment,
            flags,
        )
        .map_err(Error::Invalid)
    }

    /// Opens every secret that the declared sources and connections name.
    pub fn declared(&self, environment: &Environment) -> Result<Declared, Error> {
        let mut problems = Vec::new();
        let mut open = |secret: &secret::Secret| -> Option<SecretString> {
            secret
                .open(environment)
                .map_err(|problem| problems.push(problem))
                .ok()
        };
        let sources = self.sources.iter().map(|source| NewSource {
            name: source.name.clone(),
            webhook_secret: source.webhook_secret.as_ref().and_then(&mut open),
            base_url: source.base_url.clone(),
            account_id: source.account_id,
            api_token: source.api_token.as_ref().and_then(&mut open),
            allow_private_network: source.allow_private_network,
            allow_http: source.allow_http,
        });
        let sources = sources.collect();
        let connections = self.connections.iter().map(|connection| NewConnection {
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
            Err(Error::Invalid(problems))
        }
    }

    /// `file` is its name and its text.
    fn read(
        file: Option<(&str, &str)>,
        environment: &Environment,
        flags: &[(String, String)],
    ) -> Result<Self, Vec<Problem>> {
        let mut table = node::parse(None, DEFAULTS)?;
        if let Some((name, text)) = file {
            node::overlay(&mut table, node::parse(Some(name), text)?);
        }
        for (variable, path, value) in environment.settings() {
            node::overlay(
                &mut table,
                node::at_path(&path, &Origin::Variable(variable.to_owned()), value),
            );
        }
        for (key, value) in flags {
            let path: Vec<String> = key.split('.').map(str::to_owned).collect();
            node::overlay(
                &mut table,
                node::at_path(&path, &Origin::Flag(key.clone()), value),
            );
        }

        let problems = Problems::default();
        let mut root = Section::root(table, &problems);
        let server = sections::Server::read(root.section("server", "[server]"));
        let store = sections::Store::read(root.section("store", "[store]"));
        let connectors = sections::Connectors::read(root.section("connectors", "[connectors]"));
        let limits = sections::Limits::read(root.section("limits", "[limits]"));
        let log = sections::Log::read(root.section("log", "[log]"));
        let sources: Vec<_> = root
            .sections("source", "[[source]]")
            .into_iter()
            .filter_map(sections::Source::read)
            .collect();
        let connections: Vec<_> = root
            .sections("connection", "[[connection]]")
            .into_iter()
            .filter_map(sections::Connection::read)
            .collect();
        root.finish();
        report_twins(
            &problems,
            "[[source]]",
            sources.iter().map(|source| (&source.name, &source.origin)),
        );
        report_twins(
            &problems,
            "[[connection]]",
            connections
                .iter()
                .map(|connection| (&connection.name, &connection.origin)),
        );

        let problems = problems.into_sorted();
        let config = || {
            Some(Self {
                server: server?,
                store: store?,
                connectors: connectors?,
                limits: limits?,
                log: log?,
                sources,
                connections,
            })
        };
        if problems.is_empty() {
            Ok(config().expect("what is absent was reported"))
        } else {
            Err(problems)
        }
    }
}

fn report_twins<'a>(
    problems: &Problems,
    kind: &str,
    named: impl Iterator<Item = (&'a String, &'a Origin)>,
) {
    let mut seen = std::collections::BTreeSet::new();
    for (name, origin) in named {
        if !seen.insert(name) {
            problems.add(origin, format!("a second {kind} is called `{name}`"));
        }
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
