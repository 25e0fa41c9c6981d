//! Which lanes are ready: an index over unleased lanes by time, so that blocked work is never read past.

use std::collections::HashMap;

use gladhand_core::attempt::Unsettled;
use gladhand_core::clock::Timestamp;
use gladhand_core::ids::{AccountId, ConnectionId, DeliveryId};

use super::super::database::{Connection, Dialect, Row};
use super::super::rows;
use super::super::statement::Statement;
use super::super::value::Type::{Id, Integer};
use crate::Error;
use crate::deliveries::{ClaimRequest, Claimed, Wanted};

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
    /// What earlier deliveries may have on its way to the CRM.
    pub(super) unsettled: Option<Unsettled>,
}

impl ReadyLane {
    /// Which.
    pub(super) fn key(&self) -> (ConnectionId, String) {
        (self.connection, self.contact.clone())
    }
}

/// On PostgreSQL an account's attempts run on several hosts: what its concurrency leaves is told by the leases of all of
/// them. Only what is taken is locked, and a lane that somebody else has locked is passed over. What was chosen is found
/// again by its key, which the condition must not keep the planner from: hence the CASE.
static READY: Statement = Statement::of(
    &[Integer, Id, Integer],
    "WITH wanted(place, connection, most) AS ({rows}) \
     SELECT lanes.number, lanes.connection, lanes.contact, lanes.last_sequence, lanes.revive_turn, routes.digest, \
     lanes.unsettled_delivery, lanes.unsettled_since \
     FROM wanted \
     JOIN connections ON connections.id = wanted.connection AND NOT connections.is_paused \
     JOIN routes ON routes.connection = wanted.connection \
     JOIN lanes ON lanes.number IN ( \
         SELECT ready.number FROM lanes AS ready \
         WHERE ready.connection = wanted.connection AND ready.lease_token IS NULL AND NOT ready.is_held \
         AND NOT ready.is_empty AND ready.priority IN (0, 1) AND ready.ready_at <= ? \
         ORDER BY ready.priority, ready.ready_at LIMIT ?) \
     ORDER BY wanted.place, lanes.priority, lanes.ready_at, lanes.last_sequence",
    "WITH wanted(place, connection, most) AS ({rows}), \
     moment(now, lanes) AS (SELECT ?::bigint, ?::bigint), \
     leased(connection) AS MATERIALIZED ( \
         SELECT connection FROM lanes WHERE lease_token IS NOT NULL AND lease_until > 0), \
     running(account, number) AS MATERIALIZED ( \
         SELECT connections.account, COUNT(*) FROM leased JOIN connections ON connections.id = leased.connection \
         GROUP BY connections.account), \
     open(place, connection, account, digest, most, room) AS MATERIALIZED ( \
         SELECT wanted.place, wanted.connection, accounts.id, routes.digest, wanted.most, \
         GREATEST(GREATEST(accounts.concurrency, 1) - COALESCE(running.number, 0), 0) \
         FROM wanted \
         JOIN connections ON connections.id = wanted.connection AND NOT connections.is_paused \
         JOIN accounts ON accounts.id = connections.account \
         JOIN routes ON routes.connection = wanted.connection \
         LEFT JOIN running ON running.account = accounts.id), \
     found AS MATERIALIZED ( \
         SELECT open.place, open.account, open.digest, open.room, MAX(open.most) OVER of_account AS most, \
         row_number() OVER (of_account ORDER BY open.place, ready.priority, ready.ready_at) AS number_of_account, \
         ready.connection, ready.contact, ready.priority, ready.ready_at \
         FROM open \
         CROSS JOIN moment \
         JOIN LATERAL ( \
             SELECT first.connection, first.contact, first.priority, first.ready_at FROM lanes AS first \
             WHERE first.connection = open.connection AND first.lease_token IS NULL AND NOT first.is_held \
             AND NOT first.is_empty AND first.ready_at <= moment.now \
             ORDER BY first.priority, first.ready_at LIMIT LEAST(open.most, open.room)) AS ready ON true \
         WINDOW of_account AS (PARTITION BY open.account)), \
     chosen AS MATERIALIZED ( \
         SELECT * FROM found WHERE number_of_account <= LEAST(most, room) \
         ORDER BY place, priority, ready_at LIMIT (SELECT lanes FROM moment)) \
     SELECT lanes.number, lanes.connection, lanes.contact, lanes.last_sequence, lanes.revive_turn, chosen.digest, \
     lanes.unsettled_delivery, lanes.unsettled_since \
     FROM chosen \
     JOIN lanes ON lanes.connection = chosen.connection AND lanes.contact = chosen.contact \
               AND CASE WHEN lanes.lease_token IS NULL AND NOT lanes.is_held THEN NOT lanes.is_empty ELSE false END \
     ORDER BY chosen.place, chosen.priority, chosen.ready_at, lanes.last_sequence \
     FOR UPDATE OF lanes SKIP LOCKED",
);

