//! What connections and sources had that were removed. Whoever removes one only says so.
//!
//! Nothing of it runs or settles any more, for that asks for the connection. What another host still put in while it did
//! not know of the removal is found by a later round.

use std::collections::HashSet;
use std::time::Duration;

use gladhand_core::clock::Timestamp;
use gladhand_core::ids::EventId;
use uuid::Uuid;

use super::super::database::{Connection, Row};
use super::super::leases::millis;
use super::super::query::Query;
use super::super::statement::Script;
use crate::Error;

/// So long after a removal no host puts anything in any more.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// What is found by whose it is. Of locks there are no more than run, so that the few are read without an index; a lane that
/// is gone held them no longer.
const OWNED: [&str; 7] = [
    "DELETE FROM lanes WHERE (connection, contact) IN (SELECT lanes.connection, lanes.contact FROM removals \
     JOIN lanes ON lanes.connection = removals.id LIMIT ?)",
    "DELETE FROM locks WHERE (account, key) IN (SELECT locks.account, locks.key FROM removals \
     JOIN locks ON locks.connection = removals.id LIMIT ?)",
    "DELETE FROM links WHERE (owner, entity_kind, entity_id, object) IN \
     (SELECT links.owner, links.entity_kind, links.entity_id, links.object FROM removals \
      JOIN links ON links.owner = removals.id LIMIT ?)",
    "DELETE FROM link_history WHERE id IN (SELECT link_history.id FROM removals \
     JOIN link_history ON link_history.owner = removals.id LIMIT ?)",
    "DELETE FROM cache WHERE (connection, state, key) IN (SELECT cache.connection, cache.state, cache.key \
     FROM removals JOIN cache ON cache.connection = removals.id LIMIT ?)",
    "DELETE FROM entities WHERE (source, kind, id) IN (SELECT entities.source, entities.kind, entities.id \
     FROM removals JOIN entities ON entities.source = removals.id LIMIT ?)",
    "DELETE FROM keys WHERE (source, contact) IN (SELECT keys.source, keys.contact FROM removals \
     JOIN keys ON keys.source = removals.id LIMIT ?)",
];

/// Looks at the next deliveries; how many were removed and how many looked at. What may have been written stays in doubt:
/// its keys are the account's.
pub(super) async fn deliveries(
    connection: &mut Connection,
    removed: &HashSet<Uuid>,
    behind: &mut (i64, Uuid),
    rows: u32,
) -> Result<(u64, u64), Error> {
    let found = Query::new(
        "SELECT sequence, id, connection AS owner FROM deliveries WHERE sequence > ? \
         ORDER BY sequence LIMIT ?",
    )
    .bind(behind.0)
    .bind(rows)
    .fetch_all(connection)
    .await?;
    if let Some(last) = found.last() {
        behind.0 = last.try_get("sequence")?;
    }
    let ids = of(&found, removed)?;
    let mut script = Script::default();
    super::remove_deliveries(&mut script, connection, &ids).await?;
    script.run(connection).await?;
    Ok((ids.len() as u64, found.len() as u64))
}

/// Looks at the next events; how many were removed and how many looked at.
pub(super) async fn events(
    connection: &mut Connection,
    removed: &HashSet<Uuid>,
    behind: &mut (i64, Uuid),
    rows: u32,
) -> Result<(u64, u64), Error> {
    let found = Query::new(
        "SELECT received_at, id, source AS owner FROM events WHERE (received_at, id) > (?, ?) \
         ORDER BY received_at, id LIMIT ?",
    )
    .bind(behind.0)
    .bind(behind.1)
    .bind(rows)
    .fetch_all(connection)
    .await?;
    if let Some(last) = found.last() {
        *behind = (last.try_get("received_at")?, last.try_get("id")?);
    }
    let ids: Vec<EventId> = of(&found, removed)?
        .into_iter()
        .map(EventId::from_uuid)
        .collect();
    let mut script = Script::default();
    script.add(&super::REMOVE_EVENTS, &ids, super::event);
    script.run(connection).await?;
    Ok((ids.len() as u64, found.len() as u64))
}

/// Removes the rest, and forgets removals of which nothing more could come when the round `began` to look for it.
pub(super) async fn rest(
    connection: &mut Connection,
    rows: u32,
    began: Timestamp,
) -> Result<(u64, u64), Error> {
    for text in OWNED {
        let query = Query::new(text).bind(rows);
        let removed = query.execute(&mut *connection).await?;
        if removed > 0 {
            // There may be more of it, and of what comes behind it.
            return Ok((removed, u64::from(rows)));
        }
    }
    Query::new("DELETE FROM removals WHERE removed_at < ?")
        .bind(began.0.saturating_sub(millis(FORGOTTEN_AFTER)))
        .execute(connection)
        .await?;
    Ok((0, 0))
}

/// Which have been removed: where there are none, there is nothing to look for.
pub(super) async fn removals(connection: &mut Connection) -> Result<HashSet<Uuid>, Error> {
    let found = Query::new("SELECT id FROM removals")
        .fetch_all(connection)
        .await?;
    found.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Which of the rows belong to one of the removed.
fn of(rows: &[Row], removed: &HashSet<Uuid>) -> Result<Vec<Uuid>, Error> {
    let mut ids = Vec::new();
    for row in rows {
        if removed.contains(&row.try_get("owner")?) {
            ids.push(row.try_get("id")?);
        }
    }
    Ok(ids)
}
