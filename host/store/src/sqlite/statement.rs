//! One statement over many rows, which is what makes batches cheap: sqlx pays for every statement, not for every row.
//!
//! The number of rows is rounded up to a power of two with rows of nulls, so that few texts exist and all of them stay
//! prepared. A null equals nothing, so such rows join nothing; an INSERT leaves them out itself.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// `{before}(?, …), (?, …), …{after}`, with `columns` values to a row. `after` may ask for more values of its own.
pub(super) struct Statement {
    before: &'static str,
    columns: usize,
    after: &'static str,
    texts: [OnceLock<Arc<str>>; SIZES],
}

/// The values of a chunk, in the order of the statement's question marks.
#[derive(Default)]
pub(super) struct Values {
    arguments: SqliteArguments,
    refused: Option<BoxDynError>,
}

/// 1, 2, 4, … 256 rows: beyond that a statement costs less than its rows.
const SIZES: usize = 9;

impl Statement {
    pub(super) const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        Self {
            before,
            columns,
            after,
            texts: [const { OnceLock::new() }; SIZES],
        }
    }

    /// Runs it over `rows`; how many rows of the table it changed.
    pub(super) async fn execute<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        row: impl Fn(&mut Values, &T),
        after: impl Fn(&mut Values),
    ) -> Result<u64, sqlx::Error> {
        let mut changed = 0;
        for (size, chunk) in chunks(rows) {
            let query = sqlx::query_with(self.text(size), self.values(size, chunk, &row, &after)?);
            changed += query.execute(&mut *connection).await?.rows_affected();
        }
        Ok(changed)
    }

    /// Runs it over `rows`; what it returned, chunk after chunk.
    pub(super) async fn fetch<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        row: impl Fn(&mut Values, &T),
        after: impl Fn(&mut Values),
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::new();
        for (size, chunk) in chunks(rows) {
            let query = sqlx::query_with(self.text(size), self.values(size, chunk, &row, &after)?);
            found.append(&mut query.fetch_all(&mut *connection).await?);
        }
        Ok(found)
    }

    fn values<T>(
        &self,
        size: usize,
        rows: &[T],
        row: impl Fn(&mut Values, &T),
        after: impl Fn(&mut Values),
    ) -> Result<SqliteArguments, sqlx::Error> {
        let mut values = Values::default();
        for given in rows {
            row(&mut values, given);
        }
        for _ in rows.len() * self.columns..self.columns << size {
            values.put(None::<i64>);
        }
        after(&mut values);
        match values.refused {
            None => Ok(values.arguments),
            Some(error) => Err(sqlx::Error::Encode(error)),
        }
    }

    /// Made of this program's own text and question marks, so it is safe by construction.
    fn text(&self, size: usize) -> AssertSqlSafe<Arc<str>> {
        let text = self.texts[size].get_or_init(|| {
            let mut row = "?, ".repeat(self.columns);
            row.truncate(row.len() - 2);
            let mut text = self.before.to_owned();
            for place in 0..1 << size {
                let comma = if place == 0 { "" } else { ", " };
                write!(text, "{comma}({row})").expect("a string grows");
            }
            text.push_str(self.after);
            text.into()
        });
        AssertSqlSafe(Arc::clone(text))
    }
}

impl Values {
    /// Adds the next value.
    pub(super) fn put<'v>(&mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.refused.get_or_insert(error);
        }
        self
    }
}

/// No values after the rows.
pub(super) fn nothing(_: &mut Values) {}

/// Chunks as large as a statement gets, each with the power of two that it is rounded up to.
fn chunks<T>(rows: &[T]) -> impl Iterator<Item = (usize, &[T])> {
    rows.chunks(1 << (SIZES - 1)).map(|chunk| {
        let size = chunk.len().next_power_of_two().trailing_zeros();
        (usize::try_from(size).expect("at most 64"), chunk)
    })
}

/// Fails where one of the statements would read a whole table that grows, whatever it is asked for.
#[cfg(test)]
pub(super) async fn check_plans(statements: &[&Statement]) {
    use sqlx::{Connection, Row};

    let mut connection = SqliteConnection::connect("sqlite::memory:")
        .await
        .expect("a database in memory");
    sqlx::migrate!("migrations/sqlite")
        .run(&mut connection)
        .await
        .expect("a new schema");
    for statement in statements {
        let explain = format!("EXPLAIN QUERY PLAN {}", &*statement.text(1).0);
        let plan = sqlx::query(AssertSqlSafe(explain))
            .fetch_all(&mut connection)
            .await
            .expect("a statement that the schema knows");
        for row in plan {
            let step: String = row.get("detail");
            let target = step.strip_prefix("SCAN ").unwrap_or("CONSTANT");
            let is_given = target.contains("CONSTANT")
                || target.ends_with("VALUES CLAUSE")
                || statement.before.contains(&format!("WITH {target}("));
            assert!(is_given, "{step}: {}", statement.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_chunk_and_sizes_are_few() {
        let rows: Vec<usize> = (0..261).collect();
        let cut: Vec<(usize, usize)> = chunks(&rows)
            .map(|(size, chunk)| (size, chunk.len()))
            .collect();
        assert_eq!(cut, [(8, 256), (3, 5)]);
        let seen: Vec<usize> = chunks(&rows)
            .flat_map(|(_, chunk)| chunk.to_vec())
            .collect();
        assert_eq!(seen, rows);
        assert_eq!(chunks::<usize>(&[]).count(), 0);
    }

    #[test]
    fn a_text_has_a_question_mark_for_every_value() {
        let statement = Statement::new("INSERT INTO t VALUES ", 2, " RETURNING a");
        assert_eq!(
            &*statement.text(1).0,
            "INSERT INTO t VALUES (?, ?), (?, ?) RETURNING a"
        );
    }
}
