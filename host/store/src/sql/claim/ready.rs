//! Which lanes are ready: an index over unleased lanes by time, so that blocked work is never read past.

use std::collections::HashMap;

use gladhand_core::clock::Timestamp;
use gladhand_core::ids::ConnectionId;
use uuid::Uuid;

use super::super::database::Connection;
use super::super::statement::Statement;
use super::super::value::Type::{Id, Integer};
use crate::Error;
use crate::deliveries::{ClaimRequest, Claimed};

/// A lane that may be leased.
pub(super) struct ReadyLane {
    pub(super) number: i64,
    pub(super) connection: ConnectionId,
    pub(super) contact: String,
    /// Of the newest delivery that was put in.
    pub(super) last_sequence: i64,
    /// The contact's skipped deliveries are to come back with this turn.
    pub(super) revive_turn: Option<i64>,
    /// What the connection runs: SHA-256, hex.
    pub(super) version: String,
}

impl ReadyLane {
    /// Which.
    pub(super) fn key(&self) -> (ConnectionId, String) {
        (self.connection, self.contact.clone())
    }
}

/// On PostgreSQL a lane that another host is about to take is passed over, and what is found is taken. There an account's
/// attempts run on several hosts, and what its concurrency leaves is told by the leases of all of them.
static READY: Statement = Statement::of(
    &[Integer, Id],
    "WITH wanted(place, connection) AS ({rows}) \
     SELECT lanes.number, lanes.connection, lanes.contact, lanes.last_sequence, lanes.revive_turn, routes.digest, \
     connections.account, NULL AS room \
     FROM wanted \
     JOIN connections ON connections.id = wanted.connection AND NOT connections.is_paused \
     JOIN routes ON routes.connection = wanted.connection \
     JOIN lanes ON lanes.number IN ( \
         SELECT ready.number FROM lanes AS ready \
         WHERE ready.connection = wanted.connection AND ready.lease_token IS NULL AND NOT ready.is_held \
         AND NOT ready.is_empty AND ready.priority IN (0, 1) AND ready.ready_at <= ? \
         ORDER BY ready.priority, ready.ready_at LIMIT ?) \
     ORDER BY wanted.place, lanes.priority, lanes.ready_at, lanes.last_sequence",
    "WITH wanted(place, connection) AS ({rows}), \
     running(account, number) AS MATERIALIZED ( \
         SELECT connections.account, COUNT(*) FROM lanes JOIN connections ON connections.id = lanes.connection \
         WHERE lanes.lease_token IS NOT NULL GROUP BY connections.account), \
     open(place, connection, account, digest, room) AS MATERIALIZED ( \
         SELECT wanted.place, wanted.connection, accounts.id, routes.digest, \
         GREATEST(GREATEST(accounts.concurrency, 1) - COALESCE(running.number, 0), 0) \
         FROM wanted \
         JOIN connections ON connections.id = wanted.connection AND NOT connections.is_paused \
         JOIN accounts ON accounts.id = connections.account \
         JOIN routes ON routes.connection = wanted.connection \
         LEFT JOIN running ON running.account = accounts.id) \
     SELECT lanes.number, lanes.connection, lanes.contact, lanes.last_sequence, lanes.revive_turn, open.digest, \
     open.account, open.room \
     FROM open \
     JOIN LATERAL ( \
         SELECT ready.* FROM lanes AS ready \
         WHERE ready.connection = open.connection AND ready.lease_token IS NULL AND NOT ready.is_held \
         AND NOT ready.is_empty AND ready.ready_at <= ? \
         ORDER BY ready.priority, ready.ready_at LIMIT LEAST(?, open.room) FOR UPDATE SKIP LOCKED) AS lanes ON true \
     ORDER BY open.place, lanes.priority, lanes.ready_at, lanes.last_sequence",
);

/// Ready lanes within what is left of the request after `claimed`, in the order of whose turn it is.
pub(super) async fn find(
    connection: &mut Connection,
    request: &ClaimRequest,
    claimed: &[Claimed],
) -> Result<Vec<ReadyLane>, Error> {
    let mut left: HashMap<ConnectionId, usize> = request
        .connections
        .iter()
        .map(|(connection, lanes)| (*connection, size(*lanes)))
        .collect();
    for claim in claimed {
        if let Some(lanes) = left.get_mut(&claim.lease.connection) {
            *lanes = lanes.saturating_sub(1);
        }
    }
    let mut total = size(request.lanes).saturating_sub(claimed.len());
    let wanted: Vec<(i64, ConnectionId)> = (0..)
        .zip(
            request
                .connections
                .iter()
                .map(|(connection, _)| *connection),
        )
        .filter(|(_, connection)| left[connection] > 0)
        .collect();
    let most = left.values().copied().max().unwrap_or(0).min(total);
    if most == 0 {
        return Ok(Vec::new());
    }
    let rows = READY
        .fetch(
            connection,
            &wanted,
            |values, (place, connection)| {
                values.put(*place).put(connection.uuid());
            },
            |values| {
                values
                    .put(request.now.0)
                    .put(i64::try_from(most).unwrap_or(i64::MAX));
            },
        )
        .await?;
    let mut lanes = Vec::new();
    // Of accounts of which other hosts run something, too.
    let mut rooms: HashMap<Uuid, i64> = HashMap::new();
    for row in rows {
        let of = ConnectionId::from_uuid(row.try_get("connection")?);
        let Some(left) = left.get_mut(&of).filter(|left| **left > 0 && total > 0) else {
            continue;
        };
        if let Some(room) = row.try_get::<Option<i64>>("room")? {
            let room = rooms.entry(row.try_get("account")?).or_insert(room);
            if *room == 0 {
                continue;
            }
            *room -= 1;
        }
        *left -= 1;
        total -= 1;
        lanes.push(ReadyLane {
            number: row.try_get("number")?,
            connection: of,
            contact: row.try_get("contact")?,
            last_sequence: row.try_get("last_sequence")?,
            revive_turn: row.try_get("revive_turn")?,
            version: row.try_get("digest")?,
        });
    }
    Ok(lanes)
}

static NEXT: Statement = Statement::new(
    &[Id],
    "WITH wanted(connection) AS ({rows}) \
     SELECT MIN((SELECT MIN(lanes.ready_at) FROM lanes WHERE lanes.connection = wanted.connection \
                 AND lanes.priority = priorities.number AND lanes.lease_token IS NULL AND NOT lanes.is_held \
                 AND NOT lanes.is_empty AND lanes.ready_at > ?)) AS ready_at \
     FROM wanted \
     JOIN connections ON connections.id = wanted.connection AND NOT connections.is_paused \
     JOIN routes ON routes.connection = wanted.connection \
     CROSS JOIN (SELECT 0 AS number UNION ALL SELECT 1) AS priorities",
);

/// When the next lane becomes ready that is not ready yet.
pub(super) async fn next(
    connection: &mut Connection,
    request: &ClaimRequest,
) -> Result<Option<Timestamp>, Error> {
    let rows = NEXT
        .fetch(
            connection,
            &request.connections,
            |values, (connection, _)| {
                values.put(connection.uuid());
            },
            |values| {
                values.put(request.now.0);
            },
        )
        .await?;
    let mut next: Option<i64> = None;
    for row in rows {
        if let Some(ready_at) = row.try_get::<Option<i64>>("ready_at")? {
            next = Some(next.map_or(ready_at, |next| next.min(ready_at)));
        }
    }
    Ok(next.map(Timestamp))
}

pub(super) fn size(lanes: u32) -> usize {
    usize::try_from(lanes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&READY, &NEXT];
        super::super::super::statement::check_plans(&statements).await;
    }
}
