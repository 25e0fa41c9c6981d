//! A batch of events on its way into the store, planned in memory before a row is written.
//!
//! Events of one batch are planned one after the other over shared rows, so that two about the same contact see each
//! other. Pure: the database's part is to say what it knows and to store what comes out.

use std::collections::{BTreeSet, HashMap, HashSet};

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::NewDelivery;
use gladhand_core::entity::{EntityKey, EntityRow, Rows};
use gladhand_core::event::EventKind;
use gladhand_core::ids::{EventId, SourceId};
use gladhand_core::intake::{IncomingEvent, Planner, Reading};
use gladhand_core::outcome::SkipCode;

use crate::intake::Taken;

/// A key that names an event: the source's delivery, or what happened.
pub(crate) type EventKey = (SourceId, String);

/// What the database knows that the batch must not repeat or forget.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) delivery_keys: HashSet<EventKey>,
    pub(crate) semantic_keys: HashSet<EventKey>,
    pub(crate) entities: HashMap<EntityKey, StoredEntity>,
}

/// A row of `entities`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredEntity {
    pub(crate) row: EntityRow,
    /// The event that brought a contact its first identity.
    pub(crate) identified_event: Option<EventId>,
}

/// What is to be stored.
#[derive(Debug, Default)]
pub(crate) struct Planned<'e> {
    /// What became of each event, in the order given.
    pub(crate) taken: Vec<Taken>,
    /// The new ones, by their place in the batch.
    pub(crate) events: Vec<(usize, &'e IncomingEvent)>,
    pub(crate) deliveries: Vec<PlannedDelivery>,
    /// Rows that differ from what was known.
    pub(crate) entities: Vec<StoredEntity>,
    /// Contacts whose skipped deliveries are to come back.
    pub(crate) revived: Vec<(SourceId, String)>,
}

/// A delivery with what its row takes from its event.
#[derive(Debug)]
pub(crate) struct PlannedDelivery {
    /// When its event came in, or an operator asked for it.
    pub(crate) received_at: Timestamp,
    pub(crate) delivery: NewDelivery,
    /// The contact in the event has nothing to be found by: another event must say who it is.
    pub(crate) lacks_identity: bool,
}

/// Plans a batch, in order.
pub(crate) fn plan<'e>(
    events: &[&'e IncomingEvent],
    mut known: Known,
    planner: &dyn Planner,
) -> Planned<'e> {
    let mut outcome = Planned::default();
    let mut touched = BTreeSet::new();
    for (place, event) in events.iter().copied().enumerate() {
        if !known.note(event) {
            outcome.taken.push(Taken::Duplicate);
            continue;
        }
        outcome.taken.push(Taken::Stored);
        outcome.events.push((place, event));

        let before = known.rows(event);
        let mut rows = before.clone();
        let plan = planner.plan(event, &mut rows);
        if let Some(contact) = plan.revive_contact.then(|| event.contact_key()).flatten() {
            outcome.revived.push((contact.source, contact.id));
        }
        for (before, after) in [
            (before.contact, rows.contact),
            (before.conversation, rows.conversation),
        ] {
            if let Some(key) = known.move_row(event.id, before.as_ref(), after) {
                touched.insert(key);
            }
        }
        let deliveries = plan.deliveries.into_iter().map(|delivery| PlannedDelivery {
            lacks_identity: lacks_identity(event, &delivery),
            delivery: settled_if_nothing_to_hand_over(delivery),
            received_at: event.received_at,
        });
        outcome.deliveries.extend(deliveries);
    }
    outcome.entities = touched
        .iter()
        .filter_map(|key| known.entities.remove(key))
        .collect();
    outcome
}

impl Known {
    /// Notes the event's names; false where one of them is known already.
    fn note(&mut self, event: &IncomingEvent) -> bool {
        let named = |key: &Option<String>| key.clone().map(|key| (event.source, key));
        let (delivery, semantic) = (named(&event.delivery_key), named(&event.semantic_key));
        let is_known = delivery
            .as_ref()
            .is_some_and(|key| self.delivery_keys.contains(key))
            || semantic
                .as_ref()
                .is_some_and(|key| self.semantic_keys.contains(key));
        if is_known {
            return false;
        }
        self.delivery_keys.extend(delivery);
        self.semantic_keys.extend(semantic);
        true
    }

    fn rows(&self, event: &IncomingEvent) -> Rows {
        let row = |key: Option<EntityKey>| Some(self.entities.get(&key?)?.row.clone());
        Rows {
            contact: row(event.contact_key()),
            conversation: row(event.conversation_key()),
        }
    }

    /// Puts a row where the next event sees it; its key where it changed.
    fn move_row(
        &mut self,
        event: EventId,
        before: Option<&EntityRow>,
        after: Option<EntityRow>,
    ) -> Option<EntityKey> {
        let row = after.filter(|after| before != Some(after))?;
        let key = row.key.clone();
        let gained =
            !row.identities.is_empty() && before.is_none_or(|before| before.identities.is_empty());
        let known = self
            .entities
            .get(&key)
            .and_then(|entity| entity.identified_event);
        let identified_event = if gained { Some(event) } else { known };
        self.entities.insert(
            key.clone(),
            StoredEntity {
                row,
                identified_event,
            },
        );
        Some(key)
    }
}

fn lacks_identity(event: &IncomingEvent, delivery: &NewDelivery) -> bool {
    let Reading::Snapshot(snapshot) = &event.reading else {
        return false;
    };
    delivery.kind != Some(EventKind::ContactChanged)
        && snapshot
            .contact
            .as_ref()
            .is_some_and(|contact| contact.identities().is_empty())
}

/// A delivery of no kind could never be handed over and would hold its lane for ever.
fn settled_if_nothing_to_hand_over(mut delivery: NewDelivery) -> NewDelivery {
    if delivery.kind.is_none() && delivery.skipped.is_none() {
        let reason = "the event is nothing that a connector is handed".to_owned();
        delivery.skipped = Some((SkipCode::UnsupportedEvent, reason));
    }
    delivery
}
