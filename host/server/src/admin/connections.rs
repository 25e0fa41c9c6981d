//! Connections: added, listed, changed, paused, removed, and what their connectors say about them.

mod change;

mod difference;

mod policy;

mod fit;

mod view;

use gladhand_core::connection::{Connection, Mode, Policy};
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_runtime::Check;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use self::fit::Fit;
use super::accounts::{self, Got, Wanted};
use super::{Admin, Error, name_problem, secrets, url, zone_problem};

pub use change::ConnectionChange;
pub use policy::{PolicyChange, PolicyView};
pub use view::ConnectionView;

/// A connection to be added.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    /// Unique.
    pub name: String,
    /// The source's name.
    pub source: String,
    /// `name`, `name@version` or `name@sha256:…`
    pub connector: String,
    /// Of the CRM.
    #[serde(default)]
    pub base_url: Option<String>,
    /// By name; those that the account has already need not be given.
    #[serde(default, deserialize_with = "secrets::read_secrets")]
    pub credentials: Vec<(String, SecretString)>,
    /// The account's name; without it equal connector, base URL and credentials share one.
    #[serde(default)]
    pub account: Option<String>,
    /// Attempts at once, over all connections of the account.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// Empty takes all.
    #[serde(default)]
    pub inboxes: Vec<String>,
    /// Whether writes are sent.
    #[serde(default = "live")]
    pub mode: Mode,
    /// What is different about failures from what is standard.
    #[serde(default)]
    pub policy: PolicyChange,
    /// IANA, of the CRM.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The connector's own settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Requests to the CRM may go to private addresses.
    #[serde(default)]
    pub allow_private_network: bool,
    /// Requests to the CRM may go without TLS.
    #[serde(default)]
    pub allow_http: bool,
}

/// A connection that was stored, and the account that it got.
pub(super) struct Put {
    pub connection: Connection,
    pub account: Got,
}

fn live() -> Mode {
    Mode::Live
}

impl Admin {
    /// Adds one.
    pub async fn add_connection(&self, new: NewConnection) -> Result<ConnectionView, Error> {
        let _one_at_a_time = self.changing.lock().await;
        if self
            .parts
            .settings
            .connections()
            .await?
            .iter()
            .any(|connection| connection.name == new.name)
        {
            return Err(Error::Exists {
                what: "connection",
                name: new.name,
            });
        }
        let does = match new.mode {
            Mode::Live => "writes",
            Mode::Observe => "only observes",
        };
        let detail = format!(
            "it was added to source `{}` with connector `{}`, and {does}",
            new.source, new.connector
        );
        let Put {
            connection,
            account,
        } = self.put_connection(None, new).await?;
        self.parts.operations.reload().await;
        self.told("connection.add", detail, &connection, account)
            .await
    }

    /// Keeps what was done to a connection, and shows it; both with the others of its account that it changed.
    async fn told(
        &self,
        deed: &str,
        detail: String,
        connection: &Connection,
        account: Got,
    ) -> Result<ConnectionView, Error> {
        let Got {
            name, also_changed, ..
        } = account;
        let detail = match accounts::also_changed(&name, &also_changed) {
            Some(reach) => format!("{detail}; {reach}"),
            None => detail,
        };
        self.record(deed, &connection.name, detail).await;
        let view = self.view_connection(connection).await?;
        Ok(ConnectionView {
            also_changed,
            ..view
        })
    }

