//! What operators do with single deliveries, lanes and contacts: queue again, skip, hold, release, sync.

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::ids::{ConnectionId, DeliveryId};
use gladhand_store::queue::{Asked, HeldFilter, HeldLane};
use serde::{Deserialize, Serialize};

use super::deliveries::name_of;
use super::pauses::ConnectionNote;
use super::{Admin, DeliveryView, Error};

/// What is stored as the reason where the operator gives none.
pub(super) const NO_REASON: &str = "an operator skipped it";

/// A lane and whether it is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneView {
    /// The connection's name.
    pub connection: String,
    /// The contact.
    pub contact: String,
    /// Nothing of it runs until it is released.
    pub held: bool,
    /// It was held before.
    pub was_held: bool,
}

/// Which held lanes to list.
#[derive(Debug, Clone, Default)]
pub struct HeldQuery {
    /// Of the connection of this name.
    pub connection: Option<String>,
    /// Behind this one.
    pub after: Option<(ConnectionId, String)>,
    /// At most so many.
    pub limit: u32,
}

/// A lane of which nothing runs until somebody releases it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldView {
    /// The connection's id.
    pub connection_id: ConnectionId,
    /// The connection's name.
    pub connection: String,
    /// The contact.
    pub contact: String,
    /// Who holds it.
    pub held_by: HeldBy,
    /// The dead delivery, where it is one that holds it.
    pub delivery: Option<DeliveryId>,
    /// Since when.
    pub held_since: Timestamp,
}

/// Who holds a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldBy {
    /// A person.
    Operator,
    /// A delivery that died, where its connection says `on_dead = "hold"`.
    DeadDelivery,
}

/// What a sync queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// How many deliveries.
    pub count: u64,
}

impl HeldView {
    /// A lane of this connection.
    pub(super) fn of(lane: HeldLane, connection: Option<&ConnectionNote>) -> Self {
        Self {
            connection_id: lane.connection,
            connection: name_of(connection, lane.connection),
            contact: lane.contact,
            held_by: match lane.holder {
                Some(_) => HeldBy::DeadDelivery,
                None => HeldBy::Operator,
            },
            delivery: lane.holder,
            held_since: lane.since,
        }
    }
}

impl Admin {
    /// Queues a settled delivery again, or lets one that waits run now.
    pub async fn retry_delivery(&self, id: &str) -> Result<DeliveryView, Error> {
        let parsed = delivery_id(id)?;
        let asked = self.parts.queue.retry(parsed, self.now()).await?;
        let view = self.answer(id, asked, refused_retry).await?;
        let detail = format!("{}: it was queued again", lane_of(&view));
        self.record("delivery.retry", id, detail).await;
        Ok(view)
    }

    /// Settles a delivery that waits or is dead as skipped.
    pub async fn skip_delivery(
        &self,
        id: &str,
        reason: Option<&str>,
    ) -> Result<DeliveryView, Error> {
        let parsed = delivery_id(id)?;
        let reason = reason.unwrap_or(NO_REASON);
        let asked = self.parts.queue.skip(parsed, reason, self.now()).await?;
        let view = self.answer(id, asked, refused_skip).await?;
        let detail = format!("{}: it was skipped", lane_of(&view));
        self.record("delivery.skip", id, detail).await;
        Ok(view)
    }

    /// Holds the lane of a contact, or releases it.
    pub async fn hold_lane(
        &self,
        connection: &str,
        contact: &str,
        is_held: bool,
    ) -> Result<LaneView, Error> {
        let connection = self.find_connection(connection).await?;
        let was_held = self.is_held(connection.id, contact).await?;
        let queue = &self.parts.queue;
        if !queue
            .hold(connection.id, contact, is_held, self.now())
            .await?
        {
            let verb = if is_held { "hold" } else { "release" };
            let message = format!(
                "nothing of contact `{contact}` waits or is held in connection `{}`, so there is nothing to {verb}; \
                 `gladhand delivery list --connection {} --contact {contact}` shows what there was",
                connection.name, connection.name
            );
            return Err(Error::Conflict {
                code: "nothing-waits",
                message,
            });
        }
        let (action, detail) = if is_held {
            ("lane.hold", "the contact's deliveries wait")
        } else {
            ("lane.release", "the contact's deliveries run again")
        };
        if is_held || was_held {
            let subject = format!("{}, contact {contact}", connection.name);
            self.record(action, &subject, detail).await;
        }
        Ok(LaneView {
            connection: connection.name,
            contact: contact.to_owned(),
            held: is_held,
            was_held,
        })
    }

