//! Events as they came in, for whoever watches.

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, EventId, SourceId};
use serde::{Deserialize, Serialize};

use crate::Error;

/// An event, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Its id; later events have larger ones.
    pub id: EventId,
    /// Who sent it.
    pub source: SourceId,
    /// The source's name for it.
    pub name: String,
    /// The contact that it is about, where one could be read.
    pub contact: Option<String>,
    /// When it came in.
    pub received_at: Timestamp,
    /// What it became.
    pub deliveries: Vec<EventDelivery>,
}

/// A delivery of an event, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// For whom.
    pub connection: ConnectionId,
    /// As what it is handed over.
    pub kind: Option<EventKind>,
    /// Where it stands.
    pub state: DeliveryState,
}

/// Events as they came in.
#[async_trait]
pub trait Events: Send + Sync {
    /// Those after `after`, oldest first; without it the newest `limit`, oldest first. The store caps it at 1,000.
    async fn events_after(
        &self,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<EventRecord>, Error>;
    /// Whether something is kept that tells of a contact, as `Queue::sync_contact` would queue it.
    async fn knows_contact(&self, source: SourceId, contact: &str) -> Result<bool, Error>;
}
