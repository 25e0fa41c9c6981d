//! What only a running engine can do; tests double it.

use async_trait::async_trait;
use gladhand_core::failure::Failure;
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_core::pause::Paused;
use gladhand_runtime::Check;
use gladhand_store::catalog::Version;
use serde_json::Value;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The component is not one that this host runs; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// This host has no way to do it; the text says what to do instead.
    #[error("{0}")]
    NotOffered(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] gladhand_store::Error),
    /// What hosts share about accounts did not answer.
    #[error(transparent)]
    Shared(#[from] gladhand_core::port::Error),
}

/// What does not run at the moment. Connections that are paused in their settings are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pauses {
    /// Accounts: nothing of any of their connections runs.
    pub accounts: Vec<(AccountId, Paused)>,
    /// Connections.
    pub connections: Vec<(ConnectionId, Paused)>,
}

/// What only a running engine can do.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Takes up what changed in the settings; what fails is logged and tried at the next change.
    async fn reload(&self);
    /// Runs the checks of a connection's connector.
    async fn check(&self, connection: ConnectionId) -> Result<Vec<Check>, Failure>;
    /// Asks a connection's connector what the CRM offers.
    async fn discover(&self, connection: ConnectionId, what: &str) -> Result<Value, Failure>;
    /// Adds a component to the catalog, after everything that can be wrong with it was looked at.
    async fn add_connector(&self, component: Vec<u8>) -> Result<Version, Error>;
    /// What does not run at the moment, and why.
    async fn pauses(&self) -> Pauses {
        Pauses::default()
    }
    /// Stops everything of an account until it is resumed.
    async fn pause_account(&self, account: AccountId) -> Result<(), Error> {
        let _account = account;
        Err(Error::NotOffered(
            "this host cannot pause an account; pause its connections with `gladhand connection pause NAME`"
                .to_owned(),
        ))
    }
    /// Lets an account run again, whoever stopped it; nothing where nobody did.
    async fn resume_account(&self, account: AccountId) -> Result<(), Error> {
        let _account = account;
        Ok(())
    }
    /// Lets a connection run again that stopped by itself; nothing where it did not.
    async fn resume_connection(&self, connection: ConnectionId) -> Result<(), Error> {
        let _connection = connection;
        Ok(())
    }
}
