//! Whether lanes are held, looked up for the deliveries or the contact that somebody asks about.

use std::collections::{BTreeMap, BTreeSet};

use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::ids::ConnectionId;
use gladhand_store::queue::{HeldFilter, HeldLane};

use super::pauses::ConnectionNote;
use super::queue::HeldView;
use super::{Admin, Error};

/// Lanes that are held.
pub(super) struct Holds(Vec<HeldLane>);

impl Admin {
    /// Those lanes of these deliveries that are held.
    pub(super) async fn holds(&self, deliveries: &[Delivery]) -> Result<Holds, Error> {
        let mut lanes: BTreeMap<ConnectionId, BTreeSet<&str>> = BTreeMap::new();
        for delivery in deliveries {
            if delivery.state.waits() || delivery.state == DeliveryState::Dead {
                let contacts = lanes.entry(delivery.connection).or_default();
                contacts.insert(&delivery.lane);
            }
        }
        let mut held = Vec::new();
        for (connection, contacts) in lanes {
            let filter = HeldFilter {
                connection: Some(connection),
                limit: u32::try_from(contacts.len()).unwrap_or(u32::MAX),
                contacts: contacts.into_iter().map(str::to_owned).collect(),
                after: None,
            };
            held.extend(self.parts.queue.held(filter).await?);
        }
        Ok(Holds(held))
    }

    /// Whether the lane of a contact is held.
    pub(super) async fn is_held(
        &self,
        connection: ConnectionId,
        contact: &str,
    ) -> Result<bool, Error> {
        let filter = HeldFilter {
            connection: Some(connection),
            contacts: vec![contact.to_owned()],
            limit: 1,
            ..HeldFilter::default()
        };
        Ok(!self.parts.queue.held(filter).await?.is_empty())
    }
}

impl Holds {
    /// What holds this delivery back, or is held by it where it is dead.
    pub(super) fn of(
        &self,
        delivery: &Delivery,
        connection: Option<&ConnectionNote>,
    ) -> Option<HeldView> {
        let mut lanes = self.0.iter();
        let lane = lanes
            .find(|lane| lane.connection == delivery.connection && lane.contact == delivery.lane)?;
        let is_about_it = delivery.state.waits() || lane.holder == Some(delivery.id);
        is_about_it.then(|| HeldView::of(lane.clone(), connection))
    }
}
