//! Which deliveries an event becomes: one per kind for every connection of its source, each with its reason.
//!
//! Pure, and called inside the intake's transaction with the rows of the event's contact and conversation.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use gladhand_core::connection::Connection;
use gladhand_core::delivery::NewDelivery;
use gladhand_core::entity::{self, Advance, EntityKind, Rows};
use gladhand_core::event::EventKind;
use gladhand_core::ids::{DeliveryId, Ids, SourceId};
use gladhand_core::intake::{IncomingEvent, Plan, Planner, Reading, Snapshot};
use gladhand_core::lane::Priority;
use gladhand_core::outcome::SkipCode;

/// A connection as routing needs it.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its filters.
    pub connection: Arc<Connection>,
    /// The kinds that its connector handles; `None` while no version of it is known: then nothing is filtered.
    pub events: Option<Vec<EventKind>>,
}

/// The routes of every source, replaced as a whole when the configuration changes.
pub struct Router {
    ids: Arc<dyn Ids>,
    routes: ArcSwap<HashMap<SourceId, Vec<Route>>>,
}

impl Router {
    /// A router that knows no connection yet.
    pub fn new(ids: Arc<dyn Ids>) -> Self {
        Self {
            ids,
            routes: ArcSwap::default(),
        }
    }

    /// Replaces all routes.
    pub fn replace(&self, routes: HashMap<SourceId, Vec<Route>>) {
        self.routes.store(Arc::new(routes));
    }
}

impl Planner for Router {
    fn plan(&self, event: &IncomingEvent, rows: &mut Rows) -> Plan {
        let routes = self.routes.load();
        let routes = routes
            .get(&event.source)
            .map(Vec::as_slice)
            .unwrap_or_default();
        match &event.reading {
            Reading::Unreadable { reason } => {
                self.skip_all(event, routes, "", SkipCode::Unreadable, reason)
            }
            Reading::Ignored {
                code,
                reason,
                contact,
            } => self.skip_all(
                event,
                routes,
                contact.as_deref().unwrap_or_default(),
                *code,
                reason,
            ),
            Reading::Snapshot(snapshot) => {
                let advance = entity::advance(event.source, event.id, snapshot, rows);
                self.deliver(event, snapshot, &advance, rows, routes)
            }
        }
    }
}

impl Router {
    fn skip_all(
        &self,
        event: &IncomingEvent,
        routes: &[Route],
        contact: &str,
        code: SkipCode,
        reason: &str,
    ) -> Plan {
        let deliveries = routes
            .iter()
            .map(|route| NewDelivery {
                id: DeliveryId::new(&*self.ids),
                event: event.id,
                connection: route.connection.id,
                contact: contact.to_owned(),
                entity: None,
                kind: None,
                occurred_at_us: event.received_at.0.saturating_mul(1_000),
                priority: Priority::Live,
                skipped: Some((code, reason.to_owned())),
            })
            .collect();
        Plan {
            deliveries,
            revive_contact: false,
        }
    }

    fn deliver(
        &self,
        event: &IncomingEvent,
        snapshot: &Snapshot,
        advance: &Advance,
        rows: &Rows,
        routes: &[Route],
    ) -> Plan {
        let contact = lane_contact(snapshot, rows);
        if advance.kinds.is_empty() {
            let reason = if advance.is_stale {
                "a newer state of the same record came in before this one"
            } else {
                "says nothing that an earlier event did not say"
            };
            return self.skip_all(event, routes, contact, SkipCode::Stale, reason);
        }
        let deliveries = routes
            .iter()
            .flat_map(|route| advance.kinds.iter().map(move |kind| (route, *kind)))
            .map(|(route, kind)| NewDelivery {
                id: DeliveryId::new(&*self.ids),
                event: event.id,
                connection: route.connection.id,
                contact: contact.to_owned(),
                entity: entity_of(snapshot, contact, kind),
                kind: Some(kind),
                occurred_at_us: occurred_at_us(event, snapshot, kind),
                priority: Priority::Live,
                skipped: reason_to_skip(route, snapshot, rows, kind),
            })
            .collect();
        Plan {
            deliveries,
            revive_contact: advance.gained_identity,
        }
    }
}

/// The contact whose lane an event rides in; a conversation that names none rides in its known contact's.
fn lane_contact<'a>(snapshot: &'a Snapshot, rows: &'a Rows) -> &'a str {
    let named = snapshot.contact.as_ref().map(|contact| contact.id.as_str());
    let known = rows
        .conversation
        .as_ref()
        .and_then(|row| row.contact.as_deref());
    named.or(known).unwrap_or_default()
}

/// The entity whose state a delivery carries.
fn entity_of(snapshot: &Snapshot, contact: &str, kind: EventKind) -> Option<(EntityKind, String)> {
    if kind == EventKind::ContactChanged {
        return Some((EntityKind::Contact, contact.to_owned()));
    }
    snapshot
        .conversation
        .as_ref()
        .map(|conversation| (EntityKind::Conversation, conversation.id.clone()))
}

/// When it happened, on the source's clock where it says so (design/4-semantics.md, "Lanes").
fn occurred_at_us(event: &IncomingEvent, snapshot: &Snapshot, kind: EventKind) -> i64 {
    let arrival = event.received_at.0.saturating_mul(1_000);
    let conversation = snapshot.conversation.as_ref();
    match kind {
        EventKind::ContactChanged => snapshot.version.unwrap_or(arrival),
        EventKind::ConversationOpened => conversation.map_or(arrival, |conversation| {
            conversation.created_at.0.saturating_mul(1_000)
        }),
        EventKind::ConversationChanged
        | EventKind::ConversationFirstResponse
        | EventKind::ConversationResolved
        | EventKind::ConversationReopened => snapshot.conversation_version.unwrap_or(arrival),
        EventKind::MessageCreated | EventKind::MessageChanged => {
            snapshot.messages.first().map_or(arrival, |message| {
                message.created_at.0.saturating_mul(1_000)
            })
        }
    }
}

fn reason_to_skip(
    route: &Route,
    snapshot: &Snapshot,
    rows: &Rows,
    kind: EventKind,
) -> Option<(SkipCode, String)> {
    let connection = &route.connection;
    let is_taken = match &snapshot.conversation {
        Some(conversation) => connection.takes_inbox(Some(&conversation.inbox_id)),
        None => connection.takes_contact(rows.contact.iter().flat_map(|row| &row.inboxes)),
    };
    if !is_taken {
        let reason = match &snapshot.conversation {
            Some(conversation) => format!(
                "inbox {} is not one of `{}`'s",
                conversation.inbox_id, connection.name
            ),
            None => format!(
                "the contact was not seen in an inbox of `{}`",
                connection.name
            ),
        };
        return Some((SkipCode::FilteredInbox, reason));
    }
    let handles = route
        .events
        .as_ref()
        .is_none_or(|events| events.contains(&kind));
    (!handles).then(|| {
        let connector = connection.connector_name();
        (
            SkipCode::UnsupportedEvent,
            format!(
                "the {connector} connector does nothing with {}",
                kind.as_str()
            ),
        )
    })
}
