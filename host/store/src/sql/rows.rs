//! Reading rows: from columns to the types of the core, or an error that names the cell.

use std::fmt;

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::event::EventKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, EventId};
use gladhand_core::lane::Priority;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::database::Row;
use crate::Error;

/// What `delivery` reads, of `deliveries AS d` joined with `events AS e`.
macro_rules! delivery_columns {
    () => {
        "d.id, d.event, d.connection, d.contact, d.kind, e.name AS event_name, d.state, d.attempts, d.outcome, \
         d.failure, d.not_before, d.received_at, d.received_at > e.received_at AS is_sync, d.queued_at, d.settled_at, \
         d.version"
    };
}
pub(super) use delivery_columns;

/// What `link` reads.
macro_rules! link_columns {
    () => {
        "object, remote_id, digest, revision, url, attributes"
    };
}
pub(super) use link_columns;

pub(super) fn delivery(row: &Row) -> Result<Delivery, Error> {
    let id = DeliveryId::from_uuid(row.try_get("id")?);
    let cell = |column| Cell {
        table: "deliveries",
        column,
        row: id.to_string(),
    };
    Ok(Delivery {
        id,
        event_id: EventId::from_uuid(row.try_get("event")?),
        connection: ConnectionId::from_uuid(row.try_get("connection")?),
        lane: row.try_get("contact")?,
        kind: kind(row, || cell("kind"))?,
        event_name: row.try_get("event_name")?,
        state: word(row, DeliveryState::parse, || cell("state"))?,
        attempts: row.try_get_count("attempts")?,
        outcome: json_if_any(row, || cell("outcome"))?,
        failure: json_if_any(row, || cell("failure"))?,
        not_before: time_if_any(row, "not_before")?,
        received_at: time(row, "received_at")?,
        is_sync: row.try_get("is_sync")?,
        queued_at: time(row, "queued_at")?,
        settled_at: time_if_any(row, "settled_at")?,
        version: row.try_get("version")?,
    })
}

pub(super) fn link(row: &Row) -> Result<Link, Error> {
    let remote_id: String = row.try_get("remote_id")?;
    Ok(Link {
        object: row.try_get("object")?,
        digest: row.try_get("digest")?,
        revision: row.try_get("revision")?,
        url: row.try_get("url")?,
        attributes: json(row, || Cell {
            table: "links",
            column: "attributes",
            row: remote_id.clone(),
        })?,
        remote_id,
    })
}

pub(super) fn entity(row: &Row) -> Result<Entity, Error> {
    Ok(Entity {
        kind: row.try_get("entity_kind")?,
        id: row.try_get("entity_id")?,
    })
}

/// A cell, for the error that says it cannot be read.
pub(super) struct Cell {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    pub(super) row: String,
}

impl Cell {
    pub(super) fn unreadable(self, reason: impl fmt::Display) -> Error {
        Error::Inconsistent {
            table: self.table,
            column: self.column,
            row: self.row,
            reason: reason.to_string(),
        }
    }
}

/// A word of a closed set.
pub(super) fn word<T>(
    row: &Row,
    parse: impl Fn(&str) -> Option<T>,
    cell: impl Fn() -> Cell,
) -> Result<T, Error> {
    let text: &str = row.try_get(cell().column)?;
    parse(text).ok_or_else(|| cell().unreadable(format_args!("`{text}` is none of its words")))
}

pub(super) fn kind(row: &Row, cell: impl Fn() -> Cell) -> Result<Option<EventKind>, Error> {
    match row.try_get::<Option<&str>>(cell().column)? {
        None => Ok(None),
        Some(_) => word(row, EventKind::parse, cell).map(Some),
    }
}

pub(super) fn json<T: DeserializeOwned>(row: &Row, cell: impl Fn() -> Cell) -> Result<T, Error> {
    let text: &str = row.try_get(cell().column)?;
    serde_json::from_str(text).map_err(|error| cell().unreadable(error))
}

pub(super) fn json_if_any<T: DeserializeOwned>(
    row: &Row,
    cell: impl Fn() -> Cell,
) -> Result<Option<T>, Error> {
    match row.try_get::<Option<&str>>(cell().column)? {
        None => Ok(None),
        Some(_) => json(row, cell).map(Some),
    }
}

/// 0 live, 1 bulk: what is smaller goes first.
pub(super) fn priority(row: &Row) -> Result<Priority, Error> {
    Ok(match row.try_get::<i64>("priority")? {
        0 => Priority::Live,
        _ => Priority::Bulk,
    })
}

pub(super) fn priority_number(priority: Priority) -> i64 {
    match priority {
        Priority::Live => 0,
        Priority::Bulk => 1,
    }
}

/// JSON as it is stored.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value)
        .expect("types of the core have text keys and cannot fail to serialise")
}

pub(super) fn time(row: &Row, column: &str) -> Result<Timestamp, Error> {
    Ok(Timestamp(row.try_get(column)?))
}

pub(super) fn time_if_any(row: &Row, column: &str) -> Result<Option<Timestamp>, Error> {
    Ok(row.try_get::<Option<i64>>(column)?.map(Timestamp))
}

pub(super) fn uuid_if_any<T>(
    row: &Row,
    column: &str,
    id: impl Fn(Uuid) -> T,
) -> Result<Option<T>, Error> {
    Ok(row.try_get::<Option<Uuid>>(column)?.map(id))
}
