//! Taking events in: dedupe, plan and store a whole batch with a handful of statements.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::entity::{EntityKey, EntityKind, EntityRow};
use gladhand_core::ids::{ConnectionId, EventId, SourceId};
use gladhand_core::intake::IncomingEvent;
use gladhand_core::outcome::Outcome;
use sqlx::{Row, SqliteConnection};

use super::keys::{DataKeys, KeyOwner};
use super::rows::{self, to_json};
use super::statement::{Statement, nothing};
use super::writer::Operation;
use super::{Shared, SqliteStore};
use crate::crypter::Cell;
use crate::intake::{Intake, Taken};
use crate::planned::{self, EventKey, Known, Planned, PlannedDelivery, StoredEntity};
use crate::{Error, packed};

/// An event on its way to the writer.
pub(super) struct Take {
    event: IncomingEvent,
    /// Its body, packed.
    body: Vec<u8>,
}

#[async_trait]
impl Intake for SqliteStore {
    async fn take(&self, event: IncomingEvent) -> Result<Taken, Error> {
        let body = packed::bytes(&event.body);
        self.writer.ask(Operation::Take, Take { event, body }).await
    }
}

pub(super) async fn run(
    connection: &mut SqliteConnection,
    shared: &Shared,
    takes: &[&Take],
) -> Result<Vec<Result<Taken, Error>>, Error> {
    if takes.is_empty() {
        return Ok(Vec::new());
    }
    let events: Vec<&IncomingEvent> = takes.iter().map(|take| &take.event).collect();
    let known = Known {
        delivery_keys: known_keys(connection, &KNOWN_DELIVERY_KEYS, &events, |event| {
            &event.delivery_key
        })
        .await?,
        semantic_keys: known_keys(connection, &KNOWN_SEMANTIC_KEYS, &events, |event| {
            &event.semantic_key
        })
        .await?,
        entities: entities(connection, &events).await?,
    };
    let planned = planned::plan(&events, known, &*shared.planner);
    if !planned.events.is_empty() {
        store(connection, shared, takes, &planned).await?;
    }
    Ok(planned.taken.into_iter().map(Ok).collect())
}

static KNOWN_DELIVERY_KEYS: Statement = Statement::new(
    "WITH given(source, key) AS (VALUES ",
    2,
    ") SELECT given.source, given.key FROM given \
     JOIN events ON events.source = given.source AND events.delivery_key = given.key",
);

static KNOWN_SEMANTIC_KEYS: Statement = Statement::new(
    "WITH given(source, key) AS (VALUES ",
    2,
    ") SELECT given.source, given.key FROM given \
     JOIN events ON events.source = given.source AND events.semantic_key = given.key",
);

async fn known_keys(
    connection: &mut SqliteConnection,
    statement: &Statement,
    events: &[&IncomingEvent],
    key: impl Fn(&IncomingEvent) -> &Option<String>,
) -> Result<HashSet<EventKey>, Error> {
    let given: Vec<(SourceId, &str)> = events
        .iter()
        .filter_map(|event| Some((event.source, key(event).as_deref()?)))
        .collect();
    let found = statement
        .fetch(
            connection,
            &given,
            |values, (source, key)| {
                values.put(source.uuid()).put(*key);
            },
            nothing,
        )
        .await?;
    found
        .iter()
        .map(|row| {
            Ok((
                SourceId::from_uuid(row.try_get("source")?),
                row.try_get("key")?,
            ))
        })
        .collect()
}

static ENTITIES: Statement = Statement::new(
    "WITH given(source, kind, id) AS (VALUES ",
    3,
    ") SELECT entities.* FROM given \
     JOIN entities ON entities.source = given.source AND entities.kind = given.kind AND entities.id = given.id",
);

async fn entities(
    connection: &mut SqliteConnection,
    events: &[&IncomingEvent],
) -> Result<HashMap<EntityKey, StoredEntity>, Error> {
    let keys: BTreeSet<EntityKey> = events
        .iter()
        .flat_map(|event| [event.contact_key(), event.conversation_key()])
        .flatten()
        .collect();
    let keys: Vec<EntityKey> = keys.into_iter().collect();
    let found = ENTITIES
        .fetch(
            connection,
            &keys,
            |values, key| {
                values
                    .put(key.source.uuid())
                    .put(key.kind.as_str())
                    .put(key.id.as_str());
            },
            nothing,
        )
        .await?;
    found
        .iter()
        .map(|row| {
            let entity = entity(row)?;
            Ok((entity.row.key.clone(), entity))
        })
        .collect()
}

