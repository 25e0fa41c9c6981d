//! Moving an installation from SQLite to PostgreSQL: every row of every table, in pages, into an empty database.
//!
//! What columns and keys a table has is read from PostgreSQL, so that a column that is added is not forgotten here.

use super::database::{Bound, Connection, Dialect, Row};
use super::query::Query;
use super::value::{Type, Value};
use super::{Readers, Store};
use crate::Error;

/// Rows of one statement.
const PAGE: i64 = 500;

/// Parents before children. `delivery_counts` is counted anew, `configuration` begins anew.
const TABLES: [&str; 24] = [
    "sources",
    "accounts",
    "connections",
    "secrets",
    "connector_versions",
    "routes",
    "variables",
    "keys",
    "events",
    "entities",
    "deliveries",
    "lanes",
    "attempts",
    "exchanges",
    "effects",
    "effect_keys",
    "links",
    "link_history",
    "cache",
    "standings",
    "locks",
    "removals",
    "audit",
    "configuration",
];

/// A column of a table.
struct Column {
    name: String,
    of: Type,
    is_key: bool,
    /// Numbered by the database itself, whatever it is given.
    is_generated: bool,
}

impl Store {
    /// Copies everything into `to`, which must be an empty PostgreSQL database; tells each table with its rows.
    ///
    /// All or nothing: it is one transaction. Whatever was running is pending in the copy.
    pub async fn copy_into(
        &self,
        to: &Self,
        mut told: impl FnMut(&'static str, u64) + Send,
    ) -> Result<(), Error> {
        let (Readers::Sqlite(_), Readers::Postgres(_)) = (&self.readers, &to.readers) else {
            return Err(Error::Copy(
                "an installation is moved from a sqlite: store to a postgres: one".into(),
            ));
        };
        let mut source = self.readers.snapshot().await?;
        let mut target = to.readers.acquire().await?;
        target.begin().await?;
        let copied = copy(&mut source, &mut target, &mut told).await;
        match copied {
            Ok(()) => target.commit().await,
            Err(error) => {
                // What went wrong before is what the operator must hear of.
                let _ = target.roll_back().await;
                Err(error)
            }
        }
    }
}

async fn copy(
    source: &mut Connection,
    target: &mut Connection,
    told: &mut (impl FnMut(&'static str, u64) + Send),
) -> Result<(), Error> {
    for table in ["sources", "accounts", "events", "deliveries"] {
        let first = Query::new(format!("SELECT 1 FROM {table} LIMIT 1"))
            .fetch_all(target)
            .await?;
        if !first.is_empty() {
            return Err(Error::Copy(format!(
                "the target has rows in `{table}` already; name a database that is empty"
            )));
        }
    }
    // What opening it has put there.
    target
        .run("DELETE FROM configuration; DELETE FROM secrets")
        .await?;
    for table in TABLES {
        let columns = columns(target, table).await?;
        let rows = copy_table(source, target, table, &columns).await?;
        told(table, rows);
    }
    target
        .run(
            "UPDATE lanes SET lease_token = NULL, lease_owner = NULL, leased_at = NULL, lease_until = NULL, \
             sole_sequence = NULL; \
             SELECT setval('delivery_sequence', GREATEST((SELECT MAX(sequence) FROM deliveries), \
                                                         (SELECT MAX(last_sequence) FROM lanes), 1)); \
             SELECT setval(pg_get_serial_sequence('lanes', 'number'), GREATEST((SELECT MAX(number) FROM lanes), 1))",
        )
        .await?;
    Ok(())
}

/// The table's columns as PostgreSQL has them.
async fn columns(target: &mut Connection, table: &str) -> Result<Vec<Column>, Error> {
    let found = Query::new(
        "SELECT columns.column_name::text AS name, columns.data_type::text AS of, \
         columns.is_identity = 'YES' AND columns.identity_generation = 'ALWAYS' AS is_generated, \
         EXISTS (SELECT 1 FROM information_schema.table_constraints \
                 JOIN information_schema.key_column_usage USING (constraint_schema, constraint_name, table_name) \
                 WHERE table_constraints.table_name = columns.table_name \
                 AND table_constraints.table_schema = columns.table_schema \
                 AND table_constraints.constraint_type = 'PRIMARY KEY' \
                 AND key_column_usage.column_name = columns.column_name) AS is_key \
         FROM information_schema.columns \
         WHERE columns.table_schema = current_schema() AND columns.table_name = ? ORDER BY columns.ordinal_position",
    )
    .bind(table)
    .fetch_all(target)
    .await?;
    found
        .iter()
        .map(|row| {
            let name: String = row.try_get("name")?;
            let of = match row.try_get::<String>("of")?.as_str() {
                "uuid" => Type::Id,
                "bigint" => Type::Integer,
                "text" => Type::Text,
                "bytea" => Type::Bytes,
                "boolean" => Type::Fact,
                other => {
                    return Err(Error::Copy(format!(
                        "{table}.{name} is of type {other}, which this version does not know"
                    )));
                }
            };
            Ok(Column {
                of,
                is_key: row.try_get("is_key")?,
                is_generated: row.try_get("is_generated")?,
                name,
            })
        })
        .collect()
}

/// Copies one table in the order of its key; how many rows.
async fn copy_table(
    source: &mut Connection,
    target: &mut Connection,
    table: &str,
    columns: &[Column],
) -> Result<u64, Error> {
    let names = |of: &[&Column]| {
        let names: Vec<&str> = of.iter().map(|column| column.name.as_str()).collect();
        names.join(", ")
    };
    let all: Vec<&Column> = columns.iter().collect();
    let key: Vec<&Column> = columns.iter().filter(|column| column.is_key).collect();
    let given: Vec<&Column> = columns
        .iter()
        .filter(|column| !column.is_generated)
        .collect();
    let mut copied = 0;
    let mut behind: Option<Vec<Value>> = None;
    loop {
        let mut query = Query::new(format!("SELECT {} FROM {table}", names(&all)));
        if let Some(behind) = behind.take() {
            query.push(&format!(" WHERE ({}) > (", names(&key)));
            for (place, value) in behind.into_iter().enumerate() {
                query
                    .push(if place == 0 { "" } else { ", " })
                    .push_bind(value);
            }
            query.push(")");
        }
        if !key.is_empty() {
            query.push(&format!(" ORDER BY {}", names(&key)));
        }
        query.push(" LIMIT ").push_bind(PAGE);
        let rows = query.fetch_all(source).await?;
        let Some(last) = rows.last() else { break };
        behind = Some(values(last, &key)?);
        insert(target, table, &names(&given), &given, &rows).await?;
        copied += rows.len() as u64;
        if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) || key.is_empty() {
            break;
        }
    }
    Ok(copied)
}

async fn insert(
    target: &mut Connection,
    table: &str,
    names: &str,
    columns: &[&Column],
    rows: &[Row],
) -> Result<(), Error> {
    let mut bound = Bound::nothing(Dialect::Postgres);
    let mut arrays = Vec::new();
    for (place, column) in (1..).zip(columns) {
        let values = rows
            .iter()
            .map(|row| value(row, column))
            .collect::<Result<Vec<_>, _>>()?;
        bound.add_column(column.of, values.into_iter())?;
        arrays.push(format!("${place}::{}[]", column.of.postgres()));
    }
    let arrays = arrays.join(", ");
    let text = format!("INSERT INTO {table} ({names}) SELECT * FROM UNNEST({arrays})");
    target.execute(text.into(), bound).await?;
    Ok(())
}

fn values(row: &Row, columns: &[&Column]) -> Result<Vec<Value>, Error> {
    let values = columns.iter().map(|column| value(row, column));
    Ok(values.collect::<Result<_, _>>()?)
}

fn value(row: &Row, column: &Column) -> Result<Value, sqlx::Error> {
    let name = column.name.as_str();
    Ok(match column.of {
        Type::Id => row.try_get::<Option<uuid::Uuid>>(name)?.into(),
        Type::Integer => row.try_get::<Option<i64>>(name)?.into(),
        Type::Text => row.try_get::<Option<String>>(name)?.into(),
        Type::Bytes => row.try_get::<Option<Vec<u8>>>(name)?.into(),
        Type::Fact => row.try_get::<Option<bool>>(name)?.into(),
    })
}
