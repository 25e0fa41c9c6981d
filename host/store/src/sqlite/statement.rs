//! One statement over many rows, and many statements in one go: what makes batches cheap, because sqlx pays for every
//! round to the connection's thread and not for every row.
//!
//! The number of rows is rounded up to a power of two with rows of nulls, so that few texts exist and all of them stay
//! prepared. A null equals nothing, so such rows join nothing; an INSERT leaves them out itself.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection};

use super::value::{Value, Values};

/// `{before}(?, …), (?, …), …{after}`, with `columns` values to a row. `after` may ask for more values of its own.
pub(super) struct Statement {
    before: &'static str,
    columns: usize,
    after: &'static str,
    texts: [OnceLock<Arc<str>>; SIZES],
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

impl Statement {
    pub(super) const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        Self {
            before,
            columns,
            after,
            texts: [const { OnceLock::new() }; SIZES],
        }
    }

    /// Runs it over `rows`; what it returned, in chunks that run one after the other.
    pub(super) async fn fetch<T>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &[T],
        row: impl Fn(&mut Values, &T),
        after: impl Fn(&mut Values),
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::new();
        for chunk in rows.chunks(LARGEST) {
            let part = Part::new(self, chunk, &row, &after);
            let size = part.size();
            let mut arguments = SqliteArguments::default();
            part.bind(size, &mut arguments)
                .map_err(sqlx::Error::Encode)?;
            let text = AssertSqlSafe(Arc::clone(self.text(size)));
            let query = sqlx::query_with(text, arguments);
            found.append(&mut query.fetch_all(&mut *connection).await?);
        }
        Ok(found)
    }

    fn text(&self, size: usize) -> &Arc<str> {
        self.texts[size].get_or_init(|| {
            let mut row = "?, ".repeat(self.columns);
            row.truncate(row.len() - 2);
            let mut text = self.before.to_owned();
            for place in 0..1 << size {
                let comma = if place == 0 { "" } else { ", " };
                write!(text, "{comma}({row})").expect("a string grows");
            }
            text.push_str(self.after);
            text.into()
        })
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
        let chunks = rows.chunks(LARGEST);
        self.parts
            .extend(chunks.map(|chunk| Part::new(statement, chunk, &row, &after)));
    }

    /// Runs what was added.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        // One size for all, or there would be as many texts as there are ways to combine sizes.
        let Some(size) = self.parts.iter().map(Part::size).max() else {
            return Ok(());
        };
        let mut text = String::new();
        let mut arguments = SqliteArguments::default();
        for part in self.parts {
            text.push_str(part.statement.text(size));
            text.push_str(";\n");
            part.bind(size, &mut arguments)
                .map_err(sqlx::Error::Encode)?;
        }
        // Made of this program's own text and question marks, so it is safe by construction.
        let query = sqlx::query_with(AssertSqlSafe(text), arguments);
        query.execute(connection).await?;
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
        let mut values = Values::with_capacity(rows.len() * statement.columns);
        for given in rows {
            row(&mut values, given);
        }
        let mut last = Values::default();
        after(&mut last);
        Self {
            statement,
            rows: rows.len(),
            values: values.into_vec(),
            after: last.into_vec(),
        }
    }

    /// The power of two that its number of rows is rounded up to.
    fn size(&self) -> usize {
        let size = self.rows.next_power_of_two().trailing_zeros();
        usize::try_from(size).expect("at most 64")
    }

    fn bind(self, size: usize, arguments: &mut SqliteArguments) -> Result<(), BoxDynError> {
        let given = self.values.len();
        let asked = self.statement.columns << size;
        let nulls = (given..asked).map(|_| Value::Null);
        for value in self.values.into_iter().chain(nulls).chain(self.after) {
            match value {
                Value::Null => arguments.add(None::<i64>)?,
                Value::Integer(number) => arguments.add(number)?,
                Value::Text(text) => arguments.add(text)?,
                Value::Bytes(bytes) => arguments.add(bytes)?,
            }
        }
        Ok(())
    }
}

/// No values after the rows.
pub(super) fn nothing(_: &mut Values) {}

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
    for (statement, size) in statements
        .iter()
        .flat_map(|one| (1..SIZES).map(move |size| (one, size)))
    {
        let explain = format!("EXPLAIN QUERY PLAN {}", statement.text(size));
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
            assert!(is_given, "{step} at {}: {}", 1 << size, statement.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, Row};

    use super::*;

    static INSERT: Statement = Statement::new(
        "INSERT INTO t (a, b) SELECT * FROM (VALUES ",
        2,
        ") WHERE column1 IS NOT NULL",
    );

    static RAISE: Statement = Statement::new(
        "WITH raised(a) AS (VALUES ",
        1,
        ") UPDATE t SET b = b + ? FROM raised WHERE t.a = raised.a",
    );

    static FIND: Statement = Statement::new(
        "WITH given(a) AS (VALUES ",
        1,
        ") SELECT t.a, t.b FROM given JOIN t ON t.a = given.a ORDER BY t.a",
    );

    #[test]
    fn a_text_has_a_question_mark_for_every_value() {
        let statement = Statement::new("INSERT INTO t VALUES ", 2, " RETURNING a");
        let text = statement.text(1);
        assert_eq!(&**text, "INSERT INTO t VALUES (?, ?), (?, ?) RETURNING a");
    }

    #[tokio::test]
    async fn statements_run_in_order_over_exactly_the_rows_that_were_given() {
        let mut connection = SqliteConnection::connect("sqlite::memory:")
            .await
            .expect("a database");
        sqlx::query("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)")
            .execute(&mut connection)
            .await
            .expect("a table");
        // More rows than one statement takes, and no power of two.
        let rows: Vec<i64> = (0..600).collect();
        let mut script = Script::default();
        script.add(&INSERT, &rows, |values, row| {
            values.put(*row).put(*row);
        });
        let raised = [3_i64, 5, 599];
        script.add_with(
            &RAISE,
            &raised,
            |values, row| {
                values.put(*row);
            },
            |values| {
                values.put(1_000_i64);
            },
        );
        script.add::<i64>(&INSERT, &[], |_, _| unreachable!("there is no row"));
        script
            .run(&mut connection)
            .await
            .expect("statements of the test's own");

        let asked: Vec<i64> = (0..700).collect();
        let found = FIND
            .fetch(
                &mut connection,
                &asked,
                |values, row| {
                    values.put(*row);
                },
                nothing,
            )
            .await
            .expect("a read");
        let found: Vec<(i64, i64)> = found
            .iter()
            .map(|row| (row.get("a"), row.get("b")))
            .collect();
        let expect: Vec<(i64, i64)> = rows
            .iter()
            .map(|row| {
                (
                    *row,
                    if raised.contains(row) {
                        row + 1_000
                    } else {
                        *row
                    },
                )
            })
            .collect();
        assert_eq!(found, expect);
    }
}