    /// Lanes that are held, in an order that stays.
    pub async fn list_held_lanes(&self, query: HeldQuery) -> Result<Vec<HeldView>, Error> {
        let connection = match &query.connection {
            Some(name) => Some(self.find_connection(name).await?.id),
            None => None,
        };
        let filter = HeldFilter {
            connection,
            after: query.after,
            limit: query.limit,
            ..HeldFilter::default()
        };
        let held = self.parts.queue.held(filter).await?;
        let notes = self.connection_notes().await?;
        let view = |lane: HeldLane| {
            let connection = notes.get(&lane.connection);
            HeldView::of(lane, connection)
        };
        Ok(held.into_iter().map(view).collect())
    }

    /// Queues a contact's newest state for every connection of its source that takes it.
    pub async fn sync_contact(&self, source: &str, contact: &str) -> Result<Synced, Error> {
        let source = self.find_source(source).await?;
        let queued = self
            .parts
            .queue
            .sync_contact(source.id, contact, self.now())
            .await?;
        let Some(count) = queued else {
            return Err(Error::Absent(format!(
                "source `{}` has told nothing of a contact `{contact}` yet; it becomes known with its first event",
                source.name
            )));
        };
        let subject = format!("{}, contact {contact}", source.name);
        let detail = format!("deliveries queued: {count}");
        self.record("contact.sync", &subject, detail).await;
        Ok(Synced { count })
    }

    async fn answer(
        &self,
        id: &str,
        asked: Asked,
        refused: fn(&Delivery) -> Error,
    ) -> Result<DeliveryView, Error> {
        match asked {
            Asked::Done(delivery) => {
                let note = self.connection_note(&delivery).await?;
                let holds = self.holds(std::slice::from_ref(&delivery)).await?;
                let held = holds.of(&delivery, note.as_ref());
                Ok(DeliveryView::of(delivery, note.as_ref(), held))
            }
            Asked::Refused(delivery) => Err(refused(&delivery)),
            Asked::Unknown => Err(Error::no_id("delivery", id)),
        }
    }
}

/// Whose a delivery is, for the audit log.
fn lane_of(delivery: &DeliveryView) -> String {
    format!("{}, contact {}", delivery.connection, delivery.lane)
}

pub(super) fn delivery_id(id: &str) -> Result<DeliveryId, Error> {
    id.parse().map_err(|_| Error::no_id("delivery", id))
}

fn refused_retry(delivery: &Delivery) -> Error {
    let Delivery {
        id, state, lane, ..
    } = delivery;
    match state {
        DeliveryState::Running => running(*id),
        DeliveryState::Superseded => Error::Conflict {
            code: "delivery-superseded",
            message: format!(
                "delivery `{id}` carries an old state that a newer delivery replaced; retry that one: \
                 `gladhand delivery list --contact {lane}` shows it"
            ),
        },
        state => Error::Conflict {
            code: "delivery-not-retried",
            message: format!("delivery `{id}` is {state} and cannot be queued again"),
        },
    }
}

fn refused_skip(delivery: &Delivery) -> Error {
    let Delivery { id, state, .. } = delivery;
    match state {
        DeliveryState::Running => running(*id),
        state => Error::Conflict {
            code: "delivery-settled",
            message: format!("delivery `{id}` is {state} already; there is nothing left to skip"),
        },
    }
}

fn running(id: DeliveryId) -> Error {
    Error::Conflict {
        code: "delivery-running",
        message: format!(
            "delivery `{id}` runs at this moment; wait until it has settled and look at it again: \
             `gladhand delivery show {id}`"
        ),
    }
}
