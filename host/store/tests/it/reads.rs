//! What is asked often, of a PostgreSQL database full of work: which rows it reads, by the server's own count.

use std::time::Duration;

use gladhand_core::clock::Timestamp;
use gladhand_store::Deliveries as _;
use gladhand_store::deliveries::MOST_LANES_COUNTED;
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;

use crate::postgres;

/// All deliveries waited when the database last looked, and nearly none does now: the worst for who reads the oldest.
/// More lanes wait than are counted: of fewer all may be read, in whatever way.
const WAITED: &str = "\
    INSERT INTO deliveries (sequence, id, event, connection, contact, priority, lacks_identity, turn, occurred_at_us, \
     received_at, queued_at, state, attempts, was_claimed, was_retried) \
    SELECT n, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), n, 0, false, 0, n, n, n, 'pending', 0, false, false \
    FROM generate_series(1, 5000) AS n; \
    INSERT INTO lanes (connection, contact, ready_at, last_sequence) \
    SELECT gen_random_uuid(), n, n, n FROM generate_series(1, 50000) AS n; \
    ANALYZE deliveries; ANALYZE lanes; \
    UPDATE deliveries SET state = 'succeeded', settled_at = 1 WHERE sequence < 5000";

/// Of the tables that grow: each way in which one was read, with how many rows it brought.
const READS: &str = "\
    SELECT relname::text AS way, seq_tup_read AS rows FROM pg_stat_user_tables \
    WHERE relname IN ('deliveries', 'lanes') AND seq_scan > 0 \
    UNION ALL SELECT indexrelname::text, idx_tup_read FROM pg_stat_user_indexes \
    WHERE relname IN ('deliveries', 'lanes') AND idx_scan > 0 ORDER BY way";

#[tokio::test]
async fn what_metrics_ask_often_is_read_by_the_index_of_what_waits() {
    let (database, bed) = postgres::one_host().await;
    bed.backend.whole().expect("it is open").close().await;
    let mut connection = database.connect().await;
    all_gone(&mut connection).await;
    for text in [WAITED, "SELECT pg_stat_force_next_flush()"] {
        let done = connection.execute(sqlx::raw_sql(text)).await;
        done.expect("a statement of the test's own");
    }
    let reset = connection.execute("SELECT pg_stat_reset()").await;
    reset.expect("a statement of the test's own");

    let store = database.store(bed.given.clone()).await.expect("it opens");
    let waiting = store.lanes_waiting().await.expect("a read");
    assert_eq!(waiting, u64::from(MOST_LANES_COUNTED));
    let oldest = store.counts().await.expect("a read").oldest_waiting;
    assert_eq!(oldest, Some(Timestamp(5_000)));
    store.close().await;
    // A session says what it has read when it ends.
    all_gone(&mut connection).await;
    let reads: Vec<(String, i64)> = sqlx::query_as(READS)
        .fetch_all(&mut connection)
        .await
        .expect("a statement of the test's own");
    let [(oldest, _), (lanes, counted)] = &reads[..] else {
        panic!("two ways, not {reads:?}");
    };
    assert_eq!(
        (oldest.as_str(), lanes.as_str()),
        ("deliveries_unsettled", "lanes_ready")
    );
    assert!(*counted <= i64::from(MOST_LANES_COUNTED), "{reads:?}");
}

/// Waits until no host has a session any more.
async fn all_gone(connection: &mut PgConnection) {
    let gone = async {
        loop {
            let others: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = 'gladhand'",
            )
            .fetch_one(&mut *connection)
            .await
            .expect("a statement of the test's own");
            if others == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("sessions end");
}
