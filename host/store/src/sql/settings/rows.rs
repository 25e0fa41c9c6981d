//! Configuration as it is stored.

use gladhand_core::connection::{Account, Connection, Mode, Source};
use gladhand_core::ids::{AccountId, ConnectionId, SourceId};

use super::super::database::Row;
use super::super::rows;
use crate::Error;

pub(super) fn source(row: &Row) -> Result<Source, Error> {
    Ok(Source {
        id: SourceId::from_uuid(row.try_get("id")?),
        name: row.try_get("name")?,
        kind: row.try_get("kind")?,
        base_url: row.try_get("base_url")?,
        account_id: row.try_get("account_id")?,
        is_signed: row.try_get("is_signed")?,
        allow_private_network: row.try_get("allow_private_network")?,
        allow_http: row.try_get("allow_http")?,
    })
}

pub(super) fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: AccountId::from_uuid(row.try_get("id")?),
        name: row.try_get("name")?,
        connector: row.try_get("connector")?,
        base_url: row.try_get("base_url")?,
        allow_private_network: row.try_get("allow_private_network")?,
        allow_http: row.try_get("allow_http")?,
        concurrency: row.try_get_count("concurrency")?,
    })
}

pub(in super::super) fn connection(row: &Row) -> Result<Connection, Error> {
    let id = ConnectionId::from_uuid(row.try_get("id")?);
    let cell = |column| rows::Cell {
        table: "connections",
        column,
        row: id.to_string(),
    };
    let mode = |word: &str| {
        [Mode::Live, Mode::Observe]
            .into_iter()
            .find(|mode| mode_word(*mode) == word)
    };
    Ok(Connection {
        id,
        name: row.try_get("name")?,
        source: SourceId::from_uuid(row.try_get("source")?),
        account: AccountId::from_uuid(row.try_get("account")?),
        connector: row.try_get("connector")?,
        inboxes: rows::json(row, || cell("inboxes"))?,
        mode: rows::word(row, mode, || cell("mode"))?,
        settings: rows::json(row, || cell("settings"))?,
        time_zone: row.try_get("time_zone")?,
        is_paused: row.try_get("is_paused")?,
        policy: rows::json(row, || cell("policy"))?,
    })
}

pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Observe => "observe",
    }
}
