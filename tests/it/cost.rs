//! What a delivery costs its database: n creates are n + 1 commits beside the claim, one more where locks are taken.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use gladhand_core::connection::Connection;
use gladhand_core::delivery::DeliveryState;
use gladhand_server::system::SystemClock;
use gladhand_store::Settings as _;
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::chatwoot::{Account, Webhook};
use gladhand_tests::database::{Database, Kind, Work};
use gladhand_tests::host::{Joined, Setup, TestHost, built_connectors};
use gladhand_tests::ledger::Ledger;
use tempfile::TempDir;

use crate::bed::NOON;

/// The webhook's own, the claim and the locks.
const BESIDE: u32 = 3;
/// The person and its company.
const CREATES: u32 = 2;
/// Six commits of some nine pages each.
const MOST_BYTES: u64 = 260_000;
/// How many come at once where many do.
const MANY: u32 = 64;

/// A host that is joined to a made-up CRM, and its database.
struct Shop {
    host: TestHost,
    database: Database,
    people: Account,
    known: i64,
    _crm: Ledger,
    _dir: TempDir,
}

impl Shop {
    async fn open() -> Self {
        let crm = Ledger::start(Arc::new(SystemClock::new())).expect("a port is free");
        let dir = TempDir::new().expect("a folder");
        let connectors = dir.path().join("connectors");
        fs::create_dir(&connectors).expect("a folder");
        fs::copy(
            built_connectors().join("guests/ledger.wasm"),
            connectors.join("ledger.wasm"),
        )
        .expect("`cargo xtask connectors` built it");
        let joined = Joined {
            connector: "ledger".to_owned(),
            concurrency: MANY,
            ..Joined::krayin("ledger", crm.base_url(), Ledger::TOKEN.to_owned())
        };
        let database = Database::make(Kind::Sqlite, dir.path(), 0)
            .await
            .expect("a database");
        let setup = Setup {
            connectors,
            hold: Duration::ZERO,
            attempts: MANY,
            store: Some(database.url()),
            ..Setup::new(dir.path(), vec![joined])
        };
        let mut shop = Self {
            host: TestHost::start(&setup).await.expect("the host starts"),
            database,
            people: Account::new(NOON),
            known: 0,
            _crm: crm,
            _dir: dir,
        };
        // What happens once in a database's life is not what a delivery costs.
        shop.visited_by(1).await;
        shop
    }

    /// What it costs that so many new contacts come at once, each with a company of its own.
    async fn visited_by(&mut self, visitors: u32) -> (u32, u64) {
        let webhooks: Vec<Webhook> = (0..visitors).map(|_| self.visitor()).collect();
        let mut sender = self.host.sender(&format!("since-{}", self.known));
        let before = self.cost().await;
        // What comes while the connection is paused waits for the rest.
        if visitors > 1 {
            self.pause(true).await;
        }
        for webhook in &webhooks {
            sender.send(webhook).await.expect("the host takes it");
        }
        if visitors > 1 {
            self.pause(false).await;
        }
        let all = usize::try_from(self.known).expect("few people");
        let delivered = async {
            loop {
                let deliveries = self.host.deliveries().await.expect("a list");
                let done = |state| state == DeliveryState::Succeeded;
                if deliveries.iter().filter(|one| done(one.state)).count() == all {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), delivered)
            .await
            .expect("the CRM takes everything");
        let after = self.cost().await;
        (after.0.commits_since(&before.0), after.1 - before.1)
    }

    async fn pause(&self, is_paused: bool) {
        let store = &self.host.host.store;
        for connection in store.connections().await.expect("a list") {
            let connection = Connection {
                is_paused,
                ..connection
            };
            store.put_connection(&connection).await.expect("it is put");
        }
        let reloaded = self.host.host.engine.reload().await;
        reloaded.expect("the settings are taken up");
    }

    fn visitor(&mut self) -> Webhook {
        self.known += 1;
        let id = self.known;
        self.people.meets(Contact {
            id,
            name: format!("Visitor {id}"),
            email: Some(format!("visitor-{id}@example.com")),
            phone: None,
            company: Some(format!("Company {id}")),
        });
        let told = std::mem::take(&mut self.people.webhooks);
        let is_new = |webhook: &Webhook| webhook.event == "contact_created";
        told.into_iter()
            .find(is_new)
            .expect("Chatwoot tells of a new contact")
    }

    /// Commits, and bytes on disk: the log grows with every commit, and is not folded up meanwhile.
    async fn cost(&self) -> (Work, u64) {
        let work = self.database.work().await.expect("its work");
        let bytes = self.database.bytes_kept().await.expect("its files");
        (work, bytes)
    }
}

/// Alone, every commit is the delivery's own; among many, they share. PostgreSQL runs the same statements in as many
/// transactions, but counts those of all its databases: there the benchmark tells.
#[tokio::test(flavor = "multi_thread")]
async fn creates_cost_a_commit_each_and_one_more() {
    let mut shop = Shop::open().await;
    let (commits, alone) = shop.visited_by(1).await;
    assert_eq!(commits, BESIDE + CREATES + 1);
    assert!(alone <= MOST_BYTES, "{alone} bytes for one delivery");

    let (commits, written) = shop.visited_by(MANY).await;
    assert!(
        commits * 2 <= MANY * (BESIDE + CREATES + 1),
        "{commits} commits for {MANY} deliveries"
    );
    let each = written / u64::from(MANY);
    assert!(each * 2 <= MOST_BYTES, "{each} bytes for each of {MANY}");
    shop.host.stop().await;
}
