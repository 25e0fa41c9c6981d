//! What `connection add` and `connection set` take.

use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use gladhand_core::connection;
use serde_json::{Map, Value};

use crate::admin::PolicyChange;
use crate::cli::{Format, arguments};
use crate::config::Environment;
use crate::config::secret::Place;

#[derive(Debug, Args)]
pub struct Add {
    /// Lower case, digits, hyphens
    pub name: String,
    /// Who sends: a source's name
    #[arg(long, value_name = "NAME")]
    pub source: String,
    /// What to run; NAME@VERSION or NAME@sha256:DIGEST pins it
    #[arg(long, value_name = "NAME")]
    pub connector: String,
    /// Where the CRM is
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// The account's name, and one that exists needs no credential; else equal connector, base URL and credentials share one
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// A setting of the connector; `gladhand connector show` lists them
    #[arg(long = "setting", value_name = "KEY=VALUE", value_parser = arguments::setting)]
    pub settings: Vec<(String, Value)>,
    /// Let requests to the CRM go to private addresses
    #[arg(long)]
    pub allow_private_network: bool,
    /// Let requests to the CRM go without TLS
    #[arg(long)]
    pub allow_http: bool,
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
#[command(group = change(), override_usage = SET_USAGE)]
pub struct Set {
    /// Its name
    pub name: String,
    /// Settings of the connector; null takes one away
    #[arg(value_name = "KEY=VALUE", value_parser = arguments::setting)]
    pub settings: Vec<(String, Value)>,
    #[command(flatten)]
    pub common: Common,
    /// Take every inbox
    #[arg(long, conflicts_with = "inboxes")]
    pub all_inboxes: bool,
    /// Forget the CRM's time zone
    #[arg(long, conflicts_with = "time_zone")]
    pub no_time_zone: bool,
    #[command(flatten)]
    pub format: Format,
}

/// Clap's own would name every option.
const SET_USAGE: &str = "gladhand connection set [OPTIONS] <NAME> [KEY=VALUE]...";

/// Something must be said to change.
fn change() -> ArgGroup {
    ArgGroup::new("change").required(true).multiple(true).args([
        "settings",
        "credentials",
        "concurrency",
        "inboxes",
        "all_inboxes",
        "mode",
        "on_dead",
        "retry_from",
        "retry_to",
        "retry_for",
        "time_zone",
        "no_time_zone",
    ])
}

/// What can be said of a connection when it is added and later.
#[derive(Debug, Args)]
pub struct Common {
    /// A credential by name, the same for every connection of the account
    #[arg(long = "credential", value_name = "NAME=env:VARIABLE|file:PATH", value_parser = arguments::credential)]
    credentials: Vec<(String, Place)>,
    /// Attempts at once, over all connections of the account; at least 1
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    /// An inbox that it takes; without any it takes all
    #[arg(long = "inbox", value_name = "ID")]
    inboxes: Vec<String>,
    /// Whether writes are sent
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// What becomes of a contact's deliveries after one that died
    #[arg(long, value_name = "WHAT")]
    on_dead: Option<OnDead>,
    /// What may pass is tried again after at most this, as in 5s; the wait doubles
    #[arg(long, value_name = "TIME", value_parser = arguments::duration)]
    retry_from: Option<Duration>,
    /// The longest wait, as in 1h
    #[arg(long, value_name = "TIME", value_parser = arguments::duration)]
    retry_to: Option<Duration>,
    /// Dead so long after it was queued, as in 24h; pauses do not count
    #[arg(long, value_name = "TIME", value_parser = arguments::duration)]
    retry_for: Option<Duration>,
    /// The CRM's, as in Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// Everything is sent
    Live,
    /// Everything runs, no write is sent
    Observe,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnDead {
    /// They run
    Continue,
    /// They wait until somebody has looked
    Hold,
}

impl Common {
    /// What was said, as the API takes it.
    pub fn body(self, environment: &Environment) -> anyhow::Result<Map<String, Value>> {
        let mut body = Map::new();
        body.insert(
            "credentials".to_owned(),
            arguments::credentials(&self.credentials, environment)?.into(),
        );
        if let Some(concurrency) = self.concurrency {
            body.insert("concurrency".to_owned(), concurrency.into());
        }
        if !self.inboxes.is_empty() {
            body.insert("inboxes".to_owned(), self.inboxes.into());
        }
        if let Some(mode) = self.mode {
            let mode = match mode {
                Mode::Live => "live",
                Mode::Observe => "observe",
            };
            body.insert("mode".to_owned(), mode.into());
        }
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
        let policy = PolicyChange {
            on_dead: self.on_dead.map(|on_dead| match on_dead {
                OnDead::Continue => connection::OnDead::Continue,
                OnDead::Hold => connection::OnDead::Hold,
            }),
            retry_from_secs: seconds(self.retry_from),
            retry_to_secs: seconds(self.retry_to),
            retry_for_secs: seconds(self.retry_for),
        };
        body.insert("policy".to_owned(), serde_json::to_value(policy)?);
        if let Some(zone) = self.time_zone {
            body.insert("time_zone".to_owned(), zone.into());
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everything_that_can_be_set_is_a_change() {
        let command = Set::augment_args(clap::Command::new("set"));
        let known = command.get_arguments();
        let known: BTreeSet<&str> = known
            .map(|argument| argument.get_id().as_str())
            .filter(|id| !["name", "json"].contains(id))
            .collect();
        let change = change();
        let named: BTreeSet<&str> = change.get_args().map(clap::Id::as_str).collect();
        assert_eq!(named, known);
    }
}
