//! Accounts as shown, and their pauses.

use gladhand_core::connection::{Account, Connection};
use gladhand_core::ids::AccountId;
use gladhand_core::pause::Paused;
use gladhand_store::settings::SecretOwner;
use serde::{Deserialize, Serialize};

use crate::admin::secrets::SecretView;
use crate::admin::{Admin, Error, pauses};

/// An account as shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// The kind of connector that speaks to it.
    pub connector: String,
    /// Of the CRM, canonical.
    pub base_url: Option<String>,
    /// The names of the connections that share it.
    pub connections: Vec<String>,
    /// What is known to it, without the values.
    pub credentials: Vec<SecretView>,
    /// Attempts at once.
    pub concurrency: u32,
    /// Nothing of it runs.
    pub paused: bool,
    /// Who stopped it, and why; absent where it runs.
    pub pause: Option<Paused>,
}

impl Admin {
    /// All, by name.
    pub async fn list_accounts(&self) -> Result<Vec<AccountView>, Error> {
        let accounts = self.parts.settings.accounts().await?;
        self.account_views(accounts).await
    }

    /// One, by name or id.
    pub async fn show_account(&self, name: &str) -> Result<AccountView, Error> {
        let account = self.find_account(name).await?;
        self.account_view(account).await
    }

    /// Stops everything of an account, or lets it run again, whoever stopped it.
    pub async fn pause_account(&self, name: &str, is_paused: bool) -> Result<AccountView, Error> {
        let _one_at_a_time = self.changing.lock().await;
        let account = self.find_account(name).await?;
        let operations = &self.parts.operations;
        let (action, detail) = if is_paused {
            operations.pause_account(account.id).await?;
            ("account.pause", "it was paused")
        } else {
            operations.resume_account(account.id).await?;
            ("account.resume", "it was resumed")
        };
        self.record(action, &account.name, detail).await;
        self.account_view(account).await
    }

    pub(in crate::admin) async fn find_account(&self, name: &str) -> Result<Account, Error> {
        let accounts = self.parts.settings.accounts().await?;
        let is_meant = |account: &&Account| account.name == name || account.id.to_string() == name;
        let found = accounts.iter().find(is_meant).cloned();
        found.ok_or_else(|| {
            let known = accounts.iter().map(|account| account.name.as_str());
            Error::not_found("account", name, known)
        })
    }

    async fn account_view(&self, account: Account) -> Result<AccountView, Error> {
        let name = account.name.clone();
        let view = self.account_views(vec![account]).await?.pop();
        view.ok_or_else(|| Error::not_found("account", &name, []))
    }

    async fn account_views(&self, accounts: Vec<Account>) -> Result<Vec<AccountView>, Error> {
        let connections = self.parts.settings.connections().await?;
        let pauses = self.parts.operations.pauses().await;
        let mut views = Vec::with_capacity(accounts.len());
        for account in accounts {
            let owner = SecretOwner::Account(account.id);
            let secrets = self.parts.settings.secrets(owner).await?;
            let uses = |connection: &&Connection| connection.account == account.id;
            let pause = pauses::of_account(&account, &pauses).cloned();
            views.push(AccountView {
                connections: connections
                    .iter()
                    .filter(uses)
                    .map(|connection| connection.name.clone())
                    .collect(),
                credentials: secrets
                    .iter()
                    .map(|(name, secret)| SecretView::of(name, secret))
                    .collect(),
                paused: pause.is_some(),
                pause,
                id: account.id,
                name: account.name,
                connector: account.connector,
                base_url: account.base_url,
                concurrency: account.concurrency,
            });
        }
        Ok(views)
    }
}
