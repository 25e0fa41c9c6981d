//! Query plans: no statement may read a whole table that grows.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::{SIZES, Statement};
use crate::postgres::READER_SETTINGS;

/// All deliveries waited when the database last looked, and nearly none does now: the worst for who reads the oldest.
/// More lanes wait than are counted: of fewer it may read all, in whatever way.
const WAITED: &str = "\
    INSERT INTO deliveries (sequence, id, event, connection, contact, priority, lacks_identity, turn, occurred_at_us, \
     received_at, queued_at, state, attempts, was_claimed, was_retried) \
    SELECT n, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), n, 0, false, 0, n, n, n, 'pending', 0, false, false \
    FROM generate_series(1, 5000) AS n; \
    INSERT INTO lanes (connection, contact, ready_at, last_sequence) \
    SELECT gen_random_uuid(), n, n, n FROM generate_series(1, 50000) AS n; \
    ANALYZE deliveries; ANALYZE lanes; \
    UPDATE deliveries SET state = 'succeeded', settled_at = 1 WHERE sequence < 5000";

/// Fails where one of the statements would read a whole table that grows, whatever it is asked for.
pub(in super::super) async fn check_plans(statements: &[&Statement]) {
    let mut connection = in_memory().await;
    for (statement, size) in statements
        .iter()
        .flat_map(|one| (1..SIZES).map(move |size| (one, size)))
    {
        let explain = format!("EXPLAIN QUERY PLAN {}", statement.sqlite_text(size));
        let plan = sqlx::query(AssertSqlSafe(explain))
            .fetch_all(&mut connection)
            .await
            .expect("a statement that the schema knows");
        for row in plan {
            let step: String = row.get("detail");
            let target = step.strip_prefix("SCAN ").unwrap_or("CONSTANT");
            let is_given = target.contains("CONSTANT")
                || target.ends_with("VALUES CLAUSE")
                || target == "given"
                || statement.sqlite.contains(&format!("WITH {target}("));
            assert!(is_given, "{step} at {}: {}", 1 << size, statement.sqlite);
        }
    }
}

/// Fails where a statement whose values are all numbers reads deliveries or lanes by anything but this index, in either
/// database.
pub(in super::super) async fn check_index(text: &str, index: &str) {
    let text = text.replace('?', "10000");
    let explain = format!("EXPLAIN QUERY PLAN {text}");
    let plan = sqlx::query(AssertSqlSafe(explain))
        .fetch_all(&mut in_memory().await)
        .await
        .expect("a statement that the schema knows");
    let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
    check_reads(&plan, "SCAN ", index);

    let mut connection = on_server().await;
    let explain = format!("EXPLAIN {text}");
    let plan = sqlx::query(AssertSqlSafe(explain))
        .fetch_all(&mut connection)
        .await
        .expect("a statement that the schema knows");
    let plan: Vec<String> = plan.iter().map(|row| row.get("QUERY PLAN")).collect();
    check_reads(&plan, "Scan ", index);
}

/// Of the steps of a plan that read a table, there is one, and it uses the index.
#[track_caller]
fn check_reads(plan: &[String], read: &str, index: &str) {
    let is_read = |step: &&String| {
        step.contains(read) && (step.contains("deliveries") || step.contains("lanes"))
    };
    let reads: Vec<&String> = plan.iter().filter(is_read).collect();
    assert!(
        reads.len() == 1 && reads[0].contains(index),
        "{index}: {plan:#?}"
    );
}

async fn in_memory() -> SqliteConnection {
    let mut connection = SqliteConnection::connect("sqlite::memory:")
        .await
        .expect("a database in memory");
    sqlx::migrate!("migrations/sqlite")
        .run(&mut connection)
        .await
        .expect("a new schema");
    connection
}

/// A session as readers have it, in a transaction that nobody commits: tables that were full of work.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is told by its environment where the server is"
)]
async fn on_server() -> PgConnection {
    let server = std::env::var("GLADHAND_TEST_POSTGRES").expect(
        "GLADHAND_TEST_POSTGRES names a PostgreSQL server; `cargo xtask test` starts one and sets it",
    );
    let options = PgConnectOptions::from_str(&server).expect("a URL");
    let mut connection = options.connect().await.expect("the server answers");
    let schema = include_str!("../../../migrations/postgres/0001_beginning.sql");
    for text in [READER_SETTINGS, "BEGIN", schema, WAITED] {
        connection
            .execute(sqlx::raw_sql(text))
            .await
            .expect("a statement of the program's own");
    }
    connection
}
