//! A connection to either database, and the rows that it answers with.
//!
//! Everything that only one of the two has is behind this and in `sqlite` and `postgres`; all other files of the store
//! speak to a `Connection` in the one dialect of `statement`.

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, ColumnIndex, Decode, Executor, Row as _, Type};

use super::value::{self, Value};
use crate::Error;
use crate::happening::{Operation, StoreFailed};

/// Which database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// One file, one process.
    Sqlite,
    /// Shared by several hosts.
    Postgres,
}

/// A connection of its own, or one of a pool.
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    PooledSqlite(PoolConnection<Sqlite>),
    PooledPostgres(PoolConnection<Postgres>),
}

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Connections that read past the writer.
#[derive(Clone)]
pub(crate) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// What a column can be read as, in both databases.
pub(crate) trait Readable<'r>: Sized {
    fn of_sqlite(row: &'r SqliteRow, column: &str) -> Result<Self, sqlx::Error>;
    fn of_postgres(row: &'r PgRow, column: &str) -> Result<Self, sqlx::Error>;
}

impl<'r, T> Readable<'r> for T
where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    for<'c> &'c str: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
{
    fn of_sqlite(row: &'r SqliteRow, column: &str) -> Result<Self, sqlx::Error> {
        row.try_get(column)
    }

    fn of_postgres(row: &'r PgRow, column: &str) -> Result<Self, sqlx::Error> {
        row.try_get(column)
    }
}

impl Row {
    pub(crate) fn try_get<'r, T: Readable<'r>>(&'r self, column: &str) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => T::of_sqlite(row, column),
            Self::Postgres(row) => T::of_postgres(row, column),
        }
    }

    /// A number that is never negative.
    pub(super) fn try_get_count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, sqlx::Error> {
        let number: i64 = self.try_get(column)?;
        T::try_from(number).map_err(|_| sqlx::Error::ColumnDecode {
            index: column.to_owned(),
            source: format!("{number} is out of its range").into(),
        })
    }
}

/// A connection as sqlx knows it.
enum Known<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Connection {
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) | Self::PooledSqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) | Self::PooledPostgres(_) => Dialect::Postgres,
        }
    }

    /// Begins a transaction; the caller ends it with `commit` or `roll_back`.
    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        let begin = match self.dialect() {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        };
        Ok(self.run(begin).await?)
    }

    /// Begins a transaction that only reads, and reads of one moment.
    pub(super) async fn begin_reading(&mut self) -> Result<(), Error> {
        let begin = match self.dialect() {
            Dialect::Sqlite => "BEGIN",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.run(begin).await?)
    }

    pub(crate) async fn commit(&mut self) -> Result<(), Error> {
        Ok(self.run("COMMIT").await?)
    }

    /// Undoes what the transaction did. Where that fails the connection is of no use any more.
    pub(crate) async fn roll_back(&mut self) -> Result<(), Error> {
        Ok(self.run("ROLLBACK").await?)
    }

    /// A statement without values.
    pub(crate) async fn run(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        match self.known() {
            Known::Sqlite(connection) => connection.execute(sqlx::raw_sql(text)).await.map(drop),
            Known::Postgres(connection) => connection.execute(sqlx::raw_sql(text)).await.map(drop),
        }
    }

    /// What the statement answers. Its text is made of this program's own text and places for values alone.
    pub(super) async fn fetch(
        &mut self,
        text: Arc<str>,
        values: Bound,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let text = AssertSqlSafe(text);
        match (self.known(), values) {
            (Known::Sqlite(connection), Bound::Sqlite(values)) => {
                let rows = sqlx::query_with(text, values).fetch_all(connection).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            (Known::Postgres(connection), Bound::Postgres(values)) => {
                let rows = sqlx::query_with(text, values).fetch_all(connection).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
            _ => unreachable!("values are bound for the connection's own dialect"),
        }
    }

    /// Runs the statement; how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        text: Arc<str>,
        values: Bound,
    ) -> Result<u64, sqlx::Error> {
        let text = AssertSqlSafe(text);
        match (self.known(), values) {
            (Known::Sqlite(connection), Bound::Sqlite(values)) => {
                Ok(sqlx::query_with(text, values)
                    .execute(connection)
                    .await?
                    .rows_affected())
            }
            (Known::Postgres(connection), Bound::Postgres(values)) => {
                Ok(sqlx::query_with(text, values)
                    .execute(connection)
                    .await?
                    .rows_affected())
            }
            _ => unreachable!("values are bound for the connection's own dialect"),
        }
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        use sqlx::Connection as _;
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
            Self::PooledSqlite(_) | Self::PooledPostgres(_) => Ok(()),
        }
    }

    fn known(&mut self) -> Known<'_> {
        match self {
            Self::Sqlite(connection) => Known::Sqlite(connection),
            Self::Postgres(connection) => Known::Postgres(connection),
            Self::PooledSqlite(connection) => Known::Sqlite(&mut *connection),
            Self::PooledPostgres(connection) => Known::Postgres(&mut *connection),
        }
    }
}

