//! One text for both databases: statements over many rows, and many statements in one go.
//!
//! Written with `?` for a value, `{rows}` for the given rows, `{clock}` for the database's own clock in milliseconds, and
//! `{postgres: …}` for what only PostgreSQL is told, such as which rows to lock.
//! SQLite gets the rows as a VALUES clause; their number is rounded up to a power of two with rows of nulls, so that few
//! texts exist and all stay prepared. A null equals nothing, so such rows join nothing; an INSERT leaves them out itself.
//! PostgreSQL gets one array per column, and so one text whatever the number.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use super::database::{Bound, Connection, Dialect, Row};
use super::value::{Type, Value, Values};

/// A statement over rows of `columns`. It may ask for more values after its rows.
pub(super) struct Statement {
    columns: &'static [Type],
    sqlite: &'static str,
    postgres: &'static str,
    texts: [OnceLock<Arc<str>>; SIZES],
    text: OnceLock<Arc<str>>,
}

/// Statements that change rows and return none. They run in the order in which they were added, in one go.
#[derive(Default)]
pub(super) struct Script {
    parts: Vec<Part>,
}

/// A statement with its values.
struct Part {
    statement: &'static Statement,
    rows: usize,
    values: Vec<Value>,
    after: Vec<Value>,
}

/// 1, 2, 4, … 64 rows. From 256 on SQLite would rather read the whole table than look up each row (`check_plans`).
const SIZES: usize = 7;

const LARGEST: usize = 1 << (SIZES - 1);

/// PostgreSQL takes any number; this bounds the memory of one.
const LARGEST_ARRAY: usize = 1_024;

impl Statement {
    pub(super) const fn new(columns: &'static [Type], text: &'static str) -> Self {
        Self::of(columns, text, text)
    }

    /// One that the two databases say differently.
    pub(super) const fn of(
        columns: &'static [Type],
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Self {
        Self {
            columns,
            sqlite,
            postgres,
            texts: [const { OnceLock::new() }; SIZES],
            text: OnceLock::new(),
        }
    }

    /// Runs it over `rows`; what it returned, in chunks that run one after the other.
    pub(super) async fn fetch<T>(
        &'static self,
        connection: &mut Connection,
        rows: &[T],
        row: impl Fn(&mut Values, &T),
        after: impl Fn(&mut Values),
    ) -> Result<Vec<Row>, sqlx::Error> {
        let dialect = connection.dialect();
        let mut found = Vec::new();
        for chunk in rows.chunks(largest(dialect)) {
            let part = Part::new(self, chunk, &row, &after);
            let text = part.text(dialect, part.size());
            let mut values = Bound::nothing(dialect);
            let size = part.size();
            part.bind(size, &mut values)?;
            found.append(&mut connection.fetch(text, values).await?);
        }
        Ok(found)
    }

    fn sqlite_text(&self, size: usize) -> &Arc<str> {
        self.texts[size].get_or_init(|| {
            let mut row = "?, ".repeat(self.columns.len());
            row.truncate(row.len() - 2);
            let mut rows = "VALUES ".to_owned();
            for place in 0..1 << size {
                let comma = if place == 0 { "" } else { ", " };
                write!(rows, "{comma}({row})").expect("a string grows");
            }
            never_undone_alone(&sqlite_only(self.sqlite))
                .replace("{rows}", &rows)
                .into()
        })
    }

    fn postgres_text(&self) -> &Arc<str> {
        self.text.get_or_init(|| {
            let mut arrays = String::new();
            let mut names = String::new();
            for (place, column) in (1..).zip(self.columns) {
                let comma = if place == 1 { "" } else { ", " };
                let of = column.postgres();
                write!(arrays, "{comma}${place}::{of}[]").expect("a string grows");
                write!(names, "{comma}column{place}").expect("a string grows");
            }
            let rows = format!("SELECT * FROM UNNEST({arrays}) AS r({names})");
            // Before `{rows}` is filled in, every question mark is a value after the rows.
            let text = numbered(self.postgres, self.columns.len() + 1);
            text.replace("{rows}", &rows).into()
        })
    }
}

/// SQLite's leases end with their process and not by a clock.
const SQLITE_CLOCK: &str = "0";

const POSTGRES_CLOCK: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint";

const ONLY_POSTGRES: &str = "{postgres: ";

/// The text as SQLite understands it.
pub(super) fn sqlite_only(text: &str) -> String {
    let mut parts = text.split(ONLY_POSTGRES);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        told.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    told.replace("{clock}", SQLITE_CLOCK)
}

/// The same for whoever rolls back the whole transaction when it fails. So that it could undo a statement of many rows by
/// itself, SQLite would copy every page that it changes, and beyond some of them into a file made for the purpose.
fn never_undone_alone(text: &str) -> String {
    text.replace("INSERT INTO ", "INSERT OR FAIL INTO ")
        .replace("UPDATE ", "UPDATE OR FAIL ")
        // This one belongs to its INSERT.
        .replace("DO UPDATE OR FAIL SET ", "DO UPDATE SET ")
}

/// The text as PostgreSQL understands it, with `$n` for each `?`, counted from `first`.
pub(super) fn numbered(text: &str, first: usize) -> String {
    let mut told = String::with_capacity(text.len());
    let mut parts = text.split(ONLY_POSTGRES);
    told.push_str(parts.next().unwrap_or_default());
    for part in parts {
        told.push_str(&part.replacen('}', "", 1));
    }
    let mut parts = told.split('?');
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    for (number, part) in (first..).zip(parts) {
        write!(numbered, "${number}{part}").expect("a string grows");
    }
    numbered.replace("{clock}", POSTGRES_CLOCK)
}

fn largest(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => LARGEST,
        Dialect::Postgres => LARGEST_ARRAY,
    }
}

