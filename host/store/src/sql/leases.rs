//! Which of many leases still hold. Settle, intent and lock all begin here, in their own transaction.

use std::collections::HashSet;
use std::iter;
use std::time::Duration;

use gladhand_core::attempt::Lease;
use gladhand_core::ids::{ConnectionId, SourceId};
use uuid::Uuid;

use super::database::{Connection, Row};
use super::statement::{Statement, nothing};
use super::value::Type::{Id, Integer, Text};
use super::value::Values;
use crate::Error;

/// What was asked under a lease, with the source of the lease's connection; `None` where the lease was lost.
pub(super) type Asked<'i, T> = (Option<SourceId>, &'i T);

/// On PostgreSQL the lanes are locked, so that what was found to hold does so until the transaction ends.
static HELD: Statement = Statement::new(
    &[Integer, Id, Text, Id],
    "WITH shown(place, connection, contact, token) AS ({rows}) \
     SELECT shown.place, connections.source \
     FROM shown \
     JOIN lanes ON lanes.connection = shown.connection AND lanes.contact = shown.contact \
               AND lanes.lease_token = shown.token \
     JOIN connections ON connections.id = shown.connection\
     {postgres:  ORDER BY lanes.connection, lanes.contact FOR UPDATE OF lanes}",
);

static RENEW: Statement = Statement::new(
    &[Integer, Id, Text, Id],
    "WITH shown(place, connection, contact, token) AS ({rows}) \
     UPDATE lanes SET lease_until = {clock} + ? FROM shown \
     WHERE lanes.connection = shown.connection AND lanes.contact = shown.contact AND lanes.lease_token = shown.token \
     RETURNING lease_token",
);

/// Prolongs leases; which of them still held, in the order given.
pub(super) async fn renew(
    connection: &mut Connection,
    leases: &[Lease],
    lease: Duration,
) -> Result<Vec<bool>, Error> {
    let mut numbered: Vec<(i64, &Lease)> = (0..).zip(leases).collect();
    numbered.sort_unstable_by_key(|(_, lease)| (lease.connection, &lease.contact));
    let rows = RENEW
        .fetch(connection, &numbered, shown, |values| {
            values.put(millis(lease));
        })
        .await?;
    let held = rows
        .iter()
        .map(|row| row.try_get("lease_token"))
        .collect::<Result<HashSet<Uuid>, _>>()?;
    Ok(leases
        .iter()
        .map(|lease| held.contains(&lease.token.uuid()))
        .collect())
}

/// Many hosts may want lanes of one account at once, and each counts what runs before it takes more: the second one must
/// see what the first one took. In one statement with what every claim begins with, so that it costs none of its own; the
/// count comes with the next one, whose view of the database begins after the guard was taken.
static BEGIN_CLAIM: Statement = Statement::new(
    &[Id],
    "WITH asked(connection) AS ({rows}), ended AS ( \
         SELECT lanes.number, lanes.connection, lanes.contact, lanes.lease_token FROM lanes \
         WHERE lanes.lease_token IS NOT NULL AND lanes.lease_until < {clock} \
         ORDER BY lanes.lease_until LIMIT ? FOR UPDATE OF lanes SKIP LOCKED), \
     freed AS ( \
         UPDATE lanes SET lease_token = NULL, lease_owner = NULL, leased_at = NULL, lease_until = NULL, \
         sole_sequence = NULL FROM ended \
         WHERE lanes.connection = ended.connection AND lanes.contact = ended.contact), \
     unlocked AS (DELETE FROM locks USING ended WHERE locks.token = ended.lease_token), \
     returned AS ( \
         UPDATE deliveries SET state = 'pending' FROM ended CROSS JOIN LATERAL ( \
             SELECT waiting.id FROM deliveries AS waiting \
             WHERE waiting.lane = ended.number AND waiting.connection = ended.connection \
             AND waiting.contact = ended.contact AND waiting.settled_at IS NULL AND waiting.state = 'running' \
             LIMIT 1) AS cut_short \
         WHERE deliveries.id = cut_short.id \
         RETURNING deliveries.id) \
     SELECT asked.connection, (SELECT COUNT(*) FROM returned) AS returned, \
     NOT COALESCE(pg_try_advisory_xact_lock(hashtextextended('claims of ' || connections.account, 0)), true) AS is_taken \
     FROM asked LEFT JOIN connections ON connections.id = asked.connection",
);

/// How many lanes of hosts that are gone one claim frees.
const EXPIRED_PER_CLAIM: i64 = 256;

/// Frees lanes whose lease ended: their host is gone or has stalled. What their attempts did is never known, which is how
/// the next attempt knows that one was cut short.
///
/// Of which of the connections another host is claiming lanes at this moment; the others are this one's until the
/// transaction ends. Nobody waits.
pub(super) async fn begin_claim(
    connection: &mut Connection,
    connections: impl Iterator<Item = ConnectionId>,
) -> Result<HashSet<ConnectionId>, Error> {
    // Leases end also where no lane is asked for.
    let asked: Vec<Option<Uuid>> = iter::once(None)
        .chain(connections.map(|connection| Some(connection.uuid())))
        .collect();
    let rows = BEGIN_CLAIM
        .fetch(
            connection,
            &asked,
            |values, connection| {
                values.put(*connection);
            },
            |values| {
                values.put(EXPIRED_PER_CLAIM);
            },
        )
        .await?;
    let mut taken = HashSet::new();
    let mut returned: i64 = 0;
    for row in rows {
        returned = returned.max(row.try_get("returned")?);
        if let Some(connection) = row.try_get::<Option<Uuid>>("connection")?
            && row.try_get("is_taken")?
        {
            taken.insert(ConnectionId::from_uuid(connection));
        }
    }
    if returned > 0 {
        tracing::warn!(
            lanes = returned,
            "leases ended before their attempts did; they run again"
        );
    }
    Ok(taken)
}

/// The source of each lease's connection, in the order given; `None` where the lease was lost.
pub(super) async fn held(
    connection: &mut Connection,
    leases: &[&Lease],
) -> Result<Vec<Option<SourceId>>, Error> {
    let mut sources = vec![None; leases.len()];
    let numbered: Vec<(i64, &Lease)> = (0..).zip(leases.iter().copied()).collect();
    let rows = HELD.fetch(connection, &numbered, shown, nothing).await?;
    for row in rows {
        sources[place(&row)?] = Some(SourceId::from_uuid(row.try_get("source")?));
    }
    Ok(sources)
}

fn shown(values: &mut Values, (place, lease): &(i64, &Lease)) {
    values
        .put(*place)
        .put(lease.connection.uuid())
        .put(lease.contact.as_str())
        .put(lease.token.uuid());
}

fn place(row: &Row) -> Result<usize, Error> {
    Ok(row.try_get_count("place")?)
}

/// A duration as the database counts.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&HELD, &RENEW];
        super::super::statement::check_plans(&statements).await;
    }
}