impl Readers {
    pub(super) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        let acquired = match self {
            Self::Sqlite(pool) => pool.acquire().await.map(Connection::PooledSqlite),
            Self::Postgres(pool) => pool.acquire().await.map(Connection::PooledPostgres),
        };
        if let Err(error) = &acquired
            && !matches!(error, sqlx::Error::PoolClosed)
        {
            StoreFailed {
                operation: Operation::Read,
                error,
            }
            .tell();
        }
        acquired
    }

    /// A connection in a transaction that reads of one moment. It is not used again, however the reading ends.
    pub(super) async fn snapshot(&self) -> Result<Connection, Error> {
        let mut connection = self.acquire().await?;
        match &mut connection {
            Connection::PooledSqlite(pooled) => pooled.close_on_drop(),
            Connection::PooledPostgres(pooled) => pooled.close_on_drop(),
            Connection::Sqlite(_) | Connection::Postgres(_) => {}
        }
        connection.begin_reading().await?;
        Ok(connection)
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Values bound for one dialect.
pub(super) enum Bound {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

impl Bound {
    pub(super) fn nothing(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Sqlite(SqliteArguments::default()),
            Dialect::Postgres => Self::Postgres(PgArguments::default()),
        }
    }

    /// Adds the next value.
    pub(super) fn add(&mut self, value: Value) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(arguments) => match value {
                Value::Null(_) => arguments.add(None::<i64>),
                Value::Id(id) => arguments.add(id),
                Value::Integer(number) => arguments.add(number),
                Value::Text(text) => arguments.add(text),
                Value::Bytes(bytes) => arguments.add(bytes),
                Value::Fact(fact) => arguments.add(fact),
            },
            Self::Postgres(arguments) => match value {
                Value::Null(value::Type::Id) => arguments.add(None::<uuid::Uuid>),
                Value::Null(value::Type::Integer) => arguments.add(None::<i64>),
                Value::Null(value::Type::Text) => arguments.add(None::<String>),
                Value::Null(value::Type::Bytes) => arguments.add(None::<Vec<u8>>),
                Value::Null(value::Type::Fact) => arguments.add(None::<bool>),
                Value::Id(id) => arguments.add(id),
                Value::Integer(number) => arguments.add(number),
                Value::Text(text) => arguments.add(text),
                Value::Bytes(bytes) => arguments.add(bytes),
                Value::Fact(fact) => arguments.add(fact),
            },
        }
        .map_err(sqlx::Error::Encode)
    }

    /// Adds a column of values as one array; PostgreSQL only.
    pub(super) fn add_column(
        &mut self,
        of: value::Type,
        values: impl Iterator<Item = Value>,
    ) -> Result<(), sqlx::Error> {
        let Self::Postgres(arguments) = self else {
            unreachable!("only PostgreSQL takes rows as arrays");
        };
        macro_rules! array {
            ($type:ident) => {
                arguments.add(
                    values
                        .map(|value| match value {
                            Value::$type(value) => Some(value),
                            _ => None,
                        })
                        .collect::<Vec<_>>(),
                )
            };
        }
        match of {
            value::Type::Id => array!(Id),
            value::Type::Integer => array!(Integer),
            value::Type::Text => array!(Text),
            value::Type::Bytes => array!(Bytes),
            value::Type::Fact => array!(Fact),
        }
        .map_err(sqlx::Error::Encode)
    }
}