fn entity(row: &sqlx::sqlite::SqliteRow) -> Result<StoredEntity, Error> {
    let id: String = row.try_get("id")?;
    let cell = |column| rows::Cell {
        table: "entities",
        column,
        row: id.clone(),
    };
    let kind = |word: &str| {
        [EntityKind::Contact, EntityKind::Conversation]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    };
    Ok(StoredEntity {
        row: EntityRow {
            key: EntityKey {
                source: SourceId::from_uuid(row.try_get("source")?),
                kind: rows::word(row, kind, || cell("kind"))?,
                id: id.clone(),
            },
            version: row.try_get("version")?,
            newest_event: rows::uuid_if_any(row, "newest_event", EventId::from_uuid)?,
            status: row.try_get("status")?,
            first_reply_at: rows::time_if_any(row, "first_reply_at")?,
            inboxes: rows::json(row, || cell("inboxes"))?,
            contact: row.try_get("contact")?,
            identities: rows::json(row, || cell("identities"))?,
        },
        identified_event: rows::uuid_if_any(row, "identified_event", EventId::from_uuid)?,
    })
}

async fn store(
    connection: &mut SqliteConnection,
    shared: &Shared,
    takes: &[&Take],
    planned: &Planned<'_>,
) -> Result<(), Error> {
    let now = shared.clock.now();
    let owners = planned.events.iter().map(|(_, event)| owner(event));
    let keys = shared.keys.ensure(connection, owners).await?;
    let ready_at = now.after(shared.hold);

    let numbered: Vec<(i64, &PlannedDelivery<'_>)> = planned
        .deliveries
        .iter()
        .map(|delivery| (shared.next_sequence(), delivery))
        .collect();
    let turns = put_into_lanes(connection, &numbered, ready_at).await?;
    insert_events(connection, &keys, takes, planned).await?;
    insert_deliveries(connection, &numbered, &turns, now).await?;
    upsert_entities(connection, &planned.entities).await?;
    mark_revived(connection, &planned.revived, ready_at).await
}

/// Whose key seals the event's body.
fn owner(event: &IncomingEvent) -> KeyOwner {
    KeyOwner {
        source: event.source,
        contact: event.contact_key().map(|key| key.id).unwrap_or_default(),
    }
}

static INSERT_EVENTS: Statement = Statement::new(
    "INSERT INTO events (id, source, contact, name, delivery_key, semantic_key, received_at, body) VALUES ",
    8,
    "",
);

async fn insert_events(
    connection: &mut SqliteConnection,
    keys: &DataKeys,
    takes: &[&Take],
    planned: &Planned<'_>,
) -> Result<(), Error> {
    INSERT_EVENTS
        .execute(
            connection,
            &planned.events,
            |values, (place, event)| {
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
            },
            nothing,
        )
        .await?;
    Ok(())
}

/// Where an event's body stands.
pub(super) fn body_cell(event: &[u8; 16]) -> Cell<'_> {
    Cell {
        table: "events",
        row: event,
        column: "body",
    }
}

static PUT_INTO_LANES: Statement = Statement::new(
    "INSERT INTO lanes (connection, contact, ready_at, last_sequence) VALUES ",
    4,
    " ON CONFLICT (connection, contact) DO UPDATE SET last_sequence = excluded.last_sequence \
     RETURNING connection, contact, turn",
);

