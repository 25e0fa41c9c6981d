//! What operators do with deliveries and lanes.
//!
//! Every deed locks its lane first, as a claim does: a delivery that runs is refused, never pulled from under its worker.

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, SourceId};
use gladhand_core::outcome::{Outcome, SkipCode};

use super::database::{Connection, Dialect, Row};
use super::rows::{self, delivery_columns, to_json};
use super::statement::Query;
use super::{Shared, Store, intake};
use crate::Error;
use crate::queue::{Asked, Queue, Selection};

#[async_trait]
impl Queue for Store {
    async fn retry(&self, id: DeliveryId, now: Timestamp) -> Result<Asked, Error> {
        self.write(move |database| {
            Box::pin(async move {
                let Some(delivery) = locked(database, id).await? else {
                    return Ok(Asked::Unknown);
                };
                let may_run = !matches!(
                    delivery.state,
                    DeliveryState::Running | DeliveryState::Superseded | DeliveryState::Shadowed
                );
                if delivery.kind.is_none() || !may_run {
                    return Ok(Asked::Refused(delivery));
                }
                if delivery.state.is_settled() {
                    requeue(database, &[id], now).await?;
                } else {
                    hurry(database, &delivery, now).await?;
                }
                found(database, id).await
            })
        })
        .await
    }

    async fn skip(&self, id: DeliveryId, reason: &str, now: Timestamp) -> Result<Asked, Error> {
        let reason = reason.to_owned();
        self.write(move |database| {
            Box::pin(async move {
                let Some(delivery) = locked(database, id).await? else {
                    return Ok(Asked::Unknown);
                };
                let may_be_skipped = matches!(
                    delivery.state,
                    DeliveryState::Pending
                        | DeliveryState::Waiting
                        | DeliveryState::Paused
                        | DeliveryState::Dead
                );
                if !may_be_skipped {
                    return Ok(Asked::Refused(delivery));
                }
                settle_skipped(database, &[id], &reason, now).await?;
                release(database, &delivery, now).await?;
                found(database, id).await
            })
        })
        .await
    }

    async fn retry_dead(
        &self,
        selection: &Selection,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let query = dead(selection, limit);
        self.write(move |database| {
            Box::pin(async move {
                let ids = ids(&query.fetch_all(database).await?)?;
                requeue(database, &ids, now).await?;
                Ok(ids.len() as u64)
            })
        })
        .await
    }

    async fn discard_dead(
        &self,
        selection: &Selection,
        reason: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let query = dead(selection, limit);
        let reason = reason.to_owned();
        self.write(move |database| {
            Box::pin(async move {
                let ids = ids(&query.fetch_all(database).await?)?;
                settle_skipped(database, &ids, &reason, now).await?;
                Ok(ids.len() as u64)
            })
        })
        .await
    }

    async fn hold(
        &self,
        connection: ConnectionId,
        contact: &str,
        is_held: bool,
    ) -> Result<bool, Error> {
        let contact = contact.to_owned();
        let changed = self
            .write(move |database| {
                Box::pin(async move {
                    let query = Query::new(
                        "UPDATE lanes SET is_held = ? WHERE connection = ? AND contact = ?",
                    );
                    let query = query.bind(is_held).bind(connection.uuid()).bind(contact);
                    Ok(query.execute(database).await?)
                })
            })
            .await?;
        Ok(changed > 0)
    }

    async fn sync_contact(
        &self,
        source: SourceId,
        contact: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, Error> {
        let contact = contact.to_owned();
        let shared = std::sync::Arc::clone(&self.shared);
        self.write(move |database| {
            Box::pin(async move { sync(database, &shared, source, &contact, now).await })
        })
        .await
    }
}

/// The delivery, with its lane locked against claims until the transaction ends.
async fn locked(connection: &mut Connection, id: DeliveryId) -> Result<Option<Delivery>, Error> {
    if connection.dialect() == Dialect::Postgres {
        Query::new(
            "SELECT 1 FROM lanes WHERE (connection, contact) = \
             (SELECT connection, contact FROM deliveries WHERE id = ?) FOR UPDATE",
        )
        .bind(id.uuid())
        .fetch_all(connection)
        .await?;
    }
    delivery(connection, id).await
}

async fn delivery(connection: &mut Connection, id: DeliveryId) -> Result<Option<Delivery>, Error> {
    let row = Query::new(concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM deliveries AS d JOIN events AS e ON e.id = d.event WHERE d.id = ?"
    ))
    .bind(id.uuid())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(rows::delivery).transpose()
}

async fn found(connection: &mut Connection, id: DeliveryId) -> Result<Asked, Error> {
    Ok(delivery(connection, id)
        .await?
        .map_or(Asked::Unknown, Asked::Done))
}

/// Dead letters, oldest first.
fn dead(selection: &Selection, limit: u32) -> Query {
    let mut query =
        Query::new("SELECT id FROM deliveries WHERE state = 'dead' AND kind IS NOT NULL");
    if let Some(connection) = selection.connection {
        query
            .push(" AND connection = ")
            .push_bind(connection.uuid());
    }
    if let Some(kind) = selection.kind {
        // What a failure is stored as begins with its kind.
        query
            .push(" AND failure LIKE ")
            .push_bind(format!("{{\"kind\":\"{kind}\",%"));
    }
    if let Some(since) = selection.since {
        query.push(" AND settled_at >= ").push_bind(since.0);
    }
    if let Some(until) = selection.until {
        query.push(" AND settled_at < ").push_bind(until.0);
    }
    query.push(" ORDER BY sequence LIMIT ").push_bind(limit);
    query
}

