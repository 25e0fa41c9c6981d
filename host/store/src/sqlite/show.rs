//! Deliveries: claimed and settled through the writer, listed and shown past it.

use async_trait::async_trait;
use gladhand_core::attempt::{Changes, Lease, Link};
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::effect::{EffectSummary, Verdict};
use gladhand_core::exchange::Exchange;
use gladhand_core::ids::{AccountId, AttemptId, DeliveryId, EffectId, SourceId};
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::SqliteStore;
use super::changes::{exchange_cell, exchange_row};
use super::keys::{DataKeys, KeyOwner};
use super::rows::{self, delivery_columns, link_columns};
use super::settle::{Settle, log_cell};
use super::writer::Operation;
use crate::crypter::Cell;
use crate::deliveries::{
    AttemptRecord, ClaimRequest, Claims, Counts, Deliveries, DeliveryDetail, DeliveryFilter,
    Settlement,
};
use crate::{Error, packed};

/// The longest page of a listing.
const LONGEST_PAGE: u32 = 1_000;

#[async_trait]
impl Deliveries for SqliteStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Claims, Error> {
        self.writer.ask(Operation::Claim, request).await
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
        self.writer.ask(Operation::Settle, settle).await
    }

    async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    async fn list(&self, filter: DeliveryFilter) -> Result<Vec<Delivery>, Error> {
        let mut query = QueryBuilder::new(concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM deliveries AS d JOIN events AS e ON e.id = d.event WHERE true"
        ));
        if let Some(connection) = filter.connection {
            query
                .push(" AND d.connection = ")
                .push_bind(connection.uuid());
        }
        if let Some(state) = filter.state {
            // A word of a closed set, in the text: an index of its own serves the states that are few.
            query.push(format_args!(" AND d.state = '{state}'"));
            if !state.is_settled() {
                query.push(" AND d.settled_at IS NULL");
            }
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
        let found = query.build().fetch_all(&self.readers).await?;
        found.iter().map(rows::delivery).collect()
    }

    async fn show(&self, id: DeliveryId) -> Result<Option<DeliveryDetail>, Error> {
        // One transaction, so that what is shown was true at one moment.
        let mut snapshot = self.readers.begin().await?;
        let found = sqlx::query(concat!(
            "SELECT ",
            delivery_columns!(),
            ", connections.source, d.entity_kind, d.entity_id \
             FROM deliveries AS d JOIN events AS e ON e.id = d.event \
             JOIN connections ON connections.id = d.connection WHERE d.id = ?"
        ))
        .bind(id.uuid())
        .fetch_optional(&mut *snapshot)
        .await?;
        let Some(row) = found else {
            return Ok(None);
        };
        let delivery = rows::delivery(&row)?;
        let owner = KeyOwner {
            source: SourceId::from_uuid(row.try_get("source")?),
            contact: delivery.lane.clone(),
        };
        let keys = self
            .shared
            .keys
            .find(&mut snapshot, [owner.clone()])
            .await?;
        Ok(Some(DeliveryDetail {
            attempts: attempts(&mut snapshot, &keys, &owner, id).await?,
            effects: effects(&mut snapshot, id).await?,
            links: links(&mut snapshot, &row, &delivery).await?,
            delivery,
        }))
    }

    async fn counts(&self) -> Result<Counts, Error> {
        let found = sqlx::query(
            "SELECT state, number FROM delivery_counts WHERE number > 0 ORDER BY state",
        )
        .fetch_all(&self.readers)
        .await?;
        let cell = || rows::Cell {
            table: "delivery_counts",
            column: "state",
            row: "its own".into(),
        };
        let by_state = found
            .iter()
            .map(|row| {
                let state = rows::word(row, DeliveryState::parse, cell)?;
                Ok((state, row.try_get("number")?))
            })
            .collect::<Result<_, Error>>()?;
        let oldest = sqlx::query(
            "SELECT received_at FROM deliveries WHERE settled_at IS NULL ORDER BY sequence LIMIT 1",
        )
        .fetch_optional(&self.readers)
        .await?;
        let oldest_waiting = oldest
            .as_ref()
            .map(|row| rows::time(row, "received_at"))
            .transpose()?;
        Ok(Counts {
            by_state,
            oldest_waiting,
        })
    }
}

