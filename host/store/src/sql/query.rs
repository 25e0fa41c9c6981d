//! Statements of single values, for what is asked one at a time.

use std::sync::Arc;

use super::database::{Bound, Connection, Dialect, Readers, Row};
use super::statement::{numbered, sqlite_only};
use super::value::{Value, Values};
use crate::happening::{Operation, StoreFailed};

/// A statement of single values, for what is asked one at a time.
pub(crate) struct Query {
    text: String,
    values: Values,
}

impl Query {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Values::default(),
        }
    }

    /// Adds the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.put(value);
        self
    }

    /// Adds text; it must be the program's own.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a question mark with its value.
    pub(super) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.text.push('?');
        self.values.put(value);
        self
    }

    pub(crate) async fn fetch_all(
        self,
        connection: &mut Connection,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let (text, values) = self.bound(connection.dialect())?;
        connection.fetch(text, values).await
    }

    pub(crate) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.fetch_all(connection).await?.into_iter().next())
    }

    /// How many rows it changed.
    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<u64, sqlx::Error> {
        let (text, values) = self.bound(connection.dialect())?;
        connection.execute(text, values).await
    }

    /// Reads past the writer.
    pub(super) async fn read(self, readers: &Readers) -> Result<Vec<Row>, sqlx::Error> {
        let mut connection = readers.acquire().await?;
        let found = self.fetch_all(&mut connection).await;
        if let Err(error) = &found {
            StoreFailed {
                operation: Operation::Read,
                error,
            }
            .tell();
        }
        found
    }

    /// Reads past the writer what is at most one row.
    pub(super) async fn read_one(self, readers: &Readers) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.read(readers).await?.into_iter().next())
    }

    fn bound(self, dialect: Dialect) -> Result<(Arc<str>, Bound), sqlx::Error> {
        let text = match dialect {
            Dialect::Sqlite => sqlite_only(&self.text),
            Dialect::Postgres => numbered(&self.text, 1),
        };
        let mut bound = Bound::nothing(dialect);
        for value in self.values.into_vec() {
            bound.add(value)?;
        }
        Ok((text.into(), bound))
    }
}