fn ids(rows: &[Row]) -> Result<Vec<DeliveryId>, Error> {
    rows.iter()
        .map(|row| Ok(DeliveryId::from_uuid(row.try_get("id")?)))
        .collect()
}

/// Settled deliveries wait again, each in its own place of its lane: what came later ran without it, and what would write
/// over it is noticed when it is claimed.
async fn requeue(
    connection: &mut Connection,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<(), Error> {
    for id in ids {
        Query::new(
            "UPDATE deliveries SET state = 'pending', attempts = 0, outcome = NULL, code = NULL, failure = NULL, \
             not_before = NULL, settled_at = NULL, queued_at = ?, was_retried = true WHERE id = ?",
        )
        .bind(now.0)
        .bind(id.uuid())
        .execute(connection)
        .await?;
        Query::new(
            "INSERT INTO lanes (connection, contact, priority, ready_at, last_sequence) \
             SELECT connection, contact, priority, ?, sequence FROM deliveries WHERE id = ? \
             ON CONFLICT (connection, contact) DO UPDATE SET last_sequence = excluded.last_sequence, is_held = false, \
             ready_at = CASE WHEN lanes.lease_token IS NULL THEN excluded.ready_at ELSE lanes.ready_at END",
        )
        .bind(now.0)
        .bind(id.uuid())
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// A delivery that waits for its time, and the lane that waits for it, are due now.
async fn hurry(
    connection: &mut Connection,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Error> {
    Query::new("UPDATE deliveries SET not_before = ? WHERE id = ?")
        .bind(now.0)
        .bind(delivery.id.uuid())
        .execute(connection)
        .await?;
    release(connection, delivery, now).await
}

/// The delivery's lane goes on.
async fn release(
    connection: &mut Connection,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Error> {
    Query::new(
        "UPDATE lanes SET ready_at = ?, is_held = false WHERE connection = ? AND contact = ? AND lease_token IS NULL",
    )
    .bind(now.0)
    .bind(delivery.connection.uuid())
    .bind(delivery.lane.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

async fn settle_skipped(
    connection: &mut Connection,
    ids: &[DeliveryId],
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let outcome = to_json(&Outcome::Skipped {
        code: SkipCode::ByOperator,
        reason: reason.to_owned(),
    });
    for id in ids {
        Query::new(
            "UPDATE deliveries SET state = 'skipped', code = ?, outcome = ?, not_before = NULL, settled_at = ? \
             WHERE id = ?",
        )
        .bind(SkipCode::ByOperator.as_str())
        .bind(outcome.as_str())
        .bind(now.0)
        .bind(id.uuid())
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// A new delivery of the contact's newest state, for every connection that its older ones were for or that takes all.
async fn sync(
    connection: &mut Connection,
    shared: &Shared,
    source: SourceId,
    contact: &str,
    now: Timestamp,
) -> Result<Option<u64>, Error> {
    let known = Query::new(
        "SELECT entities.newest_event, entities.inboxes, events.received_at FROM entities \
         JOIN events ON events.id = entities.newest_event \
         WHERE entities.source = ? AND entities.kind = 'contact' AND entities.id = ?",
    )
    .bind(source.uuid())
    .bind(contact)
    .fetch_optional(connection)
    .await?;
    let Some(known) = known else {
        return Ok(None);
    };
    let event: uuid::Uuid = known.try_get("newest_event")?;
    let seen: Vec<String> = rows::json(&known, || rows::Cell {
        table: "entities",
        column: "inboxes",
        row: contact.to_owned(),
    })?;
    let connections =
        Query::new("SELECT id, inboxes FROM connections WHERE source = ? ORDER BY name")
            .bind(source.uuid())
            .fetch_all(connection)
            .await?;
    let mut queued = 0;
    for row in connections {
        let id: uuid::Uuid = row.try_get("id")?;
        let taken: Vec<String> = rows::json(&row, || rows::Cell {
            table: "connections",
            column: "inboxes",
            row: id.to_string(),
        })?;
        if !taken.is_empty() && !seen.iter().any(|inbox| taken.contains(inbox)) {
            continue;
        }
        let sequence = intake::sequences(connection, shared, 1).await?[0];
        let put = Query::new(
            "INSERT INTO lanes (connection, contact, priority, ready_at, last_sequence) VALUES (?, ?, 0, ?, ?) \
             ON CONFLICT (connection, contact) DO UPDATE SET last_sequence = excluded.last_sequence \
             RETURNING turn",
        )
        .bind(id)
        .bind(contact)
        .bind(now.0)
        .bind(sequence)
        .fetch_optional(connection)
        .await?;
        let turn: i64 = put.map_or(Ok(0), |row| row.try_get("turn"))?;
        Query::new(
            "INSERT INTO deliveries (sequence, id, event, connection, contact, entity_kind, entity_id, kind, priority, \
             lacks_identity, turn, occurred_at_us, received_at, queued_at, state, attempts, was_claimed, was_retried) \
             VALUES (?, ?, ?, ?, ?, 'contact', ?, ?, 0, false, ?, ?, ?, ?, 'pending', 0, false, true)",
        )
        .bind(sequence)
        .bind(shared.ids.next())
        .bind(event)
        .bind(id)
        .bind(contact)
        .bind(contact)
        .bind(EventKind::ContactChanged.as_str())
        .bind(turn)
        .bind(now.0.saturating_mul(1_000))
        .bind(now.0)
        .bind(now.0)
        .execute(connection)
        .await?;
        queued += 1;
    }
    Ok(Some(queued))
}
