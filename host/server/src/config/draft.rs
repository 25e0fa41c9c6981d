//! A configuration while it is read: defaults, file, environment and flags laid over each other, then each section.

use std::path::Path;

use gladhand_store::retention::Keep;

use super::node::{self, Origin};
use super::section::{Problems, Section};
use super::{Config, DEFAULTS, Environment, Error, FILE, Problem, retention, sections};

/// A configuration as far as it could be read, and what is wrong with the rest.
#[derive(Debug)]
pub struct Draft {
    /// In the order of their places.
    pub problems: Vec<Problem>,
    /// The database and this machine's files.
    pub store: Option<sections::Store>,
    /// Where components are.
    pub connectors: Option<sections::Connectors>,
    /// Sources that are applied at start.
    pub sources: Vec<sections::Source>,
    /// Connections that are applied at start.
    pub connections: Vec<sections::Connection>,
    server: Option<sections::Server>,
    limits: Option<sections::Limits>,
    retention: Option<Keep>,
    log: Option<sections::Log>,
}

impl Draft {
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

    /// `file` is its name and its text.
    pub fn read(
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
        let retention = retention::read(root.section("retention", "[retention]"));
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

        Ok(Self {
            problems: problems.into_sorted(),
            store,
            connectors,
            sources,
            connections,
            server,
            limits,
            retention,
            log,
        })
    }

    /// The configuration, where nothing is wrong with it.
    pub fn finish(self) -> Result<Config, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let config = Config {
            server: self.server.expect(REPORTED),
            store: self.store.expect(REPORTED),
            connectors: self.connectors.expect(REPORTED),
            limits: self.limits.expect(REPORTED),
            retention: self.retention.expect(REPORTED),
            log: self.log.expect(REPORTED),
            sources: self.sources,
            connections: self.connections,
        };
        Ok(config)
    }
}

/// Why a section is there.
const REPORTED: &str = "what is absent was reported";

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
