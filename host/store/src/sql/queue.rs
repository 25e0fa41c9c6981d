//! What operators do with deliveries and lanes.
//!
//! Every deed locks its lane first, as a claim does: a delivery that runs is refused, never pulled from under its worker.

mod held;

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState, NewDelivery};
use gladhand_core::entity::EntityKind;
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, EventId, SourceId};
use gladhand_core::lane::Priority;
use gladhand_core::outcome::{Outcome, SkipCode};

use super::database::{Connection, Row};
use super::query::Query;
use super::rows::{self, delivery_columns, to_json};
use super::statement::{Script, Statement};
use super::value::Type::Id;
use super::value::Values;
use super::{Shared, Store, guard, intake, settings};
use crate::Error;
use crate::planned::PlannedDelivery;
use crate::queue::{Asked, HeldFilter, HeldLane, Queue, Selection};

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
        now: Timestamp,
    ) -> Result<bool, Error> {
        let contact = contact.to_owned();
        self.write(move |database| {
            Box::pin(
                async move { held::switch(database, connection, &contact, is_held, now).await },
            )
        })
        .await
    }

    async fn held(&self, filter: HeldFilter) -> Result<Vec<HeldLane>, Error> {
        held::list(&self.readers, filter).await
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
    Query::new(
        "SELECT 1 FROM lanes WHERE (connection, contact) = \
         (SELECT connection, contact FROM deliveries WHERE id = ?){postgres:  FOR UPDATE}",
    )
    .bind(id.uuid())
    .fetch_all(connection)
    .await?;
    delivery(connection, id).await
}

