//! Taking events in: dedupe, plan and store a whole batch with a handful of statements.

mod known;

mod queued;

pub(super) use self::queued::put;

use async_trait::async_trait;
use gladhand_core::ids::EventId;
use gladhand_core::intake::IncomingEvent;

use super::database::Connection;
use super::guard;
use super::keys::{DataKeys, KeyOwner};
use super::rows::to_json;
use super::statement::{Script, Statement};
use super::value::Type::{Bytes, Id, Integer, Text};
use super::writer::Operation;
use super::{Shared, Store};
use crate::crypter::Cell;
use crate::intake::{Intake, Taken};
use crate::planned::{self, Planned, StoredEntity};
use crate::{Error, packed};

/// An event on its way to the writer.
pub(super) struct Take {
    event: IncomingEvent,
    /// Its body, packed.
    body: Vec<u8>,
}

#[async_trait]
impl Intake for Store {
    async fn take(&self, event: IncomingEvent) -> Result<Taken, Error> {
        let body = packed::bytes(&event.body);
        self.intake.ask(Operation::Take, Take { event, body }).await
    }
}

pub(super) async fn run(
    connection: &mut Connection,
    shared: &Shared,
    takes: &[&Take],
) -> Result<Vec<Result<Taken, Error>>, Error> {
    if takes.is_empty() {
        return Ok(Vec::new());
    }
    let events: Vec<&IncomingEvent> = takes.iter().map(|take| &take.event).collect();
    let entities = events
        .iter()
        .flat_map(|event| [event.contact_key(), event.conversation_key()])
        .flatten();
    guard::entities(connection, entities.map(|key| (key.kind, key.id))).await?;
    let known = known::find(connection, &events).await?;
    let planned = planned::plan(&events, known, &*shared.planner);
    if !planned.events.is_empty() {
        store(connection, shared, takes, &planned).await?;
    }
    Ok(planned.taken.into_iter().map(Ok).collect())
}

async fn store(
    connection: &mut Connection,
    shared: &Shared,
    takes: &[&Take],
    planned: &Planned<'_>,
) -> Result<(), Error> {
    let now = shared.clock.now();
    let owners = planned.events.iter().map(|(_, event)| owner(event));
    let mut script = Script::default();
    let keys = shared.keys.ensure(&mut script, connection, owners).await?;
    let ready_at = now.after(shared.hold);
    queued::put(
        &mut script,
        connection,
        shared,
        &planned.deliveries,
        ready_at,
    )
    .await?;
    insert_events(&mut script, &keys, takes, planned);
    upsert_entities(&mut script, &planned.entities);
    queued::mark_revived(&mut script, &planned.revived, ready_at);
    script.run(connection).await?;
    Ok(())
}

/// Whose key seals the event's body.
fn owner(event: &IncomingEvent) -> KeyOwner {
    KeyOwner {
        source: event.source,
        contact: event.contact_key().map(|key| key.id).unwrap_or_default(),
    }
}

static INSERT_EVENTS: Statement = Statement::new(
    &[Id, Id, Text, Text, Text, Text, Integer, Bytes],
    "INSERT INTO events (id, source, contact, name, delivery_key, semantic_key, received_at, body) \
     SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL",
);

fn insert_events(script: &mut Script, keys: &DataKeys, takes: &[&Take], planned: &Planned<'_>) {
    script.add(&INSERT_EVENTS, &planned.events, |values, (place, event)| {
        let owner = owner(event);
        let id = event.id.uuid();
        let body = keys.seal(&owner, body_cell(id.as_bytes()), &takes[*place].body);
        values
            .put(id)
            .put(event.source.uuid())
            .put(owner.contact)
            .put(event.name.as_str())
            .put(event.delivery_key.as_deref())
            .put(event.semantic_key.as_deref())
            .put(event.received_at.0)
            .put(body);
    });
}

/// Where an event's body stands.
pub(super) fn body_cell(event: &[u8; 16]) -> Cell<'_> {
    Cell {
        table: "events",
        row: event,
        column: "body",
    }
}

static UPSERT_ENTITIES: Statement = Statement::new(
    &[
        Id, Text, Text, Integer, Id, Text, Integer, Text, Text, Text, Id,
    ],
    "INSERT INTO entities (source, kind, id, version, newest_event, status, first_reply_at, inboxes, contact, \
     identities, identified_event) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL \
     ON CONFLICT (source, kind, id) DO UPDATE SET version = excluded.version, \
     newest_event = excluded.newest_event, status = excluded.status, first_reply_at = excluded.first_reply_at, \
     inboxes = excluded.inboxes, contact = excluded.contact, identities = excluded.identities, \
     identified_event = excluded.identified_event",
);

fn upsert_entities(script: &mut Script, entities: &[StoredEntity]) {
    script.add(
        &UPSERT_ENTITIES,
        entities,
        |values,
         StoredEntity {
             row,
             identified_event,
         }| {
            values
                .put(row.key.source.uuid())
                .put(row.key.kind.as_str())
                .put(row.key.id.as_str())
                .put(row.version)
                .put(row.newest_event.map(EventId::uuid))
                .put(row.status.as_deref())
                .put(row.first_reply_at.map(|at| at.0))
                .put(to_json(&row.inboxes))
                .put(row.contact.as_deref())
                .put(to_json(&row.identities))
                .put(identified_event.map(EventId::uuid));
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&INSERT_EVENTS, &UPSERT_ENTITIES];
        super::super::statement::check_plans(&statements).await;
    }
}