async fn attempts(
    connection: &mut SqliteConnection,
    keys: &DataKeys,
    owner: &KeyOwner,
    delivery: DeliveryId,
) -> Result<Vec<AttemptRecord>, Error> {
    let found = sqlx::query("SELECT * FROM attempts WHERE delivery = ? ORDER BY started_at, id")
        .bind(delivery.uuid())
        .fetch_all(&mut *connection)
        .await?;
    let mut attempts = Vec::with_capacity(found.len());
    for row in &found {
        let id = AttemptId::from_uuid(row.try_get("id")?);
        let cell = |column| rows::Cell {
            table: "attempts",
            column,
            row: id.to_string(),
        };
        let log = match row.try_get::<Option<&[u8]>, _>("log")? {
            None => Vec::new(),
            Some(sealed) => open_list(keys, owner, log_cell(id.uuid().as_bytes()), sealed)?,
        };
        attempts.push(AttemptRecord {
            id,
            number: row.try_get("number")?,
            version: row.try_get("version")?,
            started_at: rows::time(row, "started_at")?,
            settled_at: rows::time_if_any(row, "settled_at")?,
            outcome: rows::json_if_any(row, || cell("outcome"))?,
            failure: rows::json_if_any(row, || cell("failure"))?,
            cost: rows::json_if_any(row, || cell("cost"))?.unwrap_or_default(),
            exchanges: exchanges(connection, keys, owner, id).await?,
            log,
        });
    }
    Ok(attempts)
}

async fn exchanges(
    connection: &mut SqliteConnection,
    keys: &DataKeys,
    owner: &KeyOwner,
    attempt: AttemptId,
) -> Result<Vec<Exchange>, Error> {
    let found =
        sqlx::query("SELECT sequence, value FROM exchanges WHERE attempt = ? ORDER BY sequence")
            .bind(attempt.uuid())
            .fetch_all(connection)
            .await?;
    let mut exchanges = Vec::new();
    for row in &found {
        let key = exchange_row(attempt.uuid().as_bytes(), row.try_get("sequence")?);
        let sealed: &[u8] = row.try_get("value")?;
        exchanges.append(&mut open_list(keys, owner, exchange_cell(&key), sealed)?);
    }
    Ok(exchanges)
}

fn open_list<T: DeserializeOwned>(
    keys: &DataKeys,
    owner: &KeyOwner,
    cell: Cell<'_>,
    sealed: &[u8],
) -> Result<Vec<T>, Error> {
    packed::open_list(&keys.open(owner, cell, sealed)?).map_err(|error| {
        rows::Cell {
            table: cell.table,
            column: cell.column,
            row: "an attempt".into(),
        }
        .unreadable(error)
    })
}

async fn effects(
    connection: &mut SqliteConnection,
    delivery: DeliveryId,
) -> Result<Vec<EffectSummary>, Error> {
    let found =
        sqlx::query("SELECT id, keys, verdict, at FROM effects WHERE delivery = ? ORDER BY at, id")
            .bind(delivery.uuid())
            .fetch_all(connection)
            .await?;
    found
        .iter()
        .map(|row| {
            let id = EffectId::from_uuid(row.try_get("id")?);
            let cell = |column| rows::Cell {
                table: "effects",
                column,
                row: id.to_string(),
            };
            Ok(EffectSummary {
                keys: rows::json(row, || cell("keys"))?,
                verdict: rows::word(row, Verdict::parse, || cell("verdict"))?,
                at: rows::time(row, "at")?,
            })
        })
        .collect()
}

/// The links of the delivery's contact and of the conversation it is about.
async fn links(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
    delivery: &Delivery,
) -> Result<Vec<Link>, Error> {
    let found = sqlx::query(concat!(
        "SELECT ",
        link_columns!(),
        " FROM links WHERE owner = ? AND ((entity_kind = 'contact' AND entity_id = ?) \
         OR (entity_kind = ? AND entity_id = ?)) ORDER BY entity_kind, entity_id, object"
    ))
    .bind(delivery.connection.uuid())
    .bind(&delivery.lane)
    .bind(row.try_get::<Option<&str>, _>("entity_kind")?)
    .bind(row.try_get::<Option<&str>, _>("entity_id")?)
    .fetch_all(connection)
    .await?;
    found.iter().map(rows::link).collect()
}