    /// Removes one with what only it had.
    pub async fn remove_connection(&self, name: &str) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        let connection = self.find_connection(name).await?;
        self.parts.settings.remove_connection(connection.id).await?;
        self.parts.operations.reload().await;
        let detail = "it was removed; its deliveries and links follow";
        self.record("connection.remove", &connection.name, detail)
            .await;
        Ok(())
    }

    /// Runs its connector's checks.
    pub async fn check_connection(&self, name: &str) -> Result<Vec<Check>, Error> {
        let connection = self.find_connection(name).await?;
        self.parts
            .operations
            .check(connection.id)
            .await
            .map_err(Error::Failed)
    }

    /// What the CRM offers for `what`.
    pub async fn discover(&self, name: &str, what: &str) -> Result<Value, Error> {
        let connection = self.find_connection(name).await?;
        self.parts
            .operations
            .discover(connection.id, what)
            .await
            .map_err(Error::Failed)
    }

    pub(super) async fn find_connection(&self, name: &str) -> Result<Connection, Error> {
        let connections = self.parts.settings.connections().await?;
        let is_meant =
            |connection: &Connection| connection.name == name || connection.id.to_string() == name;
        if let Some(found) = connections.iter().find(|known| is_meant(known)) {
            return Ok(found.clone());
        }
        let known = connections.iter().map(|known| known.name.as_str());
        Err(Error::not_found("connection", name, known))
    }

    /// Stores a connection after everything about it was looked at; `existing` is it as it is.
    pub(super) async fn put_connection(
        &self,
        existing: Option<&Connection>,
        new: NewConnection,
    ) -> Result<Put, Error> {
        let mut problems: Vec<String> = name_problem("connection", &new.name).into_iter().collect();
        problems.extend(new.concurrency.and_then(concurrency_problem));
        problems.extend(new.time_zone.as_deref().and_then(zone_problem));
        let source = match self.find_source(&new.source).await {
            Ok(source) => source,
            Err(error @ Error::NotFound { .. }) => {
                problems.push(error.to_string());
                return Err(Error::Invalid(problems));
            }
            Err(error) => return Err(error),
        };
        let base_url = new
            .base_url
            .as_ref()
            .map(|base_url| url::canonical(base_url, new.allow_http))
            .transpose();
        let base_url = base_url
            .map_err(|problem| problems.push(problem))
            .unwrap_or_default();
        let policy = new.policy.applied_to(&Policy::default());
        let policy = policy
            .map_err(|flaws| problems.extend(flaws.into_iter().map(|flaw| flaw.message)))
            .unwrap_or_default();
        let mut connection = Connection {
            id: existing.map_or_else(
                || ConnectionId::new(&*self.parts.ids),
                |existing| existing.id,
            ),
            name: new.name,
            source: source.id,
            // Replaced below by the one that it is to use.
            account: existing.map_or_else(
                || AccountId::new(&*self.parts.ids),
                |existing| existing.account,
            ),
            connector: new.connector,
            inboxes: new.inboxes,
            mode: new.mode,
            settings: Value::Object(new.settings),
            time_zone: new.time_zone,
            is_paused: existing.is_some_and(|existing| existing.is_paused),
            policy,
        };
        if let Some(existing) = existing {
            problems.extend(moved(existing, &connection));
        }
        let stored = self.credentials_of(new.account.as_deref()).await?;
        let is_routed = existing.is_some_and(|existing| existing.connector == connection.connector);
        let credentials = new
            .credentials
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let fit = Fit {
            connection: &connection,
            is_routed,
            has_base_url: new.base_url.is_some(),
            credentials,
            stored: stored.iter().map(String::as_str).collect(),
            problems,
        };
        let digest = self.check_fit(fit).await?;

        let wanted = Wanted {
            // The account of the connection as it is may be one that it shares and now leaves.
            id: AccountId::new(&*self.parts.ids),
            connector: connection.connector_name().to_owned(),
            base_url,
            credentials: new.credentials,
            name: new.account,
            connection: connection.name.clone(),
            concurrency: new.concurrency,
            allow_private_network: new.allow_private_network,
            allow_http: new.allow_http,
        };
        let account = self.put_account(existing, &wanted).await?;
        connection.account = account.id;
        self.parts.settings.put_connection(&connection).await?;
        if !is_routed {
            self.parts.catalog.set_route(connection.id, &digest).await?;
        }
        Ok(Put {
            connection,
            account,
        })
    }
}

/// With none nothing is ever delivered.
fn concurrency_problem(concurrency: u32) -> Option<String> {
    (concurrency == 0).then(|| {
        "the concurrency must be at least 1; to stop everything, pause the connection".to_owned()
    })
}

/// A connection's links, lanes and keys are about one source and one kind of CRM: with others they would lie.
fn moved(existing: &Connection, wanted: &Connection) -> Option<String> {
    let name = &existing.name;
    let advice = "remove the connection, or give the new one another name";
    if existing.connector_name() != wanted.connector_name() {
        return Some(format!(
            "connection `{name}` runs `{}` and cannot change to another connector; {advice}",
            existing.connector_name()
        ));
    }
    (existing.source != wanted.source).then(|| {
        format!("connection `{name}` belongs to another source and stays with it; {advice}")
    })
}
