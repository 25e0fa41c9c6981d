//! What only a running engine can do; tests double it.

use async_trait::async_trait;
use gladhand_core::failure::Failure;
use gladhand_core::ids::ConnectionId;
use gladhand_runtime::Check;
use gladhand_store::catalog::Version;
use serde_json::Value;

/// Why a component was not added.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not one that this host runs; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] gladhand_store::Error),
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
}
