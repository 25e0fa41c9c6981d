//! Connections: added, listed, changed, paused, removed, and what their connectors say about them.

mod view;

use gladhand_core::connection::{Connection, Mode};
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_runtime::Check;
use gladhand_store::settings::SecretOwner;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::accounts::Wanted;
use super::{Admin, Error, check_name, secrets, settings, url};

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
    /// By name.
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

fn live() -> Mode {
    Mode::Live
}

/// What is to be different about a connection; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionChange {
    /// Each setting that is named; `null` takes one away.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Of its account, and so of every connection that shares it.
    #[serde(default, deserialize_with = "secrets::read_secrets")]
    pub credentials: Vec<(String, SecretString)>,
    /// Of its account.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// All of them anew.
    #[serde(default)]
    pub inboxes: Option<Vec<String>>,
    /// Whether writes are sent.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// IANA, of the CRM.
    #[serde(default)]
    pub time_zone: Option<String>,
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
        let connection = self.put_connection(None, new).await?;
        self.parts.operations.reload().await;
        self.view_connection(&connection).await
    }

    /// Changes one.
    pub async fn set_connection(
        &self,
        name: &str,
        change: ConnectionChange,
    ) -> Result<ConnectionView, Error> {
        let _one_at_a_time = self.changing.lock().await;
        let mut connection = self.find_connection(name).await?;
        let Value::Object(mut fields) = connection.settings else {
            return Err(Error::Invalid(vec![format!(
                "the settings of connection `{name}` are no table: remove it and add it again"
            )]));
        };
        for (key, value) in change.settings {
            if value.is_null() {
                fields.remove(&key);
            } else {
                fields.insert(key, value);
            }
        }
        connection.settings = Value::Object(fields);
        connection.inboxes = change.inboxes.unwrap_or(connection.inboxes);
        connection.mode = change.mode.unwrap_or(connection.mode);
        connection.time_zone = change.time_zone.or(connection.time_zone);

        let accounts = self.parts.settings.accounts().await?;
        let account = accounts
            .into_iter()
            .find(|account| account.id == connection.account);
        let Some(mut account) = account else {
            return Err(Error::Invalid(vec![format!(
                "the account of connection `{name}` is gone: remove it and add it again"
            )]));
        };
        let owner = SecretOwner::Account(account.id);
        let known = self.parts.settings.secrets(owner).await?;
        let credentials = known
            .iter()
            .chain(&change.credentials)
            .map(|(name, _)| name.as_str())
            .collect();
        let base_url = account.base_url.as_deref();
        let fit = Fit {
            connection: &connection,
            is_routed: true,
            base_url,
            credentials,
            problems: Vec::new(),
        };
        self.check_fit(fit).await?;
        for (name, secret) in &change.credentials {
            self.parts.settings.put_secret(owner, name, secret).await?;
        }
        if let Some(concurrency) = change.concurrency {
            account.concurrency = concurrency;
            self.parts.settings.put_account(&account).await?;
        }
        self.parts.settings.put_connection(&connection).await?;
        self.parts.operations.reload().await;
        self.view_connection(&connection).await
    }

    /// Stops its deliveries from running, or lets them run again.
    pub async fn pause_connection(
        &self,
        name: &str,
        is_paused: bool,
    ) -> Result<ConnectionView, Error> {
        let _one_at_a_time = self.changing.lock().await;
        let mut connection = self.find_connection(name).await?;
        connection.is_paused = is_paused;
        self.parts.settings.put_connection(&connection).await?;
        self.parts.operations.reload().await;
        self.view_connection(&connection).await
    }

    /// Removes one with what only it had.
    pub async fn remove_connection(&self, name: &str) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        let connection = self.find_connection(name).await?;
        self.parts.settings.remove_connection(connection.id).await?;
        self.parts.operations.reload().await;
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
        let not_found = || Error::NotFound {
            what: "connection",
            name: name.to_owned(),
        };
        connections.into_iter().find(is_meant).ok_or_else(not_found)
    }

    /// Stores a connection after everything about it was looked at; `existing` is it as it is.
    pub(super) async fn put_connection(
        &self,
        existing: Option<&Connection>,
        new: NewConnection,
    ) -> Result<Connection, Error> {
        let mut problems: Vec<String> = check_name("connection", &new.name).into_iter().collect();
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
        };
        if let Some(existing) = existing {
            problems.extend(moved(existing, &connection));
        }
        let is_routed = existing.is_some_and(|existing| existing.connector == connection.connector);
        let credentials = new
            .credentials
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let fit = Fit {
            connection: &connection,
            is_routed,
            base_url: base_url.as_deref(),
            credentials,
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
        connection.account = self.put_account(existing, &wanted).await?.id;
        self.parts.settings.put_connection(&connection).await?;
        if !is_routed {
            self.parts.catalog.set_route(connection.id, &digest).await?;
        }
        Ok(connection)
    }

    /// Fails with everything that does not fit; returns the digest of the version that it must fit.
    async fn check_fit(&self, fit: Fit<'_>) -> Result<String, Error> {
        let Fit {
            connection,
            is_routed,
            base_url,
            credentials,
            mut problems,
        } = fit;
        let versions = self.parts.catalog.versions().await?;
        let routes = if is_routed {
            self.parts.catalog.routes().await?
        } else {
            Vec::new()
        };
        let route = routes
            .iter()
            .find(|(id, _)| *id == connection.id)
            .map(|(_, digest)| digest.as_str());
        let version = match settings::version_of(connection, route, &versions) {
            Ok(version) => version,
            Err(problem) => {
                problems.push(problem);
                return Err(Error::Invalid(problems));
            }
        };
        let descriptor = &version.descriptor;
        if base_url.is_none()
            && descriptor
                .hosts
                .iter()
                .any(|host| host.contains("{base-url}"))
        {
            problems.push(format!(
                "the connector `{}` needs the `base_url` of the CRM",
                descriptor.id
            ));
        }
        problems.extend(settings::credential_problems(descriptor, &credentials));
        problems.extend(settings::settings_problems(
            descriptor,
            &connection.settings,
        ));
        if problems.is_empty() {
            Ok(version.digest.clone())
        } else {
            Err(Error::Invalid(problems))
        }
    }
}

/// A connection as it would be, and what is known to be wrong with it so far.
struct Fit<'a> {
    connection: &'a Connection,
    /// It runs a version already, and keeps it.
    is_routed: bool,
    base_url: Option<&'a str>,
    credentials: Vec<&'a str>,
    problems: Vec<String>,
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
