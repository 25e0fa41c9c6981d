//! Everything that was recorded about one delivery, opened.

use gladhand_core::attempt::Link;
use gladhand_core::delivery::Delivery;
use gladhand_core::effect::{EffectSummary, Verdict};
use gladhand_core::exchange::Exchange;
use gladhand_core::ids::{AttemptId, DeliveryId, EffectId, SourceId};
use serde::de::DeserializeOwned;

use super::Shared;
use super::changes::{exchange_cell, exchange_row};
use super::database::{Connection, Row};
use super::keys::{DataKeys, KeyOwner};
use super::query::Query;
use super::rows::{self, delivery_columns, link_columns};
use super::settle::log_cell;
use crate::crypter::Cell;
use crate::deliveries::{AttemptRecord, DeliveryDetail};
use crate::{Error, packed};

pub(super) async fn detail(
    connection: &mut Connection,
    shared: &Shared,
    id: DeliveryId,
) -> Result<Option<DeliveryDetail>, Error> {
    let found = Query::new(concat!(
        "SELECT ",
        delivery_columns!(),
        ", connections.source, d.entity_kind, d.entity_id \
         FROM deliveries AS d JOIN events AS e ON e.id = d.event \
         JOIN connections ON connections.id = d.connection WHERE d.id = ?"
    ))
    .bind(id.uuid())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    let delivery = rows::delivery(&row)?;
    let owner = KeyOwner {
        source: SourceId::from_uuid(row.try_get("source")?),
        contact: delivery.lane.clone(),
    };
    let keys = shared.keys.find(connection, [owner.clone()]).await?;
    Ok(Some(DeliveryDetail {
        attempts: attempts(connection, &keys, &owner, id).await?,
        effects: effects(connection, id).await?,
        links: links(connection, &row, &delivery).await?,
        delivery,
    }))
}

async fn attempts(
    connection: &mut Connection,
    keys: &DataKeys,
    owner: &KeyOwner,
    delivery: DeliveryId,
) -> Result<Vec<AttemptRecord>, Error> {
    let found = Query::new("SELECT * FROM attempts WHERE delivery = ? ORDER BY started_at, id")
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
        let log = match row.try_get::<Option<&[u8]>>("log")? {
            None => Vec::new(),
            Some(sealed) => open_list(keys, owner, log_cell(id.uuid().as_bytes()), sealed)?,
        };
        attempts.push(AttemptRecord {
            id,
            number: row.try_get_count("number")?,
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
    connection: &mut Connection,
    keys: &DataKeys,
    owner: &KeyOwner,
    attempt: AttemptId,
) -> Result<Vec<Exchange>, Error> {
    let found =
        Query::new("SELECT sequence, value FROM exchanges WHERE attempt = ? ORDER BY sequence")
            .bind(attempt.uuid())
            .fetch_all(connection)
            .await?;
    let mut exchanges = Vec::new();
    for row in &found {
        let key = exchange_row(attempt.uuid().as_bytes(), row.try_get_count("sequence")?);
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
    connection: &mut Connection,
    delivery: DeliveryId,
) -> Result<Vec<EffectSummary>, Error> {
    let found =
        Query::new("SELECT id, keys, verdict, at FROM effects WHERE delivery = ? ORDER BY at, id")
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

/// The records that the delivery's contact and the conversation it is about are linked to.
async fn links(
    connection: &mut Connection,
    row: &Row,
    delivery: &Delivery,
) -> Result<Vec<Link>, Error> {
    let found = Query::new(concat!(
        "SELECT ",
        link_columns!(),
        " FROM links WHERE owner = ? AND remote_id <> '' AND ((entity_kind = 'contact' AND entity_id = ?) \
         OR (entity_kind = ? AND entity_id = ?)) ORDER BY entity_kind, entity_id, object"
    ))
    .bind(delivery.connection.uuid())
    .bind(&delivery.lane)
    .bind(row.try_get::<Option<&str>>("entity_kind")?)
    .bind(row.try_get::<Option<&str>>("entity_id")?)
    .fetch_all(connection)
    .await?;
    found.iter().map(rows::link).collect()
}
