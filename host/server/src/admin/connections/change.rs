//! Changes of a connection: what is named is different afterwards, everything else stays.

use gladhand_core::connection::Mode;
use gladhand_store::settings::SecretOwner;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::concurrency_problem;
use super::difference::{State, difference};
use super::fit::Fit;
use super::policy::PolicyChange;
use super::view::ConnectionView;
use crate::admin::accounts::Got;
use crate::admin::{Admin, Error, secrets, zone_problem};

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
    /// What is done about failures.
    #[serde(default)]
    pub policy: PolicyChange,
    /// IANA, of the CRM; empty takes it away.
    #[serde(default)]
    pub time_zone: Option<String>,
}

impl Admin {
    /// Changes one.
    pub async fn set_connection(
        &self,
        name: &str,
        change: ConnectionChange,
    ) -> Result<ConnectionView, Error> {
        let _one_at_a_time = self.changing.lock().await;
        let before = self.find_connection(name).await?;
        let mut connection = before.clone();
        let mut problems: Vec<String> = Vec::new();
        problems.extend(change.concurrency.and_then(concurrency_problem));
        let named = change.time_zone.as_deref();
        let zone = named.filter(|zone| !zone.is_empty());
        problems.extend(zone.and_then(zone_problem));
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
        if change.time_zone.is_some() {
            connection.time_zone = zone.map(str::to_owned);
        }
        match change.policy.applied_to(&connection.policy) {
            Ok(policy) => connection.policy = policy,
            Err(flaws) => problems.extend(flaws.into_iter().map(|flaw| flaw.message)),
        }

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
        let fit = Fit {
            connection: &connection,
            is_routed: true,
            has_base_url: account.base_url.is_some(),
            credentials: names(&change.credentials),
            stored: names(&known),
            problems,
        };
        self.check_fit(fit).await?;
        let others = self
            .put_credentials(account.id, &change.credentials, Some(connection.id))
            .await?;
        let was = State {
            connection: &before,
            concurrency: account.concurrency,
        };
        if let Some(concurrency) = change.concurrency {
            account.concurrency = concurrency;
            self.parts.settings.put_account(&account).await?;
        }
        self.parts.settings.put_connection(&connection).await?;
        self.parts.operations.reload().await;
        let is = State {
            connection: &connection,
            concurrency: account.concurrency,
        };
        let detail = difference(was, is, &names(&change.credentials));
        let account = Got {
            id: account.id,
            name: account.name,
            also_changed: others,
        };
        self.told("connection.set", detail, &connection, account)
            .await
    }

    /// Stops its deliveries from running, or lets them run again, whoever stopped them.
    pub async fn pause_connection(
        &self,
        name: &str,
        is_paused: bool,
    ) -> Result<ConnectionView, Error> {
        let _one_at_a_time = self.changing.lock().await;
        let mut connection = self.find_connection(name).await?;
        connection.is_paused = is_paused;
        self.parts.settings.put_connection(&connection).await?;
        let (action, detail) = if is_paused {
            ("connection.pause", "it was paused")
        } else {
            self.parts
                .operations
                .resume_connection(connection.id)
                .await?;
            ("connection.resume", "it was resumed")
        };
        self.parts.operations.reload().await;
        self.record(action, &connection.name, detail).await;
        self.view_connection(&connection).await
    }
}

fn names(secrets: &[(String, SecretString)]) -> Vec<&str> {
    secrets.iter().map(|(name, _)| name.as_str()).collect()
}
