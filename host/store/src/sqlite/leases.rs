//! Which of many leases still hold. Settle, intent and lock all begin here, in their own transaction.

use gladhand_core::attempt::Lease;
use gladhand_core::ids::SourceId;
use sqlx::{Row, SqliteConnection};

use super::statement::{Statement, nothing};
use crate::Error;

/// What was asked under a lease, with the source of the lease's connection; `None` where the lease was lost.
pub(super) type Asked<'i, T> = (Option<SourceId>, &'i T);

static HELD: Statement = Statement::new(
    "WITH shown(place, connection, contact, token) AS (VALUES ",
    4,
    ") SELECT shown.place, connections.source \
     FROM shown \
     JOIN lanes ON lanes.connection = shown.connection AND lanes.contact = shown.contact \
               AND lanes.lease_token = shown.token \
     JOIN connections ON connections.id = shown.connection",
);

/// The source of each lease's connection, in the order given; `None` where the lease was lost.
pub(super) async fn held(
    connection: &mut SqliteConnection,
    leases: &[&Lease],
) -> Result<Vec<Option<SourceId>>, Error> {
    let mut sources = vec![None; leases.len()];
    let numbered: Vec<(i64, &&Lease)> = (0..).zip(leases).collect();
    let rows = HELD
        .fetch(
            connection,
            &numbered,
            |values, (place, lease)| {
                values
                    .put(*place)
                    .put(lease.connection.uuid())
                    .put(lease.contact.as_str())
                    .put(lease.token.uuid());
            },
            nothing,
        )
        .await?;
    for row in rows {
        let place: i64 = row.try_get("place")?;
        let place = usize::try_from(place).expect("the places given count from zero");
        sources[place] = Some(SourceId::from_uuid(row.try_get("source")?));
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&HELD];
        super::super::statement::check_plans(&statements).await;
    }
}
