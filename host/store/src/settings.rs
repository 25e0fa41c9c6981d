//! Sources, accounts, connections and their secrets.

use async_trait::async_trait;
use gladhand_core::connection::{Account, Connection, Source};
use gladhand_core::ids::{AccountId, ConnectionId, SourceId};
use secrecy::SecretString;

use crate::Error;

/// Whose secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretOwner {
    /// `webhook_secret`, `api_token`, `path_token`.
    Source(SourceId),
    /// The names that the connector's descriptor asks for.
    Account(AccountId),
}

/// What operators configure.
#[async_trait]
pub trait Settings: Send + Sync {
    /// Raised with every change of what is configured, the catalog included, by whatever host.
    async fn revision(&self) -> Result<i64, Error>;
    /// All, by name.
    async fn sources(&self) -> Result<Vec<Source>, Error>;
    /// Adds or replaces one, by id; a name that another has is refused.
    async fn put_source(&self, source: &Source) -> Result<(), Error>;
    /// Removes one; its connections must be gone.
    async fn remove_source(&self, id: SourceId) -> Result<(), Error>;
    /// All, by name.
    async fn accounts(&self) -> Result<Vec<Account>, Error>;
    /// Adds or replaces one, by id.
    async fn put_account(&self, account: &Account) -> Result<(), Error>;
    /// All, by name.
    async fn connections(&self) -> Result<Vec<Connection>, Error>;
    /// Adds or replaces one, by id; a name that another has is refused.
    async fn put_connection(&self, connection: &Connection) -> Result<(), Error>;
    /// Removes one with what only it had.
    async fn remove_connection(&self, id: ConnectionId) -> Result<(), Error>;
    /// All of one owner, opened.
    async fn secrets(&self, owner: SecretOwner) -> Result<Vec<(String, SecretString)>, Error>;
    /// Seals and stores one; replaces what had the name.
    async fn put_secret(
        &self,
        owner: SecretOwner,
        name: &str,
        secret: &SecretString,
    ) -> Result<(), Error>;
}