async fn delivery(connection: &mut Connection, id: DeliveryId) -> Result<Option<Delivery>, Error> {
    let row = Query::new(concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM deliveries AS d JOIN events AS e ON e.id = d.event \
         JOIN connections ON connections.id = d.connection WHERE d.id = ?"
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
    let mut query = Query::new(
        "SELECT id FROM deliveries WHERE state = 'dead' AND kind IS NOT NULL \
                    AND EXISTS (SELECT 1 FROM connections WHERE connections.id = deliveries.connection)",
    );
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

static REQUEUE: Statement = Statement::new(
    &[Id],
    "WITH again(id) AS ({rows}) \
     UPDATE deliveries SET state = 'pending', attempts = 0, outcome = NULL, code = NULL, failure = NULL, \
     not_before = NULL, settled_at = NULL, queued_at = ?, was_retried = true, lane = lanes.number, \
     turn = CASE WHEN deliveries.turn > lanes.turn THEN lanes.turn ELSE deliveries.turn END \
     FROM again, lanes WHERE deliveries.id = again.id AND lanes.connection = deliveries.connection \
     AND lanes.contact = deliveries.contact AND deliveries.settled_at IS NOT NULL",
);

/// What a claim saw last in a lane may be the very delivery that comes back, so whoever holds the lane must not take it for
/// empty.
static PUT_BACK: Statement = Statement::new(
    &[Id],
    "WITH again(id) AS ({rows}) \
     INSERT INTO lanes (connection, contact, priority, ready_at, last_sequence) \
     SELECT deliveries.connection, deliveries.contact, MIN(deliveries.priority), ?, MAX(deliveries.sequence) \
     FROM again JOIN deliveries ON deliveries.id = again.id GROUP BY deliveries.connection, deliveries.contact \
     ORDER BY deliveries.connection, deliveries.contact \
     ON CONFLICT (connection, contact) DO UPDATE SET last_sequence = excluded.last_sequence, sole_sequence = NULL, \
     is_held = lanes.held_by IS NOT NULL, \
     held_at = CASE WHEN lanes.held_by IS NOT NULL THEN lanes.held_at END, \
     is_empty = false, priority = CASE WHEN lanes.is_empty THEN excluded.priority ELSE lanes.priority END, \
     ready_at = CASE WHEN lanes.lease_token IS NULL THEN excluded.ready_at ELSE lanes.ready_at END",
);

/// Settled deliveries wait again, each in its own place of its lane: what came later ran without it, and what would write
/// over it is noticed when it is claimed. A lane that retention removed meanwhile has begun its turns anew.
async fn requeue(
    connection: &mut Connection,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<(), Error> {
    let at = |values: &mut Values| {
        values.put(now.0);
    };
    let mut script = Script::default();
    held::let_go(&mut script, ids);
    // Their lanes first: it is they that have the numbers.
    script.add_with(&PUT_BACK, ids, id, at);
    script.add_with(&REQUEUE, ids, id, at);
    Ok(script.run(connection).await?)
}

fn id(values: &mut Values, id: &DeliveryId) {
    values.put(id.uuid());
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

/// The delivery's lane goes on, unless a dead delivery holds it.
async fn release(
    connection: &mut Connection,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Error> {
    Query::new(
        "UPDATE lanes SET ready_at = ?, is_held = held_by IS NOT NULL, \
         held_at = CASE WHEN held_by IS NOT NULL THEN held_at END \
         WHERE connection = ? AND contact = ? AND lease_token IS NULL",
    )
    .bind(now.0)
    .bind(delivery.connection.uuid())
    .bind(delivery.lane.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

static SKIP: Statement = Statement::new(
    &[Id],
    "WITH skipped(id) AS ({rows}) \
     UPDATE deliveries SET state = 'skipped', code = ?, outcome = ?, not_before = NULL, settled_at = ? \
     FROM skipped WHERE deliveries.id = skipped.id \
     AND (deliveries.state = 'dead' OR (deliveries.settled_at IS NULL AND deliveries.state <> 'running'))",
);

/// What its attempts sent may still be on its way when what is behind it runs. One that is dead has left word of it.
static LEAVE_UNSETTLED: Statement = Statement::new(
    &[Id],
    "WITH skipped(id) AS ({rows}) \
     UPDATE lanes SET unsettled_delivery = deliveries.id, unsettled_since = ? \
     FROM skipped, deliveries \
     WHERE deliveries.id = skipped.id AND deliveries.settled_at IS NULL AND deliveries.was_claimed \
     AND lanes.connection = deliveries.connection AND lanes.contact = deliveries.contact \
     AND (EXISTS (SELECT 1 FROM effects WHERE effects.delivery = deliveries.id AND effects.kind = 'set' \
                  AND effects.verdict = 'unknown') \
          OR EXISTS (SELECT 1 FROM attempts WHERE attempts.delivery = deliveries.id AND attempts.settled_at IS NULL))",
);

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
    let mut script = Script::default();
    script.add_with(&LEAVE_UNSETTLED, ids, id, |values| {
        values.put(now.0);
    });
    script.add_with(&SKIP, ids, id, |values| {
        values
            .put(SkipCode::ByOperator.as_str())
            .put(outcome.as_str())
            .put(now.0);
    });
    held::let_go(&mut script, ids);
    Ok(script.run(connection).await?)
}

/// The newest that was told of a contact: by an event of its own; where there was none, by the last that named it; where
/// nothing is kept of what that became, by the first that said how to find it.
pub(super) const KNOWN_CONTACT: &str = "SELECT events.id AS event, known.inboxes FROM \
     (SELECT entities.inboxes, COALESCE(entities.newest_event, \
          (SELECT d.event FROM deliveries AS d JOIN events AS e ON e.id = d.event \
               AND e.source = entities.source AND e.contact = d.contact \
           WHERE d.contact = entities.id AND d.kind IS NOT NULL ORDER BY d.sequence DESC LIMIT 1), \
          entities.identified_event) AS event \
      FROM entities WHERE entities.source = ? AND entities.kind = 'contact' AND entities.id = ?) AS known \
     JOIN events ON events.id = known.event";

/// A new delivery of the contact's newest state, for every connection of the source that takes the contact.
async fn sync(
    connection: &mut Connection,
    shared: &Shared,
    source: SourceId,
    contact: &str,
    now: Timestamp,
) -> Result<Option<u64>, Error> {
    guard::entities(
        connection,
        std::iter::once((EntityKind::Contact, contact.to_owned())),
    )
    .await?;
    let known = Query::new(KNOWN_CONTACT)
        .bind(source.uuid())
        .bind(contact)
        .fetch_optional(connection)
        .await?;
    let Some(known) = known else {
        return Ok(None);
    };
    let event = EventId::from_uuid(known.try_get("event")?);
    let seen_in: Vec<String> = rows::json(&known, || rows::Cell {
        table: "entities",
        column: "inboxes",
        row: contact.to_owned(),
    })?;
    let found = Query::new("SELECT * FROM connections WHERE source = ? ORDER BY name")
        .bind(source.uuid())
        .fetch_all(connection)
        .await?;
    let mut deliveries = Vec::with_capacity(found.len());
    for row in &found {
        let takes = settings::connection(row)?;
        if takes.takes_contact(&seen_in) {
            deliveries.push(PlannedDelivery {
                received_at: now,
                lacks_identity: false,
                delivery: NewDelivery {
                    id: DeliveryId::new(&*shared.ids),
                    event,
                    connection: takes.id,
                    contact: contact.to_owned(),
                    entity: Some((EntityKind::Contact, contact.to_owned())),
                    kind: Some(EventKind::ContactChanged),
                    occurred_at_us: now.0.saturating_mul(1_000),
                    priority: Priority::Live,
                    skipped: None,
                },
            });
        }
    }
    let mut script = Script::default();
    intake::put(&mut script, connection, shared, &deliveries, now).await?;
    script.run(connection).await?;
    Ok(Some(deliveries.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        super::super::statement::check_plans(&[&REQUEUE, &PUT_BACK, &LEAVE_UNSETTLED, &SKIP]).await;
    }
}
