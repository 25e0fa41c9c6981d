//! Who did what in operation.

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;

/// One deed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id; later deeds have larger ones.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who: `admin`, `host`.
    pub actor: String,
    /// What: `delivery.retry`, `effect.conclude`, `relinked`.
    pub action: String,
    /// To what, by name or id.
    pub subject: String,
    /// In a sentence; no record of a person.
    pub detail: String,
}

/// Who did what in operation.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Keeps a deed.
    async fn record_deed(&self, entry: &AuditEntry) -> Result<(), Error>;
    /// Newest first, older than `before`; the store caps `limit` at 1,000.
    async fn deeds(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<AuditEntry>, Error>;
}
