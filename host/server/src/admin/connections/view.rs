//! A connection as shown: with names for ids, and with its account, for operators think of both as one.

use std::collections::HashMap;

use gladhand_core::connection::{Account, Connection, Mode};
use gladhand_core::ids::ConnectionId;
use gladhand_store::settings::SecretOwner;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::policy::PolicyView;
use crate::admin::secrets::SecretView;
use crate::admin::{Admin, Error, pauses};

/// A connection as shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionView {
    /// Its id.
    pub id: ConnectionId,
    /// Its name.
    pub name: String,
    /// The source's name.
    pub source: String,
    /// The account's name.
    pub account: String,
    /// `name`, `name@version` or `name@sha256:…`
    pub connector: String,
    /// What it runs; absent while there is no such connector.
    pub version: Option<String>,
    /// SHA-256 of what it runs.
    pub digest: Option<String>,
    /// Of the CRM, canonical.
    pub base_url: Option<String>,
    /// What is known to the account, without the values.
    pub credentials: Vec<SecretView>,
    /// Attempts at once, over all connections of the account.
    pub concurrency: u32,
    /// Empty takes all.
    pub inboxes: Vec<String>,
    /// Whether writes are sent.
    pub mode: Mode,
    /// What is done about failures.
    pub policy: PolicyView,
    /// Nothing runs.
    pub paused: bool,
    /// Who stopped it, and why; absent where it runs.
    pub paused_because: Option<String>,
    /// IANA, of the CRM.
    pub time_zone: Option<String>,
    /// The connector's own settings.
    pub settings: Value,
    /// Requests to the CRM may go to private addresses.
    pub allow_private_network: bool,
    /// Requests to the CRM may go without TLS.
    pub allow_http: bool,
    /// The configuration file declares it, and the next start sets it as the file says.
    pub declared: bool,
    /// Where a change of it replaced a credential of the account: the other connections that have the new one, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_changed: Vec<String>,
}

impl Admin {
    /// All, by name.
    pub async fn list_connections(&self) -> Result<Vec<ConnectionView>, Error> {
        let connections = self.parts.settings.connections().await?;
        self.views(&connections).await
    }

    /// One, by name or id.
    pub async fn show_connection(&self, name: &str) -> Result<ConnectionView, Error> {
        let connection = self.find_connection(name).await?;
        self.view_connection(&connection).await
    }

    pub(super) async fn view_connection(
        &self,
        connection: &Connection,
    ) -> Result<ConnectionView, Error> {
        let mut views = self.views(std::slice::from_ref(connection)).await?;
        let not_found = || Error::not_found("connection", &connection.name, []);
        views.pop().ok_or_else(not_found)
    }

    async fn views(&self, connections: &[Connection]) -> Result<Vec<ConnectionView>, Error> {
        let settings = &*self.parts.settings;
        let sources: HashMap<_, _> = settings
            .sources()
            .await?
            .into_iter()
            .map(|source| (source.id, source.name))
            .collect();
        let accounts: HashMap<_, _> = settings
            .accounts()
            .await?
            .into_iter()
            .map(|account| (account.id, account))
            .collect();
        let routes: HashMap<_, _> = self.parts.catalog.routes().await?.into_iter().collect();
        let versions = self.parts.catalog.versions().await?;
        let pauses = self.parts.operations.pauses().await;
        let mut views = Vec::with_capacity(connections.len());
        for connection in connections {
            // Both are gone only while somebody removes them; the connection is about to go, too.
            let (Some(source), Some(account)) = (
                sources.get(&connection.source),
                accounts.get(&connection.account),
            ) else {
                continue;
            };
            let digest = routes.get(&connection.id).cloned();
            let version = versions
                .iter()
                .find(|version| Some(&version.digest) == digest.as_ref());
            let credentials = settings.secrets(SecretOwner::Account(account.id)).await?;
            let credentials = credentials
                .iter()
                .map(|(name, secret)| SecretView::of(name, secret))
                .collect();
            let version = version.map(|version| version.descriptor.version.clone());
            let shown = view(
                connection,
                source,
                account,
                credentials,
                version,
                digest,
                pauses::of_connection(connection, account, &pauses),
            );
            views.push(ConnectionView {
                declared: self.parts.declared.connections.contains(&connection.name),
                ..shown
            });
        }
        Ok(views)
    }
}

fn view(
    connection: &Connection,
    source: &str,
    account: &Account,
    credentials: Vec<SecretView>,
    version: Option<String>,
    digest: Option<String>,
    paused_because: Option<String>,
) -> ConnectionView {
    ConnectionView {
        id: connection.id,
        name: connection.name.clone(),
        source: source.to_owned(),
        account: account.name.clone(),
        connector: connection.connector.clone(),
        version,
        digest,
        base_url: account.base_url.clone(),
        credentials,
        concurrency: account.concurrency,
        inboxes: connection.inboxes.clone(),
        mode: connection.mode,
        policy: PolicyView::of(&connection.policy),
        paused: paused_because.is_some(),
        paused_because,
        time_zone: connection.time_zone.clone(),
        settings: connection.settings.clone(),
        allow_private_network: account.allow_private_network,
        allow_http: account.allow_http,
        declared: false,
        also_changed: Vec::new(),
    }
}
