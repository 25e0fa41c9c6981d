//! A planner with just enough rules to tell whether the store keeps its side: what is known of a contact and of a
//! conversation decides what their next event becomes. Events are new or old by their version.

use std::sync::{Arc, Mutex};

use gladhand_core::delivery::NewDelivery;
use gladhand_core::entity::{EntityKey, EntityRow, Rows};
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, Ids};
use gladhand_core::intake::{IncomingEvent, Plan, Planner, Reading, Snapshot, Subject};
use gladhand_core::lane::Priority;

/// Delivers every kind that an event means to every connection.
pub struct TestPlanner {
    ids: Arc<dyn Ids>,
    connections: Mutex<Vec<ConnectionId>>,
}

impl TestPlanner {
    pub fn new(ids: Arc<dyn Ids>) -> Self {
        Self {
            ids,
            connections: Mutex::default(),
        }
    }

    pub fn add(&self, connection: ConnectionId) {
        self.connections
            .lock()
            .expect("no test panics holding it")
            .push(connection);
    }

    pub fn forget(&self, connection: ConnectionId) {
        self.connections
            .lock()
            .expect("no test panics holding it")
            .retain(|known| *known != connection);
    }

    pub fn connections(&self) -> Vec<ConnectionId> {
        self.connections
            .lock()
            .expect("no test panics holding it")
            .clone()
    }

    fn delivery(&self, event: &IncomingEvent, connection: ConnectionId) -> NewDelivery {
        NewDelivery {
            id: DeliveryId::new(&*self.ids),
            event: event.id,
            connection,
            contact: event.contact_key().map(|key| key.id).unwrap_or_default(),
            entity: None,
            kind: None,
            occurred_at_us: event.received_at.0 * 1_000,
            priority: match event.name.as_str() {
                "bulk" => Priority::Bulk,
                _ => Priority::Live,
            },
            skipped: None,
        }
    }
}

impl Planner for TestPlanner {
    fn plan(&self, event: &IncomingEvent, rows: &mut Rows) -> Plan {
        let mut plan = Plan::default();
        match &event.reading {
            Reading::Unreadable { .. } => {}
            Reading::Ignored { code, reason, .. } => {
                plan.deliveries
                    .extend(
                        self.connections()
                            .into_iter()
                            .map(|connection| NewDelivery {
                                skipped: Some((*code, reason.clone())),
                                ..self.delivery(event, connection)
                            }),
                    );
            }
            Reading::Snapshot(snapshot) => {
                plan.revive_contact = note_contact(event, snapshot, rows);
                let (kinds, entity) = kinds(event, snapshot, rows);
                let occurred_at = snapshot.occurred_at.unwrap_or(event.received_at);
                for connection in self.connections() {
                    plan.deliveries.extend(kinds.iter().map(|kind| NewDelivery {
                        kind: Some(*kind),
                        entity: entity.as_ref().map(|key| (key.kind, key.id.clone())),
                        occurred_at_us: occurred_at.0 * 1_000,
                        ..self.delivery(event, connection)
                    }));
                }
            }
        }
        plan
    }
}

/// Whether the contact can be found from now on and could not before.
fn note_contact(event: &IncomingEvent, snapshot: &Snapshot, rows: &mut Rows) -> bool {
    let (Some(key), Some(contact)) = (event.contact_key(), &snapshot.contact) else {
        return false;
    };
    let row = rows.contact.get_or_insert_with(|| EntityRow::new(key));
    if snapshot.subject == Subject::Contact {
        row.version = snapshot.version;
        row.newest_event = Some(event.id);
    }
    let gained = row.identities.is_empty() && !contact.identities().is_empty();
    row.identities = contact.identities();
    gained
}

/// What the event is delivered as, and whose state that is.
fn kinds(
    event: &IncomingEvent,
    snapshot: &Snapshot,
    rows: &mut Rows,
) -> (Vec<EventKind>, Option<EntityKey>) {
    let mut kinds = Vec::new();
    if snapshot.subject == Subject::Contact {
        return (vec![EventKind::ContactChanged], event.contact_key());
    }
    let (Some(key), Some(conversation)) = (event.conversation_key(), &snapshot.conversation) else {
        return (kinds, None);
    };
    let row = rows.conversation.get_or_insert_with(|| {
        kinds.push(EventKind::ConversationOpened);
        EntityRow::new(key.clone())
    });
    let was_resolved = row.status.as_deref() == Some("resolved");
    row.status = Some(conversation.status.clone());
    row.newest_event = Some(event.id);
    if conversation.status == "resolved" && !was_resolved {
        kinds.push(EventKind::ConversationResolved);
    }
    match snapshot.subject {
        Subject::Message { .. } => kinds.push(EventKind::MessageCreated),
        _ if kinds.is_empty() => kinds.push(EventKind::ConversationChanged),
        _ => {}
    }
    (kinds, Some(key))
}
