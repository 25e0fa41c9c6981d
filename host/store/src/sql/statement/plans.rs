//! Query plans: no statement may read a whole table that grows.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::{SIZES, Statement};

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

/// Fails where a statement reads deliveries or lanes by anything but this index.
pub(in super::super) async fn check_index(text: &str, index: &str) {
    let explain = format!("EXPLAIN QUERY PLAN {text}");
    let plan = sqlx::query(AssertSqlSafe(explain))
        .fetch_all(&mut in_memory().await)
        .await
        .expect("a statement that the schema knows");
    let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
    let is_read = |step: &&String| step.contains(" deliveries") || step.contains(" lanes");
    let reads: Vec<&String> = plan.iter().filter(is_read).collect();
    assert!(
        reads.len() == 1 && reads[0].ends_with(&format!("INDEX {index}")),
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
