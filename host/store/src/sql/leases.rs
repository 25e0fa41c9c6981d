//! Which of many leases still hold. Settle, intent and lock all begin here, in their own transaction.

use std::collections::HashSet;
use std::time::Duration;

use gladhand_core::attempt::Lease;
use gladhand_core::ids::SourceId;
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

static EXPIRE: Statement = Statement::new(
    &[Integer],
    "WITH wanted(number) AS ({rows}), ended AS ( \
         SELECT lanes.connection, lanes.contact FROM lanes JOIN wanted ON true \
         WHERE lanes.lease_token IS NOT NULL AND lanes.lease_until < {clock} \
         ORDER BY lanes.lease_until LIMIT (SELECT number FROM wanted) FOR UPDATE OF lanes SKIP LOCKED), \
     freed AS ( \
         UPDATE lanes SET lease_token = NULL, lease_owner = NULL, leased_at = NULL, lease_until = NULL, \
         sole_sequence = NULL FROM ended \
         WHERE lanes.connection = ended.connection AND lanes.contact = ended.contact) \
     UPDATE deliveries SET state = 'pending' FROM ended \
     WHERE deliveries.connection = ended.connection AND deliveries.contact = ended.contact \
     AND deliveries.settled_at IS NULL AND deliveries.state = 'running' \
     RETURNING deliveries.id",
);

/// How many lanes of hosts that are gone one claim frees.
const EXPIRED_PER_CLAIM: i64 = 256;

/// Frees lanes whose lease ended: their host is gone or has stalled. What their attempts did is never known, which is how
/// the next attempt knows that one was cut short.
pub(super) async fn expire(connection: &mut Connection) -> Result<(), Error> {
    let freed = EXPIRE
        .fetch(
            connection,
            &[EXPIRED_PER_CLAIM],
            |values, number| {
                values.put(*number);
            },
            nothing,
        )
        .await?;
    if !freed.is_empty() {
        tracing::warn!(
            lanes = freed.len(),
            "leases ended before their attempts did; they run again"
        );
    }
    Ok(())
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
