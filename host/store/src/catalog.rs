//! Connector versions, named by digest, and which connection runs which.

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::descriptor::Descriptor;
use gladhand_core::ids::ConnectionId;
use serde::{Deserialize, Serialize};

use crate::Error;

/// One immutable build of a connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// What it says of itself.
    pub descriptor: Descriptor,
    /// Bytes of the component.
    pub size: u64,
    /// When it was added.
    pub added_at: Timestamp,
}

/// Connector versions and routes.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// All, newest first.
    async fn versions(&self) -> Result<Vec<Version>, Error>;
    /// Adds one; the same digest again changes nothing.
    async fn add_version(&self, version: &Version, component: &[u8]) -> Result<(), Error>;
    /// The component of a digest.
    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, Error>;
    /// Which connection runs which digest.
    async fn routes(&self) -> Result<Vec<(ConnectionId, String)>, Error>;
    /// Lets a connection run a digest.
    async fn set_route(&self, connection: ConnectionId, digest: &str) -> Result<(), Error>;
}
