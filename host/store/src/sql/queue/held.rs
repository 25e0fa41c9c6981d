//! Lanes of which nothing runs: who holds them, and what lets them go on.

use gladhand_core::clock::Timestamp;
use gladhand_core::ids::{ConnectionId, DeliveryId};

use super::super::database::{Connection, Readers};
use super::super::deliveries::LONGEST_PAGE;
use super::super::query::Query;
use super::super::rows;
use super::super::statement::{Script, Statement};
use super::super::value::Type::Id;
use crate::Error;
use crate::queue::{HeldFilter, HeldLane};

/// Holds a lane or releases it; false where there is none, or nothing waits in it and nobody holds it.
pub(super) async fn switch(
    database: &mut Connection,
    connection: ConnectionId,
    contact: &str,
    is_held: bool,
    now: Timestamp,
) -> Result<bool, Error> {
    let query = if is_held {
        // Whoever held it before still does.
        Query::new(
            "UPDATE lanes SET is_held = true, held_at = CASE WHEN is_held THEN held_at ELSE ? END \
             WHERE connection = ? AND contact = ? AND NOT is_empty",
        )
        .bind(now.0)
    } else {
        Query::new(
            "UPDATE lanes SET is_held = false, held_by = NULL, held_at = NULL \
             WHERE connection = ? AND contact = ? AND NOT is_empty",
        )
    };
    let query = query.bind(connection.uuid()).bind(contact);
    Ok(query.execute(database).await? > 0)
}

/// In the order of connection and contact.
pub(super) async fn list(readers: &Readers, filter: HeldFilter) -> Result<Vec<HeldLane>, Error> {
    let mut query =
        Query::new("SELECT connection, contact, held_by, held_at FROM lanes WHERE is_held");
    if let Some(connection) = filter.connection {
        query
            .push(" AND connection = ")
            .push_bind(connection.uuid());
    }
    if let Some((last, others)) = filter.contacts.split_last() {
        query.push(" AND contact IN (");
        for contact in others {
            query.push_bind(contact.as_str()).push(", ");
        }
        query.push_bind(last.as_str()).push(")");
    }
    if let Some((connection, contact)) = filter.after {
        query
            .push(" AND (connection, contact) > (")
            .push_bind(connection.uuid())
            .push(", ")
            .push_bind(contact)
            .push(")");
    }
    query
        .push(" ORDER BY connection, contact LIMIT ")
        .push_bind(filter.limit.min(LONGEST_PAGE));
    let found = query.read(readers).await?;
    found
        .iter()
        .map(|row| {
            Ok(HeldLane {
                connection: ConnectionId::from_uuid(row.try_get("connection")?),
                contact: row.try_get("contact")?,
                holder: rows::uuid_if_any(row, "held_by", DeliveryId::from_uuid)?,
                since: rows::time(row, "held_at")?,
            })
        })
        .collect()
}

static LET_GO: Statement = Statement::new(
    &[Id],
    "WITH freed(id) AS ({rows}) \
     UPDATE lanes SET is_held = false, held_by = NULL, held_at = NULL \
     FROM freed JOIN deliveries ON deliveries.id = freed.id \
     WHERE lanes.connection = deliveries.connection AND lanes.contact = deliveries.contact AND lanes.held_by = freed.id",
);

/// Lanes go on that one of these holds: somebody has decided about it.
pub(super) fn let_go(script: &mut Script, dead: &[DeliveryId]) {
    script.add(&LET_GO, dead, super::id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        super::super::super::statement::check_plans(&[&LET_GO]).await;
    }
}
