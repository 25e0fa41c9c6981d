//! Deliveries: listed and shown, with names for what the store knows by ids.

use std::collections::HashMap;

use gladhand_core::attempt::Link;
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::effect::EffectSummary;
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, EventId};
use gladhand_core::outcome::Outcome;
use gladhand_store::catalog::Version;
use gladhand_store::deliveries::{AttemptRecord, DeliveryDetail, DeliveryFilter};
use serde::{Deserialize, Serialize};

use super::queue::delivery_id;
use super::{Admin, Error};

/// Which deliveries to list.
#[derive(Debug, Clone, Default)]
pub struct DeliveryQuery {
    /// Of the connection of this name.
    pub connection: Option<String>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this contact.
    pub contact: Option<String>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Older than this one.
    pub before: Option<DeliveryId>,
    /// At most so many.
    pub limit: u32,
}

/// A delivery as listed: the fields that scripts rely on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// What happened.
    pub event_id: EventId,
    /// The connection's name.
    pub connection: String,
    /// The contact.
    pub lane: String,
    /// As what it is handed over; the source's name for the event where it is handed to nobody.
    pub kind: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// synced, skipped
    pub outcome: Option<String>,
    /// Why it was skipped, or what kind of failure it had last.
    pub code: Option<String>,
    /// How often it was executed.
    pub attempts: u32,
    /// SHA-256 of the version that last ran.
    pub version: Option<String>,
    /// When its event came in.
    pub received_at: Timestamp,
    /// When nothing more was to happen.
    pub settled_at: Option<Timestamp>,
    /// When it is tried next.
    pub not_before: Option<Timestamp>,
    /// Why it was skipped, or what went wrong last.
    pub message: Option<String>,
}

/// Everything about one delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The connection's name.
    pub connection: String,
    /// Its attempts, oldest first.
    pub attempts: Vec<ShownAttempt>,
    /// Its effects, oldest first.
    pub effects: Vec<EffectSummary>,
    /// The links of its contact and conversation.
    pub links: Vec<Link>,
}

/// An attempt, with the name of what ran.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownAttempt {
    /// `name@version`; absent where that version is gone.
    pub connector: Option<String>,
    /// As recorded.
    #[serde(flatten)]
    pub record: AttemptRecord,
}

impl ShownAttempt {
    /// One of a version that is one of these.
    pub fn of(record: AttemptRecord, versions: &[Version]) -> Self {
        let version = versions
            .iter()
            .find(|version| Some(&version.digest) == record.version.as_ref());
        let connector = version
            .map(|version| format!("{}@{}", version.descriptor.id, version.descriptor.version));
        Self { connector, record }
    }
}

impl DeliveryView {
    /// A delivery of the connection of this name.
    pub fn of(delivery: Delivery, connection: Option<&String>) -> Self {
        let (outcome, skipped) = match delivery.outcome {
            Some(Outcome::Synced { .. }) => (Some("synced"), None),
            Some(Outcome::Skipped { code, reason }) => {
                (Some("skipped"), Some((code.to_string(), reason)))
            }
            None => (None, None),
        };
        let failed = delivery
            .failure
            .map(|failure| (failure.kind.to_string(), failure.message));
        // A delivery that ended well may have failed before; then that is no longer what matters.
        let reason = if outcome.is_some() { skipped } else { failed };
        let (code, message) = reason.unzip();
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            connection: connection
                .cloned()
                .unwrap_or_else(|| delivery.connection.to_string()),
            lane: delivery.lane,
            kind: delivery
                .kind
                .map_or(delivery.event_name, |kind: EventKind| {
                    kind.as_str().to_owned()
                }),
            state: delivery.state,
            outcome: outcome.map(str::to_owned),
            code,
            attempts: delivery.attempts,
            version: delivery.version,
            received_at: delivery.received_at,
            settled_at: delivery.settled_at,
            not_before: delivery.not_before,
            message,
        }
    }
}

impl Admin {
    /// Newest first.
    pub async fn list_deliveries(&self, query: DeliveryQuery) -> Result<Vec<DeliveryView>, Error> {
        let names = self.connection_names().await?;
        let connection = match query.connection {
            Some(name) => Some(self.find_connection(&name).await?.id),
            None => None,
        };
        let DeliveryQuery {
            state,
            contact,
            since,
            before,
            limit,
            ..
        } = query;
        let filter = DeliveryFilter {
            connection,
            state,
            contact,
            since,
            before,
            limit,
        };
        let deliveries = self.parts.deliveries.list(filter).await?;
        Ok(deliveries
            .into_iter()
            .map(|delivery| {
                let connection = names.get(&delivery.connection);
                DeliveryView::of(delivery, connection)
            })
            .collect())
    }

    /// Everything about one.
    pub async fn show_delivery(&self, id: &str) -> Result<ShownDelivery, Error> {
        let detail = self.parts.deliveries.show(delivery_id(id)?).await?;
        let DeliveryDetail {
            delivery,
            attempts,
            effects,
            links,
        } = detail.ok_or_else(|| Error::no_id("delivery", id))?;
        let versions = self.parts.catalog.versions().await?;
        let connection = self.connection_name(&delivery).await?;
        Ok(ShownDelivery {
            connection: connection.unwrap_or_else(|| delivery.connection.to_string()),
            attempts: attempts
                .into_iter()
                .map(|record| ShownAttempt::of(record, &versions))
                .collect(),
            delivery,
            effects,
            links,
        })
    }

    pub(super) async fn connection_names(&self) -> Result<HashMap<ConnectionId, String>, Error> {
        let connections = self.parts.settings.connections().await?;
        let named = connections
            .into_iter()
            .map(|connection| (connection.id, connection.name));
        Ok(named.collect())
    }

    pub(super) async fn connection_name(
        &self,
        delivery: &Delivery,
    ) -> Result<Option<String>, Error> {
        Ok(self.connection_names().await?.remove(&delivery.connection))
    }
}
