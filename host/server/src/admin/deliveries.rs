//! Deliveries: listed and shown, with names for what the store knows by ids.

use std::collections::HashMap;

use gladhand_core::attempt::Link;
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::effect::EffectSummary;
use gladhand_core::event::EventKind;
use gladhand_core::failure::FailureKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, EventId};
use gladhand_core::outcome::Outcome;
use gladhand_store::catalog::Version;
use gladhand_store::deliveries::{AttemptRecord, DeliveryDetail, DeliveryFilter};
use serde::{Deserialize, Serialize};

use super::pauses::ConnectionNote;
use super::queue::{HeldView, delivery_id};
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
    /// Its lane, where that is held and so this waits, or is dead and holds it.
    pub held: Option<HeldView>,
}

/// Everything about one delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The connection's name.
    pub connection: String,
    /// Why nothing of its connection runs, where it is paused by that.
    pub paused_because: Option<String>,
    /// Its lane, where that is held and so this waits, or is dead and holds it.
    pub held: Option<HeldView>,
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
    /// A delivery of this connection, in a lane that may be held.
    pub fn of(
        delivery: Delivery,
        connection: Option<&ConnectionNote>,
        held: Option<HeldView>,
    ) -> Self {
        let paused = connection.and_then(|connection| connection.holds_back(delivery.state));
        let paused = paused.map(|because| {
            let code = FailureKind::ConnectionPaused.to_string();
            (code, because.to_owned())
        });
        let (state, not_before) = match paused {
            // What it waits for has no time.
            Some(_) => (DeliveryState::Paused, None),
            None if held.is_some() => (delivery.state, None),
            None => (delivery.state, delivery.not_before),
        };
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
        let (code, message) = paused.or(reason).unzip();
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            connection: name_of(connection, delivery.connection),
            lane: delivery.lane,
            kind: delivery
                .kind
                .map_or(delivery.event_name, |kind: EventKind| {
                    kind.as_str().to_owned()
                }),
            state,
            outcome: outcome.map(str::to_owned),
            code,
            attempts: delivery.attempts,
            version: delivery.version,
            received_at: delivery.received_at,
            settled_at: delivery.settled_at,
            not_before,
            message,
            held,
        }
    }
}

impl Admin {
    /// Newest first.
    pub async fn list_deliveries(&self, query: DeliveryQuery) -> Result<Vec<DeliveryView>, Error> {
        let notes = self.connection_notes().await?;
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
        let paused = notes
            .iter()
            .filter(|(_, note)| note.paused_because.is_some())
            .map(|(id, _)| *id)
            .collect();
        let filter = DeliveryFilter {
            connection,
            state,
            paused,
            contact,
            since,
            before,
            limit,
        };
        let deliveries = self.parts.deliveries.list(filter).await?;
        self.delivery_views(deliveries, &notes).await
    }

    /// As they are listed, in their order.
    pub(super) async fn delivery_views(
        &self,
        deliveries: Vec<Delivery>,
        notes: &HashMap<ConnectionId, ConnectionNote>,
    ) -> Result<Vec<DeliveryView>, Error> {
        let holds = self.holds(&deliveries).await?;
        let view = |delivery: Delivery| {
            let connection = notes.get(&delivery.connection);
            let held = holds.of(&delivery, connection);
            DeliveryView::of(delivery, connection, held)
        };
        Ok(deliveries.into_iter().map(view).collect())
    }

    /// Everything about one.
    pub async fn show_delivery(&self, id: &str) -> Result<ShownDelivery, Error> {
        let detail = self.parts.deliveries.show(delivery_id(id)?).await?;
        let DeliveryDetail {
            mut delivery,
            attempts,
            effects,
            links,
        } = detail.ok_or_else(|| Error::no_id("delivery", id))?;
        let versions = self.parts.catalog.versions().await?;
        let note = self.connection_note(&delivery).await?;
        let holds = self.holds(std::slice::from_ref(&delivery)).await?;
        let held = holds.of(&delivery, note.as_ref());
        let paused_because = note
            .as_ref()
            .and_then(|note| note.holds_back(delivery.state))
            .map(str::to_owned);
        if paused_because.is_some() {
            delivery.state = DeliveryState::Paused;
        }
        if paused_because.is_some() || held.is_some() {
            delivery.not_before = None;
        }
        Ok(ShownDelivery {
            connection: name_of(note.as_ref(), delivery.connection),
            paused_because,
            held,
            attempts: attempts
                .into_iter()
                .map(|record| ShownAttempt::of(record, &versions))
                .collect(),
            delivery,
            effects,
            links,
        })
    }

    pub(super) async fn connection_note(
        &self,
        delivery: &Delivery,
    ) -> Result<Option<ConnectionNote>, Error> {
        Ok(self.connection_notes().await?.remove(&delivery.connection))
    }
}

/// A connection that is gone is called by its id.
pub(super) fn name_of(note: Option<&ConnectionNote>, id: ConnectionId) -> String {
    note.map_or_else(|| id.to_string(), |note| note.name.clone())
}
