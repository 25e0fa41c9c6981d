//! The contract's PostgreSQL backend, and what only several hosts of one database can break.

use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::attempt::Changes;
use gladhand_core::clock::Clock as _;
use gladhand_core::connection::{Account, OnDead};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::ids::ConnectionId;
use gladhand_core::port::Ports;
use gladhand_store::crypter::Key;
use gladhand_store::deliveries::Counts;
use gladhand_store::queue::HeldFilter;
use gladhand_store::retention::Keep;
use gladhand_store::{Deliveries as _, Error, Location, Look, Store};
use secrecy::SecretString;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use uuid::Uuid;

use crate::bed::{self, Backend, Bed, Given};
use crate::configured::test_account;
use crate::events::{Tick, contact};

/// A database of its own on the server that `cargo xtask test` starts.
pub struct Database {
    url: tokio::sync::OnceCell<String>,
    open: Mutex<Option<Arc<Store>>>,
}

pub fn backend() -> Box<dyn Backend> {
    Box::new(Database::new())
}

impl Database {
    fn new() -> Self {
        Self {
            url: tokio::sync::OnceCell::new(),
            open: Mutex::default(),
        }
    }

    pub async fn url(&self) -> &str {
        self.url.get_or_init(create).await
    }

    pub async fn connect(&self) -> PgConnection {
        let options = PgConnectOptions::from_str(self.url().await).expect("a URL of the test's");
        options
            .connect()
            .await
            .expect("the server that was started")
    }

    pub async fn store(&self, given: Given) -> Result<Arc<Store>, Error> {
        let url = SecretString::from(self.url().await.to_owned());
        Store::open(given.at(Location::Postgres(url))).await
    }

    /// The time that leases last is over.
    async fn end_leases(&self) {
        self.connect()
            .await
            .execute("UPDATE lanes SET lease_until = 0 WHERE lease_token IS NOT NULL")
            .await
            .expect("a statement of the test's own");
    }
}

/// A new database of a name that nothing else has.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is told by its environment where the server is"
)]
async fn create() -> String {
    let server = std::env::var("GLADHAND_TEST_POSTGRES").expect(
        "GLADHAND_TEST_POSTGRES names a PostgreSQL server; `cargo xtask test` starts one and sets it",
    );
    let name = format!("test_{}", Uuid::new_v4().simple());
    let options = PgConnectOptions::from_str(&server).expect("a URL");
    let mut connection = options.connect().await.expect("the server answers");
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(format!(
            "CREATE DATABASE {name}"
        ))))
        .await
        .expect("a new database");
    connection.close().await.expect("nothing is under way");
    let mut url = url::Url::parse(&server).expect("a URL");
    url.set_path(&name);
    url.into()
}

#[async_trait]
impl Backend for Database {
    async fn open(&self, given: Given) -> Result<(Arc<dyn bed::Store>, Ports), Error> {
        let store = self.store(given).await?;
        *self.open.lock().expect("no test panics holding it") = Some(Arc::clone(&store));
        // Whoever claims frees what hosts that are gone had leased.
        store.claim(bed::claim_of_nothing()).await?;
        let ports = store.ports();
        Ok((store, ports))
    }

    fn whole(&self) -> Option<Arc<Store>> {
        self.open.lock().expect("no test panics holding it").clone()
    }

    async fn abandon(&self) {
        let store = self.open.lock().expect("no test panics holding it").take();
        store.expect("it is open").close().await;
        self.end_leases().await;
    }
}

#[tokio::test]
async fn a_url_that_is_none_and_a_server_that_is_not_there_are_said() {
    let bed = Bed::new(Box::new(Database::new())).await;
    for (url, expect) in [
        ("postgres://[", "cannot be read"),
        ("postgres://gladhand@127.0.0.1:1/none", "does not answer"),
    ] {
        let location = Location::Postgres(SecretString::from(url.to_owned()));
        let opened = Store::open(bed.given.clone().at(location)).await;
        let error = opened.err().expect("nothing to open").to_string();
        assert!(error.contains(expect), "{error}");
    }
}

#[tokio::test]
async fn who_looks_sees_whether_a_host_was_there_and_whether_the_key_fits() {
    let database = Database::new();
    let url = SecretString::from(database.url().await.to_owned());
    let location = Location::Postgres(url);
    let nothing = Look::at(&location).await.expect("an answer");
    assert!(nothing.is_none());
    let bed = Bed::new(Box::new(database)).await;
    let look = Look::at(&location).await.expect("an answer");
    let look = look.expect("a schema");
    assert!(look.opens_with(&bed.given.master_key));
    assert!(!look.opens_with(&Key::generate()));
    assert_eq!(look.counts, Some(Counts::default()));
}

