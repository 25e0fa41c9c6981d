//! What the database knows of a batch of events: which it has, and what it knows of their contacts and conversations.

use std::collections::{BTreeSet, HashMap};

use gladhand_core::entity::{EntityKey, EntityKind, EntityRow};
use gladhand_core::ids::{EventId, SourceId};
use gladhand_core::intake::IncomingEvent;

use super::super::database::{Connection, Row};
use super::super::rows;
use super::super::statement::{Statement, nothing};
use super::super::value::Type::{Id, Text};
use crate::Error;
use crate::planned::{Known, StoredEntity};

/// Reads it, in the transaction that stores the batch.
pub(super) async fn find(
    connection: &mut Connection,
    events: &[&IncomingEvent],
) -> Result<Known, Error> {
    let mut known = Known {
        entities: entities(connection, events).await?,
        ..Known::default()
    };
    add_keys(connection, events, &mut known).await?;
    Ok(known)
}

static KEYS: Statement = Statement::new(
    &[Id, Text, Text],
    "WITH given(source, delivery_key, semantic_key) AS ({rows}) \
     SELECT given.source, delivered.delivery_key, same.semantic_key FROM given \
     LEFT JOIN events AS delivered \
          ON delivered.source = given.source AND delivered.delivery_key = given.delivery_key \
     LEFT JOIN events AS same ON same.source = given.source AND same.semantic_key = given.semantic_key \
     WHERE delivered.id IS NOT NULL OR same.id IS NOT NULL",
);

/// Adds those keys of the events that are taken.
async fn add_keys(
    connection: &mut Connection,
    events: &[&IncomingEvent],
    known: &mut Known,
) -> Result<(), Error> {
    let found = KEYS
        .fetch(
            connection,
            events,
            |values, event| {
                values
                    .put(event.source.uuid())
                    .put(event.delivery_key.as_deref())
                    .put(event.semantic_key.as_deref());
            },
            nothing,
        )
        .await?;
    for row in found {
        let source = SourceId::from_uuid(row.try_get("source")?);
        if let Some(key) = row.try_get("delivery_key")? {
            known.delivery_keys.insert((source, key));
        }
        if let Some(key) = row.try_get("semantic_key")? {
            known.semantic_keys.insert((source, key));
        }
    }
    Ok(())
}

static ENTITIES: Statement = Statement::new(
    &[Id, Text, Text],
    "WITH given(source, kind, id) AS ({rows}) \
     SELECT entities.* FROM given \
     JOIN entities ON entities.source = given.source AND entities.kind = given.kind AND entities.id = given.id",
);

async fn entities(
    connection: &mut Connection,
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

fn entity(row: &Row) -> Result<StoredEntity, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&KEYS, &ENTITIES];
        super::super::super::statement::check_plans(&statements).await;
    }
}