impl Script {
    /// Adds a statement over `rows`; over none, nothing is added.
    pub(super) fn add<T>(
        &mut self,
        statement: &'static Statement,
        rows: &[T],
        row: impl Fn(&mut Values, &T),
    ) {
        self.add_with(statement, rows, row, |_| ());
    }

    /// Adds a statement that asks for more values after its rows.
    pub(super) fn add_with<T>(
        &mut self,
        statement: &'static Statement,
        rows: &[T],
        row: impl Fn(&mut Values, &T),
        after: impl Fn(&mut Values),
    ) {
        if !rows.is_empty() {
            self.parts.push(Part::new(statement, rows, &row, &after));
        }
    }

    /// Runs what was added.
    pub(super) async fn run(self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        let dialect = connection.dialect();
        let parts = self
            .parts
            .into_iter()
            .flat_map(|part| part.split(largest(dialect)))
            .collect();
        match dialect {
            Dialect::Sqlite => Self { parts }.run_as_one(connection).await,
            Dialect::Postgres => Self { parts }.run_one_by_one(connection).await,
        }
    }

    /// SQLite takes many statements at once, and sqlx pays for every round to the connection's thread.
    async fn run_as_one(self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        // One size for all, or there would be as many texts as there are ways to combine sizes.
        let Some(size) = self.parts.iter().map(Part::size).max() else {
            return Ok(());
        };
        let mut text = String::new();
        let mut values = Bound::nothing(Dialect::Sqlite);
        for part in self.parts {
            text.push_str(part.statement.sqlite_text(size));
            text.push_str(";\n");
            part.bind(size, &mut values)?;
        }
        connection.execute(text.into(), values).await?;
        Ok(())
    }

    async fn run_one_by_one(self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        for part in self.parts {
            let text = part.text(Dialect::Postgres, 0);
            let mut values = Bound::nothing(Dialect::Postgres);
            part.bind(0, &mut values)?;
            connection.execute(text, values).await?;
        }
        Ok(())
    }
}

impl Part {
    fn new<T>(
        statement: &'static Statement,
        rows: &[T],
        row: impl Fn(&mut Values, &T),
        after: impl Fn(&mut Values),
    ) -> Self {
        let mut values = Values::with_capacity(rows.len() * statement.columns.len());
        for given in rows {
            row(&mut values, given);
        }
        let values = values.into_vec();
        debug_assert!(
            values
                .iter()
                .zip(statement.columns.iter().cycle())
                .all(|(value, column)| value.is_of(*column))
                && values.len() == rows.len() * statement.columns.len(),
            "{values:?} for {:?} in {}",
            statement.columns,
            statement.sqlite
        );
        let mut last = Values::default();
        after(&mut last);
        Self {
            statement,
            rows: rows.len(),
            values,
            after: last.into_vec(),
        }
    }

    /// The same over at most so many rows each, in order.
    fn split(self, largest: usize) -> Vec<Self> {
        let columns = self.statement.columns.len();
        let mut parts = Vec::with_capacity(self.rows.div_ceil(largest));
        let mut left = self.values.into_iter();
        for first in (0..self.rows).step_by(largest) {
            let rows = largest.min(self.rows - first);
            parts.push(Self {
                statement: self.statement,
                rows,
                values: left.by_ref().take(rows * columns).collect(),
                after: self.after.clone(),
            });
        }
        parts
    }

    /// The power of two that its number of rows is rounded up to.
    fn size(&self) -> usize {
        let size = self.rows.next_power_of_two().trailing_zeros();
        usize::try_from(size).expect("the exponent of a number in memory")
    }

    fn text(&self, dialect: Dialect, size: usize) -> Arc<str> {
        Arc::clone(match dialect {
            Dialect::Sqlite => self.statement.sqlite_text(size),
            Dialect::Postgres => self.statement.postgres_text(),
        })
    }

    fn bind(self, size: usize, bound: &mut Bound) -> Result<(), sqlx::Error> {
        let columns = self.statement.columns;
        match bound {
            Bound::Sqlite(_) => {
                let asked = columns.len() << size;
                let nulls = (self.values.len()..asked).map(|_| Value::Null(Type::Integer));
                for value in self.values.into_iter().chain(nulls) {
                    bound.add(value)?;
                }
            }
            Bound::Postgres(_) => {
                let mut arrays: Vec<Vec<Value>> = columns.iter().map(|_| Vec::new()).collect();
                for (place, value) in self.values.into_iter().enumerate() {
                    arrays[place % columns.len()].push(value);
                }
                for (column, values) in columns.iter().zip(arrays) {
                    bound.add_column(*column, values.into_iter())?;
                }
            }
        }
        self.after
            .into_iter()
            .try_for_each(|value| bound.add(value))
    }
}

/// No values after the rows.
pub(super) fn nothing(_: &mut Values) {}

#[cfg(test)]
mod plans;

#[cfg(test)]
pub(super) use self::plans::{check_index, check_plans};

#[cfg(test)]
mod tests;