/// Makes the lanes of the deliveries that are to run; which turn is on in each.
async fn put_into_lanes(
    connection: &mut SqliteConnection,
    numbered: &[(i64, &PlannedDelivery<'_>)],
    ready_at: Timestamp,
) -> Result<HashMap<(ConnectionId, String), i64>, Error> {
    let mut newest: HashMap<(ConnectionId, &str), i64> = HashMap::new();
    for (sequence, PlannedDelivery { delivery, .. }) in numbered {
        if delivery.skipped.is_none() {
            newest.insert((delivery.connection, &delivery.contact), *sequence);
        }
    }
    let mut lanes: Vec<_> = newest.into_iter().collect();
    lanes.sort_unstable();
    let returned = PUT_INTO_LANES
        .fetch(
            connection,
            &lanes,
            |values, ((connection, contact), sequence)| {
                values
                    .put(connection.uuid())
                    .put(*contact)
                    .put(ready_at.0)
                    .put(*sequence);
            },
            nothing,
        )
        .await?;
    returned
        .iter()
        .map(|row| {
            let lane = (
                ConnectionId::from_uuid(row.try_get("connection")?),
                row.try_get("contact")?,
            );
            Ok((lane, row.try_get("turn")?))
        })
        .collect()
}

static INSERT_DELIVERIES: Statement = Statement::new(
    "INSERT INTO deliveries (sequence, id, event, connection, contact, entity_kind, entity_id, kind, lacks_identity, \
     turn, occurred_at_us, received_at, queued_at, state, attempts, was_claimed, settled_at, code, outcome) VALUES ",
    19,
    "",
);

async fn insert_deliveries(
    connection: &mut SqliteConnection,
    numbered: &[(i64, &PlannedDelivery<'_>)],
    turns: &HashMap<(ConnectionId, String), i64>,
    now: Timestamp,
) -> Result<(), Error> {
    INSERT_DELIVERIES
        .execute(
            connection,
            numbered,
            |values,
             (
                sequence,
                PlannedDelivery {
                    event,
                    delivery,
                    lacks_identity,
                },
            )| {
                let lane = (delivery.connection, delivery.contact.clone());
                let (state, settled_at) = match delivery.skipped {
                    None => (DeliveryState::Pending, None),
                    Some(_) => (DeliveryState::Skipped, Some(now.0)),
                };
                let outcome = delivery
                    .skipped
                    .clone()
                    .map(|(code, reason)| Outcome::Skipped { code, reason });
                values
                    .put(*sequence)
                    .put(delivery.id.uuid())
                    .put(delivery.event.uuid())
                    .put(delivery.connection.uuid())
                    .put(delivery.contact.as_str())
                    .put(delivery.entity.as_ref().map(|(kind, _)| kind.as_str()))
                    .put(delivery.entity.as_ref().map(|(_, id)| id.as_str()))
                    .put(delivery.kind.map(gladhand_core::event::EventKind::as_str))
                    .put(*lacks_identity)
                    .put(turns.get(&lane).copied().unwrap_or(0))
                    .put(delivery.occurred_at_us)
                    .put(event.received_at.0)
                    .put(now.0)
                    .put(state.as_str())
                    .put(0)
                    .put(false)
                    .put(settled_at)
                    .put(delivery.skipped.as_ref().map(|(code, _)| code.as_str()))
                    .put(outcome.as_ref().map(to_json));
            },
            nothing,
        )
        .await?;
    Ok(())
}

static UPSERT_ENTITIES: Statement = Statement::new(
    "INSERT INTO entities (source, kind, id, version, newest_event, status, first_reply_at, inboxes, contact, \
     identities, identified_event) VALUES ",
    11,
    " ON CONFLICT (source, kind, id) DO UPDATE SET version = excluded.version, \
     newest_event = excluded.newest_event, status = excluded.status, first_reply_at = excluded.first_reply_at, \
     inboxes = excluded.inboxes, contact = excluded.contact, identities = excluded.identities, \
     identified_event = excluded.identified_event",
);

async fn upsert_entities(
    connection: &mut SqliteConnection,
    entities: &[StoredEntity],
) -> Result<(), Error> {
    UPSERT_ENTITIES
        .execute(
            connection,
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
            nothing,
        )
        .await?;
    Ok(())
}

/// A lane where the contact's deliveries were skipped is marked, and made if it is gone. What comes back gets the next
/// turn: behind everything that waits now, before everything that comes later and happened later.
static MARK_REVIVED: Statement = Statement::new(
    "WITH contact(source, id) AS (VALUES ",
    2,
    ") INSERT INTO lanes (connection, contact, ready_at, last_sequence, turn, revive_turn) \
     SELECT DISTINCT deliveries.connection, deliveries.contact, ?, 0, 1, 1 \
     FROM contact \
     JOIN deliveries ON deliveries.contact = contact.id AND deliveries.code = 'no-identity' \
               AND deliveries.kind <> 'contact.changed' \
     JOIN connections ON connections.id = deliveries.connection AND connections.source = contact.source \
     WHERE true \
     ON CONFLICT (connection, contact) DO UPDATE SET \
     turn = CASE WHEN lanes.revive_turn IS NULL THEN lanes.turn + 1 ELSE lanes.turn END, \
     revive_turn = COALESCE(lanes.revive_turn, lanes.turn + 1)",
);

async fn mark_revived(
    connection: &mut SqliteConnection,
    contacts: &[(SourceId, String)],
    ready_at: Timestamp,
) -> Result<(), Error> {
    MARK_REVIVED
        .execute(
            connection,
            contacts,
            |values, (source, contact)| {
                values.put(source.uuid()).put(contact.as_str());
            },
            |values| {
                values.put(ready_at.0);
            },
        )
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [
            &KNOWN_DELIVERY_KEYS,
            &KNOWN_SEMANTIC_KEYS,
            &ENTITIES,
            &INSERT_EVENTS,
            &PUT_INTO_LANES,
            &INSERT_DELIVERIES,
            &UPSERT_ENTITIES,
            &MARK_REVIVED,
        ];
        super::super::statement::check_plans(&statements).await;
    }
}
