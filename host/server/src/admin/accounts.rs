//! Accounts: which one a connection uses (one that exists where it is the same CRM and credential, else a new one),
//! and how they are shown.

mod view;

use gladhand_core::connection::{Account, Connection};
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_store::settings::SecretOwner;
use secrecy::SecretString;

use super::{Admin, Error, secrets};

pub use view::AccountView;

/// Enough to keep a CRM busy, few enough to leave it to its other users.
const DEFAULT_CONCURRENCY: u32 = 4;

/// The account that a connection asks for.
pub(super) struct Wanted {
    /// The id that a new account gets.
    pub id: AccountId,
    /// The connector's name, without the version.
    pub connector: String,
    /// Canonical.
    pub base_url: Option<String>,
    /// By name.
    pub credentials: Vec<(String, SecretString)>,
    /// The account's name, where it is said.
    pub name: Option<String>,
    /// The connection's name: what a new account is called.
    pub connection: String,
    /// Where it is said.
    pub concurrency: Option<u32>,
    /// Requests may go to private addresses.
    pub allow_private_network: bool,
    /// Requests may go without TLS.
    pub allow_http: bool,
}

/// The account that a connection got.
pub(super) struct Got {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// The other connections of it that have another credential now.
    pub also_changed: Vec<String>,
}

impl Wanted {
    fn is_installation_of(&self, account: &Account) -> bool {
        account.connector == self.connector && account.base_url == self.base_url
    }
}

impl Admin {
    /// Finds or makes the account and stores what is new about it. `existing` is the connection as it is.
    pub(super) async fn put_account(
        &self,
        existing: Option<&Connection>,
        wanted: &Wanted,
    ) -> Result<Got, Error> {
        let settings = &*self.parts.settings;
        let accounts = settings.accounts().await?;
        let connections = settings.connections().await?;
        let others_use = |account: AccountId| {
            let is_other = |connection: &&Connection| {
                Some(connection.id) != existing.map(|existing| existing.id)
            };
            connections
                .iter()
                .filter(is_other)
                .any(|connection| connection.account == account)
        };

        let found = match &wanted.name {
            Some(name) => named(&accounts, name, wanted)?,
            None => match self.own(existing, &accounts, wanted, &others_use).await? {
                Some(own) => Some(own),
                None => self.equal(&accounts, wanted).await?,
            },
        };
        let account = match found {
            Some(account) => {
                // What another connection of the account was allowed is not taken from it.
                let is_shared = others_use(account.id);
                Account {
                    allow_private_network: wanted.allow_private_network
                        || (is_shared && account.allow_private_network),
                    allow_http: wanted.allow_http || (is_shared && account.allow_http),
                    concurrency: wanted.concurrency.unwrap_or(account.concurrency),
                    ..account
                }
            }
            None => Account {
                id: wanted.id,
                name: wanted
                    .name
                    .clone()
                    .unwrap_or_else(|| free_name(&accounts, &wanted.connection)),
                connector: wanted.connector.clone(),
                base_url: wanted.base_url.clone(),
                allow_private_network: wanted.allow_private_network,
                allow_http: wanted.allow_http,
                concurrency: wanted.concurrency.unwrap_or(DEFAULT_CONCURRENCY),
            },
        };
        settings.put_account(&account).await?;
        let own = existing.map(|existing| existing.id);
        let also_changed = self
            .put_credentials(account.id, &wanted.credentials, own)
            .await?;
        Ok(Got {
            id: account.id,
            name: account.name,
            also_changed,
        })
    }

    /// Stores credentials of an account; returns the connections, besides `own`, for which that replaced one.
    pub(super) async fn put_credentials(
        &self,
        account: AccountId,
        credentials: &[(String, SecretString)],
        own: Option<ConnectionId>,
    ) -> Result<Vec<String>, Error> {
        let settings = &*self.parts.settings;
        let owner = SecretOwner::Account(account);
        let known = settings.secrets(owner).await?;
        for (name, secret) in credentials {
            settings.put_secret(owner, name, secret).await?;
        }
        if !secrets::replace_any(&known, credentials) {
            return Ok(Vec::new());
        }
        let connections = settings.connections().await?;
        let others = connections
            .into_iter()
            .filter(|connection| connection.account == account && Some(connection.id) != own);
        Ok(others.map(|connection| connection.name).collect())
    }