#[tokio::test]
async fn a_lane_whose_lease_ended_runs_elsewhere_and_the_stalled_host_settles_nothing() {
    let (database, bed) = one_host().await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let stalled = bed.claim_one().await;
    assert!(bed.claim(1).await.is_empty(), "the lease holds");
    database.end_leases().await;
    let other = database
        .store(bed.given.clone())
        .await
        .expect("a second host");
    let claimed = other.claim(bed.request(1)).await.expect("a claim").claimed;
    assert_eq!(claimed[0].delivery.id, stalled.delivery.id);
    assert!(!claimed[0].unsettled.is_empty());
    let ended = bed.ended(DeliveryState::Succeeded);
    let late = bed.settle(&stalled.lease, Changes::default(), ended).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    let renewed = bed.store.renew(&[stalled.lease], bed::LEASE).await;
    assert_eq!(renewed.expect("an answer"), [false]);
}

#[tokio::test]
async fn a_renewed_lease_does_not_end() {
    let (database, bed) = one_host().await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let claimed = bed.claim_one().await;
    database.end_leases().await;
    let renewed = bed
        .store
        .renew(std::slice::from_ref(&claimed.lease), bed::LEASE)
        .await;
    assert_eq!(renewed.expect("an answer"), [true]);
    assert!(bed.claim(1).await.is_empty(), "the lease holds again");
    bed.succeed(&claimed).await;
}

#[tokio::test]
async fn two_hosts_take_and_claim_side_by_side() {
    let (bed, other) = two_hosts().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200_i64 {
        // The same forty contacts and conversations on both hosts at once.
        let person = contact(&format!("{}", number % 40), Some("jane@example.com"));
        let event = bed.message(&format!("{}", number % 40), person, Tick(number + 1));
        let host = if number % 2 == 0 {
            Arc::clone(&bed.store)
        } else {
            Arc::<Store>::clone(&other)
        };
        tasks.spawn(async move { host.take(event).await.map(drop) });
    }
    while let Some(taken) = tasks.join_next().await {
        taken.expect("no panic").expect("an event is taken");
    }
    let (mine, others) = tokio::join!(
        bed.store.claim(bed.request(40)),
        other.claim(bed.request(40))
    );
    let claimed = [mine.expect("a claim"), others.expect("a claim")];
    let mut lanes: Vec<_> = claimed
        .iter()
        .flat_map(|claims| &claims.claimed)
        .map(|claimed| claimed.lease.contact.clone())
        .collect();
    let number = lanes.len();
    lanes.sort();
    lanes.dedup();
    assert_eq!(lanes.len(), number, "no lane is leased twice");
    assert_eq!(number, 40, "every lane is leased by one of them");
    // A conversation opens once, whoever heard of it first.
    let counts = bed.store.counts().await.expect("a read");
    let all: u64 = counts.by_state.iter().map(|(_, number)| number).sum();
    assert_eq!(all, 240, "200 messages and 40 conversations opened");
}

/// How many lanes a host gets that asks for twenty.
async fn claims(host: &dyn bed::Store, bed: &Bed) -> usize {
    let claims = host.claim(bed.request(20)).await;
    claims.expect("a claim").claimed.len()
}

