//! Who sends, who receives, and what joins them: sources, accounts, connections. Secrets are elsewhere, sealed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{AccountId, ConnectionId, SourceId};
use crate::retry::RetryPolicy;

/// A Chatwoot account that sends events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Unique; part of its webhook's path.
    pub name: String,
    /// `chatwoot`.
    pub kind: String,
    /// Of the source's own API and of the links that people open.
    pub base_url: Option<String>,
    /// The source's own number for the account.
    pub account_id: Option<i64>,
    /// Events are signed. Where they are not, the path carries an unguessable token.
    pub is_signed: bool,
    /// Requests to it may go to private addresses.
    pub allow_private_network: bool,
    /// Requests to it may go without TLS.
    pub allow_http: bool,
}

impl Source {
    /// What external ids written into a CRM begin with: unique over every source there is.
    pub fn external_prefix(&self) -> &str {
        &self.name
    }
}

/// One CRM installation and credential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Unique.
    pub name: String,
    /// The kind of connector that speaks to it.
    pub connector: String,
    /// Canonical: scheme and host in lower case, no trailing slash, no default port.
    pub base_url: Option<String>,
    /// Requests may go to private addresses.
    pub allow_private_network: bool,
    /// Requests may go without TLS.
    pub allow_http: bool,
    /// How many attempts may run at once.
    pub concurrency: u32,
}

/// Whether writes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Everything is sent.
    Live,
    /// Everything runs, no write is sent.
    Observe,
}

/// One source joined to one account through a connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Unique.
    pub name: String,
    /// Who sends.
    pub source: SourceId,
    /// Who receives.
    pub account: AccountId,
    /// `name`, `name@version` or `name@sha256:…`; the latter two pin.
    pub connector: String,
    /// The inboxes it takes, as the source numbers them; empty takes all.
    pub inboxes: Vec<String>,
    /// Whether writes are sent.
    pub mode: Mode,
    /// Valid against the connector's settings schema.
    pub settings: Value,
    /// IANA, of the CRM.
    pub time_zone: Option<String>,
    /// Nothing runs until somebody resumes it.
    pub is_paused: bool,
    /// What is done about failures.
    #[serde(default)]
    pub policy: Policy,
}

/// What a connection does about failures, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How failures that may pass are tried again.
    pub retry: RetryPolicy,
    /// What a dead delivery means for those behind it.
    pub on_dead: OnDead,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::STANDARD,
            on_dead: OnDead::Continue,
        }
    }
}

/// What a dead delivery means for those behind it in its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDead {
    /// They go on.
    Continue,
    /// They wait until a person has looked.
    Hold,
}

impl Connection {
    /// Whether something of this inbox is its business; `None` is of no inbox.
    pub fn takes_inbox(&self, inbox: Option<&str>) -> bool {
        self.inboxes.is_empty()
            || inbox.is_some_and(|inbox| self.inboxes.iter().any(|own| own == inbox))
    }

    /// Whether a contact who was seen in these inboxes is its business: once it was seen in one that it takes.
    pub fn takes_contact<'i>(&self, seen_in: impl IntoIterator<Item = &'i String>) -> bool {
        let mut seen_in = seen_in.into_iter();
        self.inboxes.is_empty() || seen_in.any(|inbox| self.takes_inbox(Some(inbox)))
    }

    /// The connector's name without the version.
    pub fn connector_name(&self) -> &str {
        self.connector
            .split_once('@')
            .map_or(self.connector.as_str(), |(name, _)| name)
    }
}