    /// The names of the credentials that the account of this name has; none where there is no such account.
    pub(super) async fn credentials_of(&self, name: Option<&str>) -> Result<Vec<String>, Error> {
        let accounts = self.parts.settings.accounts().await?;
        let Some(account) = accounts
            .iter()
            .find(|known| Some(known.name.as_str()) == name)
        else {
            return Ok(Vec::new());
        };
        let owner = SecretOwner::Account(account.id);
        let known = self.parts.settings.secrets(owner).await?;
        Ok(known.into_iter().map(|(name, _)| name).collect())
    }

    /// The account that the connection has, where it is the same CRM: a new credential of its own does not make it
    /// another one, for its identity links and effect keys would be lost.
    async fn own(
        &self,
        existing: Option<&Connection>,
        accounts: &[Account],
        wanted: &Wanted,
        others_use: &(dyn Fn(AccountId) -> bool + Sync),
    ) -> Result<Option<Account>, Error> {
        let own = existing.and_then(|existing| {
            accounts
                .iter()
                .find(|account| account.id == existing.account)
        });
        let Some(own) = own.filter(|own| wanted.is_installation_of(own)) else {
            return Ok(None);
        };
        let credentials = self
            .parts
            .settings
            .secrets(SecretOwner::Account(own.id))
            .await?;
        let keeps = secrets::are_equal(&credentials, &wanted.credentials) || !others_use(own.id);
        Ok(keeps.then(|| own.clone()))
    }

    async fn equal(&self, accounts: &[Account], wanted: &Wanted) -> Result<Option<Account>, Error> {
        for account in accounts
            .iter()
            .filter(|account| wanted.is_installation_of(account))
        {
            let credentials = self
                .parts
                .settings
                .secrets(SecretOwner::Account(account.id))
                .await?;
            if secrets::are_equal(&credentials, &wanted.credentials) {
                return Ok(Some(account.clone()));
            }
        }
        Ok(None)
    }
}

/// What is said of a change that gave other connections of an account another credential; `None` where it gave none.
pub fn also_changed(account: &str, others: &[String]) -> Option<String> {
    let (last, first) = others.split_last()?;
    let which = if first.is_empty() {
        format!("`{last}` also uses")
    } else {
        format!("`{}` and `{last}` also use", first.join("`, `"))
    };
    Some(format!(
        "account `{account}`, which {which}, has another credential now"
    ))
}

fn named(accounts: &[Account], name: &str, wanted: &Wanted) -> Result<Option<Account>, Error> {
    let Some(account) = accounts.iter().find(|account| account.name == name) else {
        return Ok(None);
    };
    if wanted.is_installation_of(account) {
        return Ok(Some(account.clone()));
    }
    let place = account.base_url.as_deref().unwrap_or("no base URL");
    let problem = format!(
        "account `{name}` is one of `{}` at {place}; give the connection the same connector and base URL, or name another account",
        account.connector
    );
    Err(Error::Invalid(vec![problem]))
}

fn free_name(accounts: &[Account], wanted: &str) -> String {
    let is_free = |name: &String| !accounts.iter().any(|account| account.name == *name);
    let numbered = (2_u32..).map(|number| format!("{wanted}-{number}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(is_free)
        .expect("there are more numbers than accounts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(others: &[&str], expect: Option<&str>) {
        let others: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(also_changed("crm", &others).as_deref(), expect);
    }

    #[test]
    fn every_connection_that_has_another_credential_is_named() {
        check(&[], None);
        check(
            &["a"],
            Some("account `crm`, which `a` also uses, has another credential now"),
        );
        check(
            &["a", "b", "c"],
            Some("account `crm`, which `a`, `b` and `c` also use, has another credential now"),
        );
    }
}
