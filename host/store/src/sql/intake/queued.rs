//! Deliveries on their way into their lanes, and lanes marked so that what was skipped comes back.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, SourceId};
use gladhand_core::outcome::Outcome;

use super::super::Shared;
use super::super::database::{Connection, Dialect};
use super::super::query::Query;
use super::super::rows::{self, to_json};
use super::super::statement::{Script, Statement, nothing};
use super::super::value::Type::{Fact, Id, Integer, Text};
use crate::Error;
use crate::planned::PlannedDelivery;

/// Which lane.
pub(super) type LaneKey = (ConnectionId, String);

/// Where a lane's queue lies, and which turn is on in it.
#[derive(Clone, Copy)]
struct Place {
    number: i64,
    turn: i64,
}

/// What was put in last, whatever its number: a settle takes the lane for empty only where that is what its claim saw.
/// One that is empty begins like one that is not there.
static PUT_INTO_LANES: Statement = Statement::new(
    &[Id, Text, Integer, Integer, Integer],
    "INSERT INTO lanes (connection, contact, priority, ready_at, last_sequence) SELECT * FROM ({rows}) AS given \
     WHERE column1 IS NOT NULL \
     ON CONFLICT (connection, contact) DO UPDATE SET last_sequence = excluded.last_sequence, \
     priority = CASE WHEN lanes.is_empty OR excluded.priority < lanes.priority \
                     THEN excluded.priority ELSE lanes.priority END, \
     ready_at = CASE WHEN lanes.is_empty THEN excluded.ready_at ELSE lanes.ready_at END, is_empty = false \
     RETURNING connection, contact, number, turn",
);

/// Puts new deliveries into their lanes, in the order given; the script stores them.
pub(in super::super) async fn put(
    script: &mut Script,
    connection: &mut Connection,
    shared: &Shared,
    deliveries: &[PlannedDelivery],
    ready_at: Timestamp,
) -> Result<(), Error> {
    let sequences = sequences(connection, shared, deliveries.len()).await?;
    let numbered: Vec<(i64, &PlannedDelivery)> = sequences.into_iter().zip(deliveries).collect();
    let places = put_into_lanes(connection, &numbered, ready_at).await?;
    insert(script, &numbered, &places, shared.clock.now());
    Ok(())
}

/// Numbers for so many new deliveries, in the order of their arrival.
async fn sequences(
    connection: &mut Connection,
    shared: &Shared,
    number: usize,
) -> Result<Vec<i64>, Error> {
    let wanted = i64::try_from(number).unwrap_or(i64::MAX);
    if connection.dialect() == Dialect::Sqlite {
        let before = shared.sequence.fetch_add(wanted, Ordering::Relaxed);
        return Ok((before + 1..=before + wanted).collect());
    }
    let found =
        Query::new("SELECT nextval('delivery_sequence') AS sequence FROM generate_series(1, ?)")
            .bind(wanted)
            .fetch_all(connection)
            .await?;
    let mut sequences: Vec<i64> = found
        .iter()
        .map(|row| row.try_get("sequence"))
        .collect::<Result<_, _>>()?;
    sequences.sort_unstable();
    Ok(sequences)
}

/// Makes the lanes of the deliveries that are to run; the place of each.
async fn put_into_lanes(
    connection: &mut Connection,
    numbered: &[(i64, &PlannedDelivery)],
    ready_at: Timestamp,
) -> Result<HashMap<LaneKey, Place>, Error> {
    let mut newest: HashMap<(ConnectionId, &str), (i64, i64)> = HashMap::new();
    for (sequence, PlannedDelivery { delivery, .. }) in numbered {
        if delivery.skipped.is_none() {
            let priority = rows::priority_number(delivery.priority);
            let (of, number) = newest
                .entry((delivery.connection, &delivery.contact))
                .or_insert((priority, *sequence));
            *of = (*of).min(priority);
            *number = *sequence;
        }
    }
    let mut lanes: Vec<_> = newest.into_iter().collect();
    lanes.sort_unstable();
    let returned = PUT_INTO_LANES
        .fetch(
            connection,
            &lanes,
            |values, ((connection, contact), (priority, sequence))| {
                values
                    .put(connection.uuid())
                    .put(*contact)
                    .put(*priority)
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
            let place = Place {
                number: row.try_get("number")?,
                turn: row.try_get("turn")?,
            };
            Ok((lane, place))
        })
        .collect()
}

static INSERT_DELIVERIES: Statement = Statement::new(
    &[
        Integer, Id, Id, Id, Text, Text, Text, Text, Integer, Fact, Integer, Integer, Integer,
        Integer, Integer, Text, Integer, Fact, Fact, Integer, Text, Text,
    ],
    "INSERT INTO deliveries (sequence, id, event, connection, contact, entity_kind, entity_id, kind, priority, \
     lacks_identity, lane, turn, occurred_at_us, received_at, queued_at, state, attempts, was_claimed, was_retried, settled_at, code, outcome) \
     SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL",
);

/// Stores deliveries, each with its sequence and its place.
fn insert(
    script: &mut Script,
    numbered: &[(i64, &PlannedDelivery)],
    places: &HashMap<LaneKey, Place>,
    now: Timestamp,
) {
    script.add(
        &INSERT_DELIVERIES,
        numbered,
        |values,
         (
            sequence,
            PlannedDelivery {
                received_at,
                delivery,
                lacks_identity,
            },
        )| {
            let lane = (delivery.connection, delivery.contact.clone());
            let place = places.get(&lane);
            let waits_in = place.filter(|_| delivery.skipped.is_none());
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
                .put(rows::priority_number(delivery.priority))
                .put(*lacks_identity)
                .put(waits_in.map(|place| place.number))
                .put(place.map_or(0, |place| place.turn))
                .put(delivery.occurred_at_us)
                .put(received_at.0)
                .put(now.0)
                .put(state.as_str())
                .put(0_i64)
                .put(false)
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
    &[Id, Text],
    "WITH contact(source, id) AS ({rows}) \
     INSERT INTO lanes (connection, contact, ready_at, last_sequence, turn, revive_turn) \
     SELECT DISTINCT deliveries.connection, deliveries.contact, ?, 0, 1, 1 \
     FROM contact \
     JOIN deliveries ON deliveries.contact = contact.id AND deliveries.code = 'no-identity' \
               AND deliveries.kind <> 'contact.changed' \
     JOIN connections ON connections.id = deliveries.connection AND connections.source = contact.source \
     WHERE true ORDER BY deliveries.connection, deliveries.contact \
     ON CONFLICT (connection, contact) DO UPDATE SET \
     priority = CASE WHEN lanes.is_empty THEN excluded.priority ELSE lanes.priority END, \
     ready_at = CASE WHEN lanes.is_empty THEN excluded.ready_at ELSE lanes.ready_at END, is_empty = false, \
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
