//! The configuration as it runs: a snapshot that attempts read and that is replaced as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use gladhand_core::connection::{Account, Connection, Source};
use gladhand_core::descriptor::Descriptor;
use gladhand_core::event::EventKind;
use gladhand_core::ids::{AccountId, ConnectionId, SourceId};
use gladhand_egress::Target;
use gladhand_runtime::Connector;
use gladhand_store::catalog::Version;
use gladhand_store::settings::SecretOwner;
use gladhand_store::{Catalog, Settings};
use secrecy::SecretString;

use crate::Error;
use crate::route::Route;

/// Connectors by digest.
pub type Connectors = HashMap<String, Arc<dyn Connector>>;

/// The configuration as it runs.
#[derive(Default)]
pub struct Directory {
    /// Sources by name, as their webhook's path says it.
    pub sources: HashMap<String, Arc<SourceEntry>>,
    /// Connections by id.
    pub connections: HashMap<ConnectionId, Arc<ConnectionEntry>>,
    /// Connections in the order of whose turn it is.
    pub order: Vec<ConnectionId>,
    /// Connectors by digest.
    pub connectors: Connectors,
    /// Which connection runs which digest.
    pub versions: HashMap<ConnectionId, String>,
}

/// A source with what verifying needs.
pub struct SourceEntry {
    /// The source.
    pub source: Arc<Source>,
    /// Signs its events.
    pub webhook_secret: Option<SecretString>,
    /// Stands in its webhook's path where it does not sign.
    pub path_token: Option<SecretString>,
}

/// A connection with everything an attempt needs.
pub struct ConnectionEntry {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Who sends.
    pub source: Arc<Source>,
    /// Who receives.
    pub account: Account,
    /// The account's credentials.
    pub credentials: Vec<(String, SecretString)>,
    /// What egress knows of the account, for the version that runs; absent while none can run.
    pub target: Option<Arc<Target>>,
    /// Why there is no target.
    pub problem: Option<String>,
}

impl Directory {
    /// The connector that a connection runs.
    pub fn connector_of(&self, connection: ConnectionId) -> Option<&Arc<dyn Connector>> {
        self.connectors.get(self.versions.get(&connection)?)
    }

    /// How many attempts an account may run at once.
    pub fn concurrency_of(&self) -> HashMap<AccountId, u32> {
        self.connections
            .values()
            .map(|entry| (entry.account.id, entry.account.concurrency.max(1)))
            .collect()
    }

    /// What routing needs of it.
    pub fn routes(&self) -> HashMap<SourceId, Vec<Route>> {
        let mut routes: HashMap<SourceId, Vec<Route>> = HashMap::new();
        for id in &self.order {
            let entry = &self.connections[id];
            let events = self
                .connector_of(*id)
                .map(|connector| handled(connector.descriptor()));
            let route = Route {
                connection: entry.connection.clone(),
                events,
            };
            routes.entry(entry.source.id).or_default().push(route);
        }
        routes
    }
}

fn handled(descriptor: &Descriptor) -> Vec<EventKind> {
    descriptor
        .events
        .iter()
        .filter_map(|event| EventKind::parse(event))
        .collect()
}

/// Reads the configuration; `connectors` holds what is loaded already.
pub async fn read(
    settings: &dyn Settings,
    catalog: &dyn Catalog,
    connectors: Connectors,
) -> Result<Directory, Error> {
    let mut directory = Directory {
        connectors,
        ..Directory::default()
    };
    directory.versions = catalog.routes().await?.into_iter().collect();

    let mut sources = HashMap::new();
    for source in settings.sources().await? {
        let secrets = settings.secrets(SecretOwner::Source(source.id)).await?;
        let secret = |wanted: &str| {
            secrets
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, secret)| secret.clone())
        };
        let source = Arc::new(source);
        sources.insert(source.id, source.clone());
        let entry = SourceEntry {
            webhook_secret: secret("webhook_secret"),
            path_token: secret("path_token"),
            source: source.clone(),
        };
        directory
            .sources
            .insert(source.name.clone(), Arc::new(entry));
    }

    let accounts: HashMap<AccountId, Account> = settings
        .accounts()
        .await?
        .into_iter()
        .map(|account| (account.id, account))
        .collect();
    for connection in settings.connections().await? {
        let (Some(source), Some(account)) = (
            sources.get(&connection.source),
            accounts.get(&connection.account),
        ) else {
            continue;
        };
        let credentials = settings.secrets(SecretOwner::Account(account.id)).await?;
        let connector = directory.connector_of(connection.id);
        let (target, problem) = match connector {
            None => (
                None,
                Some(format!(
                    "no version of the `{}` connector is loaded",
                    connection.connector_name()
                )),
            ),
            Some(connector) => {
                match Target::new(
                    account.clone(),
                    connector.descriptor().clone(),
                    credentials.clone(),
                ) {
                    Ok(target) => (Some(Arc::new(target)), None),
                    Err(error) => (None, Some(error.to_string())),
                }
            }
        };
        let entry = ConnectionEntry {
            source: source.clone(),
            account: account.clone(),
            credentials,
            target,
            problem,
            connection: Arc::new(connection),
        };
        directory.order.push(entry.connection.id);
        directory
            .connections
            .insert(entry.connection.id, Arc::new(entry));
    }
    Ok(directory)
}

/// The version that a connection without a route gets: the newest of its connector that its pin allows.
pub fn choose<'a>(connection: &Connection, versions: &'a [Version]) -> Option<&'a Version> {
    let (name, pin) = match connection.connector.split_once('@') {
        Some((name, pin)) => (name, Some(pin)),
        None => (connection.connector.as_str(), None),
    };
    versions
        .iter()
        .filter(|version| version.descriptor.id == name)
        .find(|version| match pin {
            None => true,
            Some(pin) => {
                version.descriptor.version == pin
                    || pin.strip_prefix("sha256:") == Some(&version.digest)
            }
        })
}