/// Ready lanes within what is left of the request after `claimed`, in the order of whose turn it is.
pub(super) async fn find(
    connection: &mut Connection,
    request: &ClaimRequest,
    claimed: &[Claimed],
) -> Result<Vec<ReadyLane>, Error> {
    let mut left = Left::of(request);
    for claim in claimed {
        left.take(claim.lease.connection);
    }
    let wanted: Vec<(i64, ConnectionId)> = (0..)
        .zip(request.connections.iter().map(|wanted| wanted.connection))
        .filter(|(_, connection)| left.of_connection(*connection) > 0)
        .collect();
    let is_server = connection.dialect() == Dialect::Postgres;
    let of_wanted = wanted.iter().map(|(_, id)| left.of_connection(*id));
    let most = of_wanted.max().unwrap_or(0);
    if most == 0 {
        return Ok(Vec::new());
    }
    let rows = READY
        .fetch(
            connection,
            &wanted,
            |values, (place, connection)| {
                let most = left.of_connection(*connection);
                values
                    .put(*place)
                    .put(connection.uuid())
                    .put(i64::from(most));
            },
            |values| {
                // SQLite takes as many of each connection, PostgreSQL of all of them together.
                let lanes = if is_server { left.all } else { most };
                values.put(request.now.0).put(i64::from(lanes));
            },
        )
        .await?;
    let mut lanes = Vec::new();
    for row in rows {
        let of = ConnectionId::from_uuid(row.try_get("connection")?);
        if left.of_connection(of) == 0 {
            continue;
        }
        left.take(of);
        lanes.push(ReadyLane {
            number: row.try_get("number")?,
            connection: of,
            contact: row.try_get("contact")?,
            last_sequence: row.try_get("last_sequence")?,
            revive_turn: row.try_get("revive_turn")?,
            version: row.try_get("digest")?,
            unsettled: unsettled(&row)?,
        });
    }
    Ok(lanes)
}

fn unsettled(row: &Row) -> Result<Option<Unsettled>, Error> {
    let delivery = rows::uuid_if_any(row, "unsettled_delivery", DeliveryId::from_uuid)?;
    let since = rows::time_if_any(row, "unsettled_since")?;
    let both = delivery.zip(since);
    Ok(both.map(|(delivery, since)| Unsettled { delivery, since }))
}

/// What may still be claimed: of each connection, of each account, and of all.
struct Left {
    connections: HashMap<ConnectionId, (AccountId, u32)>,
    accounts: HashMap<AccountId, u32>,
    all: u32,
}

impl Left {
    fn of(request: &ClaimRequest) -> Self {
        let mut left = Self {
            connections: HashMap::new(),
            accounts: HashMap::new(),
            all: request.lanes,
        };
        for wanted in &request.connections {
            let Wanted { account, lanes, .. } = *wanted;
            left.connections.insert(wanted.connection, (account, lanes));
            let most = left.accounts.entry(account).or_default();
            *most = lanes.max(*most);
        }
        left
    }

    fn of_connection(&self, connection: ConnectionId) -> u32 {
        let own = self.connections.get(&connection);
        own.map_or(0, |(account, lanes)| {
            self.all.min(*lanes).min(self.accounts[account])
        })
    }

    fn take(&mut self, connection: ConnectionId) {
        let Some((account, lanes)) = self.connections.get_mut(&connection) else {
            return;
        };
        *lanes = lanes.saturating_sub(1);
        if let Some(lanes) = self.accounts.get_mut(account) {
            *lanes = lanes.saturating_sub(1);
        }
        self.all = self.all.saturating_sub(1);
    }
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
            |values, wanted| {
                values.put(wanted.connection.uuid());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&READY, &NEXT];
        super::super::super::statement::check_plans(&statements).await;
    }
}
