//! Links as operators see them: listed, imported, exported, removed.

use async_trait::async_trait;
use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Timestamp;
use gladhand_core::ids::ConnectionId;
use serde::{Deserialize, Serialize};

use crate::Error;

/// A link as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The source's side.
    pub entity: Entity,
    /// The CRM's side.
    pub link: Link,
    /// When it was last put.
    pub updated_at: Timestamp,
}

/// Which links of a connection to list, ordered by entity and object.
#[derive(Debug, Clone, Default)]
pub struct LinkFilter {
    /// Of entities of this kind: contact, conversation, message, company.
    pub entity_kind: Option<String>,
    /// Of this entity.
    pub entity_id: Option<String>,
    /// To records of this kind.
    pub object: Option<String>,
    /// To this record.
    pub remote_id: Option<String>,
    /// Behind this one: (entity kind, entity id, object), for the next page.
    pub after: Option<(String, String, String)>,
    /// At most so many; the store caps it at 1,000.
    pub limit: u32,
}

/// Links as operators see them. Those of identities are the account's and not listed here; what a connector notes for
/// itself in a link without a record is not, either.
#[async_trait]
pub trait LinkBook: Send + Sync {
    /// In order of entity and object.
    async fn list_links(
        &self,
        connection: ConnectionId,
        filter: LinkFilter,
    ) -> Result<Vec<LinkRecord>, Error>;
    /// Puts links, all or none; what they replace is kept in the history.
    async fn put_links(
        &self,
        connection: ConnectionId,
        links: &[(Entity, Link)],
        now: Timestamp,
    ) -> Result<(), Error>;
    /// Removes one; false where there is none.
    async fn remove_link(
        &self,
        connection: ConnectionId,
        entity: &Entity,
        object: &str,
        now: Timestamp,
    ) -> Result<bool, Error>;
}
