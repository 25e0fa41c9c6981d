//! What happens when the database itself refuses: one bad event, a full disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gladhand_core::clock::{ManualClock, Timestamp};
use gladhand_core::entity::Rows;
use gladhand_core::ids::{EventId, SourceId};
use gladhand_core::intake::{IncomingEvent, Plan, Reading};
use metrics_exporter_prometheus::PrometheusBuilder;
use rand::RngCore;

use super::*;
use crate::intake::{Intake, Taken};

/// Stores events and delivers nothing.
struct NoDeliveries;

impl Planner for NoDeliveries {
    fn plan(&self, _: &IncomingEvent, _: &mut Rows) -> Plan {
        Plan::default()
    }
}

struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

async fn open(directory: &tempfile::TempDir) -> Arc<Store> {
    Store::open(Options {
        location: Location::Sqlite(directory.path().join("gladhand.db")),
        master_key: Key::generate(),
        older_master_keys: Vec::new(),
        clock: Arc::new(ManualClock::new(Timestamp(0))),
        ids: Arc::new(CountedIds(AtomicU64::new(1))),
        planner: Arc::new(NoDeliveries),
        hold: Duration::ZERO,
    })
    .await
    .expect("a new store")
}

fn event(store: &Store, name: &str, body: Vec<u8>) -> IncomingEvent {
    IncomingEvent {
        id: EventId::new(&*store.shared.ids),
        source: SourceId::from_uuid(Uuid::nil()),
        name: name.into(),
        delivery_key: None,
        semantic_key: None,
        received_at: Timestamp(0),
        body,
        reading: Reading::Unreadable {
            reason: "a test".into(),
        },
    }
}

async fn execute(store: &Store, statement: &'static str) {
    let ran = store.write(move |database| {
        Box::pin(async move {
            database.run(statement).await?;
            Ok(())
        })
    });
    ran.await.expect("a statement of the test's own");
}

async fn stored(store: &Store) -> usize {
    let row = Query::new("SELECT COUNT(*) AS number FROM events")
        .read_one(&store.readers)
        .await;
    let row = row.expect("a read").expect("a number");
    row.try_get_count("number").expect("a number of rows")
}

#[tokio::test]
async fn a_bad_event_cannot_fail_its_neighbours() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(&directory).await;
    execute(
        &store,
        "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.name = 'bad' \
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50 {
        let event = event(
            &store,
            if number == 25 { "bad" } else { "good" },
            Vec::new(),
        );
        let store = Arc::clone(&store);
        tasks.spawn(async move { (event.name.clone(), store.take(event).await) });
    }
    for (name, taken) in tasks.join_all().await {
        assert_eq!(taken.is_ok(), name == "good", "{taken:?}");
    }
    assert_eq!(stored(&store).await, 49);
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_acknowledged_that_is_not_stored() {
    const ROOM_PAGES: usize = 200;
    let recorder = PrometheusBuilder::new().build_recorder();
    let told = recorder.handle();
    let _told_here = metrics::set_default_local_recorder(&recorder);
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(&directory).await;
    let small = event(&store, "small", Vec::new());
    assert_eq!(
        store.take(small).await.expect("there is room"),
        Taken::Stored
    );
    execute(&store, "PRAGMA max_page_count = 200").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..ROOM_PAGES {
        let mut body = vec![0; 8_192];
        rand::rng().fill_bytes(&mut body);
        let event = event(&store, "large", body);
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.take(event).await });
    }
    let answers = tasks.join_all().await;
    let acknowledged = answers
        .iter()
        .filter(|taken| matches!(taken, Ok(Taken::Stored)))
        .count();
    let full = answers
        .iter()
        .filter(|taken| matches!(taken, Err(Error::DiskFull)))
        .count();
    assert!(full > 0 && acknowledged + full == ROOM_PAGES, "{answers:?}");
    assert_eq!(stored(&store).await, 1 + acknowledged);
    let counted = format!("gladhand_store_errors_total{{operation=\"write\"}} {full}");
    let told = told.render();
    assert!(
        told.lines().any(|line| line == counted),
        "{counted}: {told}"
    );

    // Once there is room again, so is the store.
    execute(&store, "PRAGMA max_page_count = 100000").await;
    let event = event(&store, "later", vec![1; 8_192]);
    assert_eq!(
        store.take(event).await.expect("there is room"),
        Taken::Stored
    );
}
