//! Deliveries: claimed and settled through the writer, listed and shown past it.

use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::attempt::{Changes, Lease};
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::ids::{AccountId, ConnectionId, DeliveryId};
use uuid::Uuid;

use super::database::{Connection, Row};
use super::query::Query;
use super::rows::{self, delivery_columns};
use super::settle::Settle;
use super::writer::Operation;
use super::{Store, leases, show};
use crate::Error;
use crate::deliveries::{
    ClaimRequest, Claims, Counts, Deliveries, DeliveryDetail, DeliveryFilter, MOST_LANES_COUNTED,
    Settlement,
};

/// The longest page of a listing.
pub(super) const LONGEST_PAGE: u32 = 1_000;

const COUNTS: &str = "SELECT state, CAST(SUM(number) AS BIGINT) AS number FROM delivery_counts GROUP BY state \
     HAVING SUM(number) > 0 ORDER BY state";

const OLDEST: &str =
    "SELECT received_at FROM deliveries WHERE settled_at IS NULL ORDER BY sequence LIMIT 1";

const LANES_WAITING: &str = "SELECT COUNT(*) AS number FROM \
     (SELECT 1 FROM lanes WHERE lease_token IS NULL AND NOT is_held AND NOT is_empty LIMIT ?) AS waiting";

#[async_trait]
impl Deliveries for Store {
    async fn claim(&self, request: ClaimRequest) -> Result<Claims, Error> {
        self.work.ask(Operation::Claim, request).await
    }

    async fn settle(
        &self,
        lease: &Lease,
        account: AccountId,
        state: u32,
        changes: Changes,
        settlement: Settlement,
    ) -> Result<(), Error> {
        let settle = Settle::new(lease, account, state, changes, settlement);
        self.work.ask(Operation::Settle, settle).await
    }

    async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<bool>, Error> {
        let leases = leases.to_vec();
        self.write(move |database| {
            Box::pin(async move { leases::renew(database, &leases, lease).await })
        })
        .await
    }

    async fn list(&self, filter: DeliveryFilter) -> Result<Vec<Delivery>, Error> {
        let mut query = Query::new(concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM deliveries AS d JOIN events AS e ON e.id = d.event \
             WHERE EXISTS (SELECT 1 FROM connections WHERE connections.id = d.connection)"
        ));
        if let Some(connection) = filter.connection {
            query
                .push(" AND d.connection = ")
                .push_bind(connection.uuid());
        }
        match filter.state {
            Some(DeliveryState::Paused) => {
                query.push(" AND d.state IN ('pending', 'waiting') AND d.settled_at IS NULL");
                push_connections(&mut query, "IN", &filter.paused);
            }
            // A word of a closed set, in the text: an index of its own serves the states that are few.
            Some(state) => {
                query.push(&format!(" AND d.state = '{state}'"));
                if !state.is_settled() {
                    query.push(" AND d.settled_at IS NULL");
                }
                if state.waits() {
                    push_connections(&mut query, "NOT IN", &filter.paused);
                }
            }
            None => {}
        }
        if let Some(contact) = filter.contact {
            query.push(" AND d.contact = ").push_bind(contact);
        }
        if let Some(since) = filter.since {
            query.push(" AND d.received_at >= ").push_bind(since.0);
        }
        if let Some(before) = filter.before {
            query
                .push(" AND d.sequence < (SELECT sequence FROM deliveries WHERE id = ")
                .push_bind(before.uuid())
                .push(")");
        }
        query
            .push(" ORDER BY d.sequence DESC LIMIT ")
            .push_bind(filter.limit.min(LONGEST_PAGE));
        let found = query.read(&self.readers).await?;
        found.iter().map(rows::delivery).collect()
    }

    async fn show(&self, id: DeliveryId) -> Result<Option<DeliveryDetail>, Error> {
        // One transaction, so that what is shown was true at one moment.
        let mut snapshot = self.readers.snapshot().await?;
        show::detail(&mut snapshot, &self.shared, id).await
    }

    async fn counts(&self) -> Result<Counts, Error> {
        let by_state = Query::new(COUNTS).read(&self.readers).await?;
        let oldest = Query::new(OLDEST).read_one(&self.readers).await?;
        counted(&by_state, oldest.as_ref())
    }

    async fn lanes_waiting(&self) -> Result<u64, Error> {
        let counted = Query::new(LANES_WAITING)
            .bind(MOST_LANES_COUNTED)
            .read_one(&self.readers)
            .await?;
        Ok(counted.map_or(Ok(0), |row| row.try_get_count("number"))?)
    }
}

/// How many stand where, for who has a connection of their own.
pub(super) async fn counts(connection: &mut Connection) -> Result<Counts, Error> {
    let by_state = Query::new(COUNTS).fetch_all(connection).await?;
    let oldest = Query::new(OLDEST).fetch_optional(connection).await?;
    counted(&by_state, oldest.as_ref())
}

fn counted(by_state: &[Row], oldest: Option<&Row>) -> Result<Counts, Error> {
    let cell = || rows::Cell {
        table: "delivery_counts",
        column: "state",
        row: "its own".into(),
    };
    let by_state = by_state
        .iter()
        .map(|row| {
            let state = rows::word(row, DeliveryState::parse, cell)?;
            Ok((state, row.try_get_count("number")?))
        })
        .collect::<Result<_, Error>>()?;
    let oldest_waiting = oldest
        .map(|row| rows::time(row, "received_at"))
        .transpose()?;
    Ok(Counts {
        by_state,
        oldest_waiting,
    })
}

/// That the connection is one of these, or none of them. The list is closed by one that nobody has, for an empty list is
/// no SQL.
fn push_connections(query: &mut Query, operator: &str, connections: &[ConnectionId]) {
    query.push(&format!(" AND d.connection {operator} ("));
    for connection in connections {
        query.push_bind(connection.uuid()).push(", ");
    }
    query.push_bind(Uuid::nil()).push(")");
}

#[cfg(test)]
mod tests {
    use super::super::statement::check_index;
    use super::*;

    #[tokio::test]
    async fn what_metrics_ask_often_is_read_by_the_index_of_what_waits() {
        check_index(OLDEST, "deliveries_unsettled").await;
        check_index(LANES_WAITING, "lanes_ready").await;
    }
}
