//! The texts, and scripts on a database in memory.

use sqlx::{Connection as _, SqliteConnection};

use super::Type::Integer;
use super::*;

static INSERT: Statement = Statement::new(
    &[Integer, Integer],
    "INSERT INTO t (a, b) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL",
);

static RAISE: Statement = Statement::new(
    &[Integer],
    "WITH raised(a) AS ({rows}) UPDATE t SET b = b + ? FROM raised WHERE t.a = raised.a",
);

static FIND: Statement = Statement::new(
    &[Integer],
    "WITH given(a) AS ({rows}) SELECT t.a, t.b FROM given JOIN t ON t.a = given.a ORDER BY t.a",
);

#[test]
fn a_text_has_a_place_for_every_value() {
    let statement = Statement::new(
        &[Integer, Type::Text],
        "INSERT INTO t SELECT * FROM ({rows}) WHERE column1 > ? RETURNING a",
    );
    assert_eq!(
        &**statement.sqlite_text(1),
        "INSERT OR FAIL INTO t SELECT * FROM (VALUES (?, ?), (?, ?)) WHERE column1 > ? RETURNING a"
    );
    assert_eq!(
        &**statement.postgres_text(),
        "INSERT INTO t SELECT * FROM (SELECT * FROM UNNEST($1::bigint[], $2::text[]) AS r(column1, column2)) \
         WHERE column1 > $3 RETURNING a"
    );
}

#[test]
fn sqlite_need_not_undo_a_statement_by_itself() {
    let text = "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2; UPDATE t SET b = 3";
    assert_eq!(
        never_undone_alone(text),
        "INSERT OR FAIL INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2; UPDATE OR FAIL t SET b = 3"
    );
}

#[test]
fn only_postgres_is_told_what_to_lock() {
    let statement = Statement::new(
        &[Integer],
        "SELECT {clock} FROM ({rows}) AS t WHERE a = ?{postgres:  FOR UPDATE OF t} LIMIT ?",
    );
    assert_eq!(
        &**statement.sqlite_text(0),
        "SELECT 0 FROM (VALUES (?)) AS t WHERE a = ? LIMIT ?"
    );
    assert!(
        statement
            .postgres_text()
            .ends_with("AS t WHERE a = $2 FOR UPDATE OF t LIMIT $3")
    );
}

#[tokio::test]
async fn statements_run_in_order_over_exactly_the_rows_that_were_given() {
    let sqlite = SqliteConnection::connect("sqlite::memory:").await;
    let mut connection = Connection::Sqlite(sqlite.expect("a database"));
    connection
        .run("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)")
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
        .map(|row| {
            let cell = |column| row.try_get(column).expect("a number");
            (cell("a"), cell("b"))
        })
        .collect();
    let expect: Vec<(i64, i64)> = rows
        .iter()
        .map(|row| (*row, row + if raised.contains(row) { 1_000 } else { 0 }))
        .collect();
    assert_eq!(found, expect);
}