/// Two connections of one account that runs three attempts at once, and twenty lanes in each.
async fn crowded(bed: &Bed) {
    let second = ConnectionId::new(&*bed.given.ids);
    bed.add_connection(second, "second").await;
    let account = Account {
        concurrency: 3,
        ..test_account(bed.account)
    };
    bed.store.put_account(&account).await.expect("a change");
    for number in 1..=20 {
        bed.take(bed.contact(&number.to_string(), None, Tick(number)))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_runs_no_more_at_once_on_two_hosts_than_on_one() {
    let (bed, other) = two_hosts().await;
    crowded(&bed).await;
    let (mine, others) = tokio::join!(claims(&*bed.store, &bed), claims(&*other, &bed));
    assert_eq!(mine + others, 3, "also where both claim at the same moment");
    assert_eq!(claims(&*bed.store, &bed).await, 0);
    assert_eq!(claims(&*other, &bed).await, 0);
}

#[tokio::test]
async fn what_one_host_leaves_of_an_account_is_free_for_the_other_at_once() {
    let (bed, other) = two_hosts().await;
    crowded(&bed).await;
    let claimed = bed.claim(2).await;
    assert_eq!(claims(&*other, &bed).await, 1, "the rest of three");
    bed.succeed(&claimed[0]).await;
    assert_eq!(claims(&*other, &bed).await, 1);
    bed.succeed(&claimed[1]).await;
    assert_eq!(claims(&*other, &bed).await, 1, "and now it has all");
    assert_eq!(claims(&*other, &bed).await, 0);
}

#[tokio::test]
async fn what_a_dead_host_ran_of_an_account_is_free_when_its_leases_end() {
    let (database, bed) = one_host().await;
    crowded(&bed).await;
    assert_eq!(claims(&*bed.store, &bed).await, 3);
    let other = database.store(bed.given.clone()).await;
    let other = other.expect("a second host");
    assert_eq!(claims(&*other, &bed).await, 0);
    database.end_leases().await;
    assert_eq!(claims(&*other, &bed).await, 3);
}

/// A host that stopped in the middle of a claim holds up nobody who claims for another account, and none of its own work.
#[tokio::test]
async fn who_claims_at_the_same_moment_is_passed_over_and_not_waited_for() {
    let (database, bed) = one_host().await;
    crowded(&bed).await;
    let mut stopped = database.connect().await;
    let guard = "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('claims of ' || id, 0)) FROM accounts";
    stopped
        .execute(sqlx::raw_sql(guard))
        .await
        .expect("a statement of the test's own");
    let passed_over = bed.claims(20).await;
    assert!(passed_over.claimed.is_empty());
    let again = passed_over.next_ready.expect("it asks again");
    assert!(again.since(bed.clock.now()) < Duration::from_secs(1));
    let goes_on = stopped.execute(sqlx::raw_sql("ROLLBACK")).await;
    goes_on.expect("a statement of the test's own");
    assert_eq!(claims(&*bed.store, &bed).await, 3);
}

#[tokio::test]
async fn a_body_that_does_not_open_holds_its_lane_where_its_connection_says_so() {
    let (database, bed) = one_host().await;
    for (contact, on_dead, holds) in [("7", OnDead::Continue, false), ("8", OnDead::Hold, true)] {
        let mut connection = bed.test_connection(bed.connection, "first");
        connection.policy.on_dead = on_dead;
        let changed = bed.store.put_connection(&connection).await;
        changed.expect("a change");
        bed.take(bed.contact(contact, None, Tick(1))).await;
        let spoil = "UPDATE events SET body = 'spoilt'";
        let mut session = database.connect().await;
        let spoilt = session.execute(spoil).await;
        spoilt.expect("a statement of the test's own");
        assert!(bed.claim(1).await.is_empty());
        let filter = HeldFilter {
            limit: 9,
            ..HeldFilter::default()
        };
        let held = bed.store.held(filter).await.expect("a read");
        let held: Vec<_> = held.iter().map(|lane| lane.contact.as_str()).collect();
        let expect: &[&str] = if holds { &["8"] } else { &[] };
        assert_eq!(held, expect);
    }
    let counts = bed.store.counts().await.expect("a read").by_state;
    assert_eq!(counts, [(DeliveryState::Dead, 2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_retried_while_it_is_removed_keeps_its_event() {
    let (database, bed) = one_host().await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let dead = bed.claim_one().await;
    let ended = bed.ended(DeliveryState::Dead);
    let settled = bed.settle(&dead.lease, Changes::default(), ended).await;
    settled.expect("the lease holds");
    bed.take(bed.contact("7", None, Tick(2))).await;
    bed.drain().await;
    bed.clock.advance(Duration::from_hours(24 * 100));
    // Somebody retries the dead one, and has not committed yet.
    let mut retrying = database.connect().await;
    let retry =
        "BEGIN; UPDATE deliveries SET state = 'pending', settled_at = NULL WHERE state = 'dead'";
    let retried = retrying.execute(sqlx::raw_sql(retry)).await;
    retried.expect("a statement of the test's own");
    let (store, now) = (Arc::clone(&bed.store), bed.clock.now());
    let sweeping = tokio::spawn(async move {
        while !store
            .sweep(&Keep::STANDARD, 100, now)
            .await
            .expect("a write")
            .is_done
        {}
    });
    let mut watching = database.connect().await;
    let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while watching
        .fetch_optional(waits)
        .await
        .expect("a read")
        .is_none()
    {
        assert!(!sweeping.is_finished(), "it waits for who retries");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let committed = retrying.execute(sqlx::raw_sql("COMMIT")).await;
    committed.expect("a statement of the test's own");
    sweeping.await.expect("the sweep ends");
    let events = bed.store.events_after(None, 10).await.expect("a read");
    assert_eq!(events.len(), 2);
    assert_eq!(bed.state(dead.delivery.id).await, DeliveryState::Pending);
}

#[tokio::test]
async fn a_session_that_is_ended_is_made_anew() {
    let (database, bed) = one_host().await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    database
        .connect()
        .await
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .expect("a statement of the test's own");
    bed.take(bed.contact("8", None, Tick(2))).await;
    let claimed = bed.claim(2).await;
    assert_eq!(claimed.len(), 2);
    for claimed in &claimed {
        bed.succeed(claimed).await;
    }
}

#[tokio::test]
async fn what_came_in_on_one_host_wakes_the_other() {
    let (bed, other) = two_hosts().await;
    // Until it listens it is not told, so more than one event may be needed.
    let told = async { other.changed().await };
    tokio::pin!(told);
    for tick in 1..100 {
        bed.take(bed.contact("7", None, Tick(tick))).await;
        let waited = tokio::time::timeout(Duration::from_millis(200), &mut told).await;
        if waited.is_ok() {
            return;
        }
    }
    panic!("the other host was never told");
}

#[tokio::test]
async fn an_installation_moves_over_and_goes_on() {
    let mut bed = Bed::new(crate::sqlite::backend()).await;
    bed.take(bed.message("9", contact("8", Some("jane@example.com")), Tick(1)))
        .await;
    let cut_short = bed.claim_one().await;
    let intent = bed.intent(&[crate::contract::journal::EMAIL]);
    bed.intend(&cut_short.lease, &intent).await;
    // Comes later, and is copied earlier.
    bed.take(bed.contact("7", Some("joe@example.com"), Tick(2)))
        .await;
    bed.crash().await;

    let database = Arc::new(Database::new());
    let (source, target) = (
        bed.backend.whole().expect("it is open"),
        database.store(bed.given.clone()).await.expect("a new one"),
    );
    let mut told = Vec::new();
    source
        .copy_into(&target, |table, rows| told.push((table, rows)))
        .await
        .expect("an empty target");
    assert!(
        told.contains(&("events", 2)) && told.contains(&("effects", 1)),
        "{told:?}"
    );
    let again = source.copy_into(&target, |_, _| ()).await;
    assert!(again.is_err(), "a target that is not empty is refused");
    target.close().await;

    // The same host goes on, on the other database.
    let shared = Shared(Arc::clone(&database));
    let (store, ports) = shared.open(bed.given.clone()).await.expect("it opens");
    (bed.store, bed.ports) = (store, ports);
    let mut claimed = bed.claim(10).await;
    claimed.sort_by(|one, other| one.lease.contact.cmp(&other.lease.contact));
    assert_eq!(claimed.len(), 2);
    assert_eq!(claimed[1].delivery.id, cut_short.delivery.id);
    assert_eq!(claimed[1].journalled[0].id, intent.id);
    assert!(!claimed[1].unsettled.is_empty());
    for claimed in &claimed {
        bed.succeed(claimed).await;
    }
    bed.take(bed.contact("9", Some("ann@example.com"), Tick(3)))
        .await;
    assert_eq!(bed.drain().await.len(), 2, "a message and a contact");
    let counts = bed.store.counts().await.expect("a read").by_state;
    assert_eq!(counts, [(DeliveryState::Succeeded, 4)]);
    let numbers: (i64, i64) = sqlx::query_as("SELECT COUNT(*), COUNT(DISTINCT number) FROM lanes")
        .fetch_one(&mut database.connect().await)
        .await
        .expect("a statement of the test's own");
    assert_eq!(numbers, (3, 3), "a new lane has a number of its own");
}

/// A bed, and the database that it stands on.
pub async fn one_host() -> (Arc<Database>, Bed) {
    let database = Arc::new(Database::new());
    let bed = Bed::new(Box::new(Shared(Arc::clone(&database)))).await;
    (database, bed)
}

/// A bed, and a second host on its database.
async fn two_hosts() -> (Bed, Arc<Store>) {
    let (database, bed) = one_host().await;
    let other = database.store(bed.given.clone()).await;
    (bed, other.expect("a second host"))
}

/// A database that the test keeps a hand on.
struct Shared(Arc<Database>);

#[async_trait]
impl Backend for Shared {
    async fn open(&self, given: Given) -> Result<(Arc<dyn bed::Store>, Ports), Error> {
        self.0.open(given).await
    }

    fn whole(&self) -> Option<Arc<Store>> {
        self.0.whole()
    }

    async fn abandon(&self) {
        self.0.abandon().await;
    }
}
