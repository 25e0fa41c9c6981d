//! What connectors remember for a while. What has expired is not shown, and is removed when the store is opened.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gladhand_core::attempt::CacheChange;
use gladhand_core::clock::Timestamp;
use gladhand_core::ids::ConnectionId;
use gladhand_core::port::{self, Cache};
use serde_json::Value;

use super::Store;
use super::changes::Found;
use super::query::Query;
use super::rows::{self, to_json};
use super::statement::{Script, Statement};
use super::value::Type::{Id, Integer, Text};
use crate::Error;

#[async_trait]
impl Cache for Store {
    async fn get(
        &self,
        connection: ConnectionId,
        state: u32,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Value>, port::Error> {
        let row = Query::new(
            "SELECT value FROM cache WHERE connection = ? AND state = ? AND key = ? AND expires_at > ?",
        )
        .bind(connection.uuid())
        .bind(state)
        .bind(key)
        .bind(now.0)
        .read_one(&self.readers)
        .await
        .map_err(Error::from)?;
        let cell = || rows::Cell {
            table: "cache",
            column: "value",
            row: key.to_owned(),
        };
        Ok(row.as_ref().map(|row| rows::json(row, cell)).transpose()?)
    }
}

/// Which entry.
type EntryKey<'c> = (ConnectionId, u32, &'c str);

static UPSERT: Statement = Statement::new(
    &[Id, Integer, Text, Text, Integer],
    "INSERT INTO cache (connection, state, key, value, expires_at) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL \
     ON CONFLICT (connection, state, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
);

static REMOVE: Statement = Statement::new(
    &[Id, Integer, Text],
    "DELETE FROM cache WHERE (connection, state, key) IN ({rows})",
);

/// Applies changes; the last of an entry counts.
pub(super) fn change<'c>(script: &mut Script, all: impl Iterator<Item = &'c Found>) {
    // In one order by everybody, so that no two hosts wait for each other.
    let mut entries: BTreeMap<EntryKey<'c>, Option<(&'c Value, Timestamp)>> = BTreeMap::new();
    for found in all {
        for change in &found.changes.cache {
            let (key, entry) = match change {
                CacheChange::Put(key, value, until) => (key, Some((value, *until))),
                CacheChange::Remove(key) => (key, None),
            };
            entries.insert((found.lease.connection, found.state, key), entry);
        }
    }
    let (put, removed): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|(_, entry)| entry.is_some());
    let put: Vec<(EntryKey<'c>, (&Value, Timestamp))> = put
        .into_iter()
        .filter_map(|(key, entry)| Some((key, entry?)))
        .collect();
    script.add(
        &UPSERT,
        &put,
        |values, ((of, state, key), (value, until))| {
            values
                .put(of.uuid())
                .put(*state)
                .put(*key)
                .put(to_json(value))
                .put(until.0);
        },
    );
    script.add(&REMOVE, &removed, |values, ((of, state, key), _)| {
        values.put(of.uuid()).put(*state).put(*key);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&UPSERT, &REMOVE];
        super::super::statement::check_plans(&statements).await;
    }
}
