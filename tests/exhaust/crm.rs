//! The CRMs that can be exhausted. Nothing else here knows one from another.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gladhand_core::clock::ManualClock;
use gladhand_tests::host::Joined;
use gladhand_tests::krayin::{Config, Krayin};
use gladhand_tests::ledger::{Ledger, Row};
use serde_json::Value;

/// What the host is given as its token; the gate puts the CRM's own in its place.
pub const TOKEN: &str = "exhaust-7Qd2vXn4LsKe9TbW";

/// Which CRM, and with it which connector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// The made-up one.
    #[default]
    Ledger,
    /// The simulated Krayin.
    Krayin,
}

/// An installation that nobody has used.
pub enum Crm {
    Ledger(Ledger),
    Krayin { crm: Krayin, token: String },
}

/// As the command line names them.
pub const KINDS: [(Kind, &str); 2] = [(Kind::Ledger, "ledger"), (Kind::Krayin, "krayin")];

const KRAYIN_SETTINGS: &str = "default_country = \"US\"\nsync_messages = true\nstage_progression_enabled = true\n\
    stage_on_conversation_created = 2\nstage_on_first_response = 3\nstage_on_conversation_resolved = 5\n";

impl Kind {
    /// Starts an installation on a port of its own.
    pub fn start(self, time: &Arc<ManualClock>) -> Result<Crm> {
        match self {
            Self::Ledger => Ok(Crm::Ledger(
                Ledger::start(time.clone()).context("starting the made-up CRM")?,
            )),
            Self::Krayin => {
                let config = Config {
                    clock: time.clone(),
                    // Its real limit is 60: then most of a run would be waiting for the next minute.
                    throttle: Some(60_000),
                    is_audited: false,
                    ..Config::default()
                };
                let crm = Krayin::start(config).context("starting the simulated Krayin")?;
                let token = crm.token();
                Ok(Crm::Krayin { crm, token })
            }
        }
    }

    /// The connection to one at `base_url`.
    pub fn joined(self, base_url: &str) -> Joined {
        let settings = match self {
            Self::Ledger => "",
            Self::Krayin => KRAYIN_SETTINGS,
        };
        Joined {
            name: "main".to_owned(),
            connector: self.name().to_owned(),
            base_url: base_url.to_owned(),
            token: TOKEN.to_owned(),
            inboxes: Vec::new(),
            concurrency: 4,
            settings: settings.to_owned(),
        }
    }

    /// Where the connector lies among the built components.
    pub fn component(self) -> PathBuf {
        match self {
            Self::Ledger => "guests/ledger.wasm".into(),
            Self::Krayin => "krayin.wasm".into(),
        }
    }

    /// Whether the connector gives up on an answer soon. Where it does not, a connection that breaks stands for silence:
    /// the host knows as little after it, and nobody waits for it in real time.
    pub fn is_impatient(self) -> bool {
        self == Self::Ledger
    }

    /// The connector's id.
    pub fn name(self) -> &'static str {
        KINDS
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }
}

impl Crm {
    /// `host:port`
    pub fn authority(&self) -> &str {
        let base_url = match self {
            Self::Ledger(crm) => crm.base_url(),
            Self::Krayin { crm, .. } => crm.base_url(),
        };
        base_url.trim_start_matches("http://")
    }

    /// The token that it accepts.
    pub fn token(&self) -> &str {
        match self {
            Self::Ledger(_) => Ledger::TOKEN,
            Self::Krayin { token, .. } => token,
        }
    }

    /// Sets for how long searches do not find a new record.
    pub fn set_search_lag(&self, lag: Duration) {
        match self {
            Self::Ledger(crm) => crm.set_search_lag(lag),
            Self::Krayin { crm, .. } => crm.set_search_lag(lag),
        }
    }

    /// What it holds; of each kind in the order in which it was made.
    pub fn rows(&self) -> Vec<Row> {
        match self {
            Self::Ledger(crm) => crm.rows(),
            Self::Krayin { crm, .. } => krayin_rows(crm),
        }
    }
}

fn krayin_rows(crm: &Krayin) -> Vec<Row> {
    let snapshot = crm.snapshot().canonical();
    let kinds = [
        (
            "persons",
            snapshot.persons,
            &["emails", "contact_numbers"][..],
        ),
        ("organizations", snapshot.organizations, &["name"]),
        ("leads", snapshot.leads, &["title", "person_id"]),
        ("activities", snapshot.activities, &["title", "comment"]),
        ("tags", snapshot.tags, &["name"]),
    ];
    let rows = kinds.into_iter().flat_map(|(object, rows, identity)| {
        rows.into_iter().map(move |mut row| {
            // Where two contacts are one person, it names the one whose lane came first, which is chance.
            if object == "leads" {
                row["description"] = Value::Null;
            }
            Row {
                object: object.to_owned(),
                identity: identity.iter().map(|name| row[name].to_string()).collect(),
                fields: row.to_string(),
            }
        })
    });
    rows.collect()
}
