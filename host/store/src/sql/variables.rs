//! What setup found out about a connection.

use async_trait::async_trait;
use gladhand_core::ids::ConnectionId;
use gladhand_core::port::{self, Variables};
use serde_json::Value;

use super::Store;
use super::query::Query;
use super::rows::{self, to_json};
use crate::Error;

#[async_trait]
impl Variables for Store {
    async fn get(
        &self,
        connection: ConnectionId,
        name: &str,
    ) -> Result<Option<Value>, port::Error> {
        let row = Query::new("SELECT value FROM variables WHERE connection = ? AND name = ?")
            .bind(connection.uuid())
            .bind(name)
            .read_one(&self.readers)
            .await
            .map_err(Error::from)?;
        let cell = || rows::Cell {
            table: "variables",
            column: "value",
            row: name.to_owned(),
        };
        Ok(row.as_ref().map(|row| rows::json(row, cell)).transpose()?)
    }

    async fn set(
        &self,
        connection: ConnectionId,
        name: &str,
        value: Value,
    ) -> Result<(), port::Error> {
        let name = name.to_owned();
        self.write(move |database| {
            Box::pin(async move {
                Query::new(
                    "INSERT INTO variables (connection, name, value) VALUES (?, ?, ?) \
                     ON CONFLICT (connection, name) DO UPDATE SET value = excluded.value",
                )
                .bind(connection.uuid())
                .bind(name)
                .bind(to_json(&value))
                .execute(database)
                .await?;
                Ok(())
            })
        })
        .await?;
        Ok(())
    }
}
