//! Events as they came in, with names for what the store knows by ids.

use std::collections::HashMap;

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, EventId, SourceId};
use gladhand_store::events::{EventDelivery, EventRecord};
use serde::{Deserialize, Serialize};

use super::deliveries::name_of;
use super::pauses::ConnectionNote;
use super::{Admin, Error};

/// An event, and what it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// Its id; later events have larger ones.
    pub id: EventId,
    /// The source's name.
    pub source: String,
    /// The source's name for the event.
    pub name: String,
    /// The contact that it is about, where one could be read.
    pub contact: Option<String>,
    /// When it came in.
    pub received_at: Timestamp,
    /// What it became.
    pub deliveries: Vec<EventDeliveryView>,
}

/// A delivery of an event, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// The connection's name.
    pub connection: String,
    /// As what it is handed over.
    pub kind: Option<EventKind>,
    /// Where it stands.
    pub state: DeliveryState,
}

impl Admin {
    /// Those after `after`, oldest first; without it the newest.
    pub async fn list_events(
        &self,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<EventView>, Error> {
        let connections = self.connection_notes().await?;
        let sources: HashMap<SourceId, String> = self
            .parts
            .settings
            .sources()
            .await?
            .into_iter()
            .map(|source| (source.id, source.name))
            .collect();
        let found = self.parts.events.events_after(after, limit).await?;
        let view = |record| EventView::of(record, &sources, &connections);
        Ok(found.into_iter().map(view).collect())
    }
}

impl EventView {
    fn of(
        record: EventRecord,
        sources: &HashMap<SourceId, String>,
        connections: &HashMap<ConnectionId, ConnectionNote>,
    ) -> Self {
        let source = sources.get(&record.source).cloned();
        let delivery = |delivery: EventDelivery| {
            let note = connections.get(&delivery.connection);
            let paused = note.and_then(|note| note.holds_back(delivery.state));
            EventDeliveryView {
                id: delivery.id,
                connection: name_of(note, delivery.connection),
                kind: delivery.kind,
                state: paused.map_or(delivery.state, |_| DeliveryState::Paused),
            }
        };
        Self {
            id: record.id,
            source: source.unwrap_or_else(|| record.source.to_string()),
            name: record.name,
            contact: record.contact,
            received_at: record.received_at,
            deliveries: record.deliveries.into_iter().map(delivery).collect(),
        }
    }
}
