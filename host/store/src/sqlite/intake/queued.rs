//! Deliveries on their way into their lanes, and lanes marked so that what was skipped comes back.

use std::collections::HashMap;

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, SourceId};
use gladhand_core::outcome::Outcome;
use sqlx::{Row, SqliteConnection};

use super::super::rows::to_json;
use super::super::statement::{Script, Statement, nothing};
use crate::Error;
use crate::planned::PlannedDelivery;

/// Which lane.
pub(super) type LaneKey = (ConnectionId, String);

static PUT_INTO_LANES: Statement = Statement::new(
    "INSERT INTO lanes (connection, contact, ready_at, last_sequence) SELECT * FROM (VALUES ",
    4,
    ") WHERE column1 IS NOT NULL \
     ON CONFLICT (connection, contact) DO UPDATE SET last_sequence = excluded.last_sequence \
     RETURNING connection, contact, turn",
);

/// Makes the lanes of the deliveries that are to run; which turn is on in each.
pub(super) async fn put_into_lanes(
    connection: &mut SqliteConnection,
    numbered: &[(i64, &PlannedDelivery<'_>)],
    ready_at: Timestamp,
) -> Result<HashMap<LaneKey, i64>, Error> {
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
     turn, occurred_at_us, received_at, queued_at, state, attempts, was_claimed, settled_at, code, outcome) \
     SELECT * FROM (VALUES ",
    19,
    ") WHERE column1 IS NOT NULL",
);

/// Stores deliveries, each with its sequence and its lane's turn.
pub(super) fn insert(
    script: &mut Script,
    numbered: &[(i64, &PlannedDelivery<'_>)],
    turns: &HashMap<LaneKey, i64>,
    now: Timestamp,
) {
    script.add(
        &INSERT_DELIVERIES,
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
                .put(delivery.kind.map(EventKind::as_str))
                .put(*lacks_identity)
                .put(turns.get(&lane).copied().unwrap_or(0))
                .put(delivery.occurred_at_us)
                .put(event.received_at.0)
                .put(now.0)
                .put(state.as_str())
                .put(0_i64)
                .put(false)
                .put(settled_at)
                .put(delivery.skipped.as_ref().map(|(code, _)| code.as_str()))
                .put(outcome.as_ref().map(to_json));
        },
    );
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

pub(super) fn mark_revived(
    script: &mut Script,
    contacts: &[(SourceId, String)],
    ready_at: Timestamp,
) {
    script.add_with(
        &MARK_REVIVED,
        contacts,
        |values, (source, contact)| {
            values.put(source.uuid()).put(contact.as_str());
        },
        |values| {
            values.put(ready_at.0);
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&PUT_INTO_LANES, &INSERT_DELIVERIES, &MARK_REVIVED];
        super::super::super::statement::check_plans(&statements).await;
    }
}
