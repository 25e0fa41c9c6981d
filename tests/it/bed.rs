//! What most tests stand on: one simulated Krayin, one host joined to it, and a clock that only the test moves.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::clock::{Clock, ManualClock, Timestamp};
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::chatwoot::{Account, Webhook};
use gladhand_tests::host::{Joined, Setup, TestHost};
use gladhand_tests::http::{Answer, Client};
use gladhand_tests::krayin::{Config, Krayin};
use gladhand_tests::rest::{is_resting, next_try};
use tempfile::TempDir;

/// When every test begins.
pub const NOON: i64 = 1_781_690_400_000;

/// The one connection's name.
pub const CONNECTION: &str = "krayin-main";

/// The CRM's clock: the host's, but right also where the host's wall clock stands off.
#[derive(Debug)]
struct Right(Arc<ManualClock>);

#[async_trait]
impl Clock for Right {
    fn now(&self) -> Timestamp {
        Timestamp(0).after(self.0.steady())
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

/// A host, its CRM, and their time.
pub struct Bed {
    pub crm: Krayin,
    pub clock: Arc<ManualClock>,
    pub host: TestHost,
    setup: Setup,
    dir: TempDir,
}

impl Bed {
    /// A host that is joined to a CRM that works.
    pub async fn new() -> Self {
        Self::behind(|crm| crm.base_url().to_owned()).await
    }

    /// A host that knows the CRM by the address that `base_url` gives.
    pub async fn behind(base_url: impl FnOnce(&Krayin) -> String) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
        let config = Config {
            clock: Arc::new(Right(clock.clone())),
            throttle: Some(60_000),
            ..Config::default()
        };
        let crm = Krayin::start(config).expect("a port is free");
        let dir = TempDir::new().expect("a folder");
        let mut setup = Setup::new(
            dir.path(),
            vec![joined(CONNECTION, &base_url(&crm), &crm.token())],
        );
        // One connector and not all: each is compiled at the start.
        let own = dir.path().join("connectors");
        fs::create_dir(&own).expect("a folder");
        fs::copy(
            setup.connectors.join("krayin.wasm"),
            own.join("krayin.wasm"),
        )
        .expect("`cargo xtask connectors` built it");
        setup.connectors = own;
        // A lane that waits for the rest of a burst would wait for the test to move the clock.
        setup.hold = Duration::ZERO;
        let host = TestHost::start_at(&setup, clock.clone())
            .await
            .expect("the host starts");
        Self {
            crm,
            clock,
            host,
            setup,
            dir,
        }
    }

    /// The same after the host was stopped in whatever it did and started again on what it had stored.
    pub async fn restarted(self) -> Self {
        let Self {
            crm,
            clock,
            host,
            setup,
            dir,
        } = self;
        host.stop().await;
        let host = TestHost::start_at(&setup, clock.clone())
            .await
            .expect("the host starts again");
        Self {
            crm,
            clock,
            host,
            setup,
            dir,
        }
    }

    /// Sends webhooks as Chatwoot does; `run` tells their delivery ids from others'.
    pub async fn send(&self, run: &str, webhooks: &[Webhook]) {
        let mut sender = self.host.sender(run);
        for webhook in webhooks {
            sender.send(webhook).await.expect("the host takes it");
        }
    }

    /// Waits until nothing can happen before the clock moves.
    pub async fn rest(&self) -> Vec<Delivery> {
        const PATIENCE: Duration = Duration::from_secs(20);
        // Requests that wait for a budget stand behind the first of them, which alone waits on the clock.
        const STILL: u32 = 10;
        let resting = async {
            let mut before = (Vec::new(), Vec::new());
            let mut still = 0;
            loop {
                let now = (self.deliveries().await, self.clock.sleepers());
                let has_sleepers = now.1.first().is_some_and(|until| *until > self.clock.now());
                still = if has_sleepers && now == before {
                    still + 1
                } else {
                    0
                };
                if self.is_resting(&now.0) || still == STILL {
                    return now.0;
                }
                before = now;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let Ok(deliveries) = tokio::time::timeout(PATIENCE, resting).await else {
            panic!(
                "no rest within {PATIENCE:?} at {}, sleepers until {:?}: {:#?}",
                self.clock.now(),
                self.clock.sleepers(),
                self.deliveries().await
            );
        };
        deliveries
    }

    /// What is paused rests as well.
    fn is_resting(&self, deliveries: &[Delivery]) -> bool {
        let now = self.clock.now();
        let is_running = |delivery: &Delivery| delivery.state == DeliveryState::Running;
        let pauses = self.host.host.engine.paused();
        let rests_paused = pauses
            .iter()
            .any(|pause| pause.paused.next_test.is_none_or(|at| at > now));
        is_resting(deliveries, now) || (rests_paused && !deliveries.iter().any(is_running))
    }

    /// When something happens by itself again.
    fn next(&self, deliveries: &[Delivery]) -> Option<Timestamp> {
        let pauses = self.host.host.engine.paused();
        let tests = pauses.iter().filter_map(|pause| pause.paused.next_test);
        let tries = deliveries.iter().filter_map(next_try);
        let now = self.clock.now();
        let times = tests.chain(tries).chain(self.clock.sleepers());
        times.filter(|at| *at > now).min()
    }

    /// Lets what runs come to rest, then time pass, then rest come again.
    pub async fn wait(&self, duration: Duration) -> Vec<Delivery> {
        self.rest().await;
        self.clock.advance(duration);
        self.rest().await
    }

    /// Moves the clock to each next try until nothing waits any more.
    pub async fn finish(&self) -> Vec<Delivery> {
        const TRIES: u32 = 20;
        for _ in 0..TRIES {
            let deliveries = self.rest().await;
            let Some(next) = self.next(&deliveries) else {
                return deliveries;
            };
            self.clock.advance(next.since(self.clock.now()));
        }
        panic!(
            "not finished after {TRIES} tries: {:#?}",
            self.deliveries().await
        );
    }

    /// Lets time pass until nothing waits any more, for what waits for a budget has no time of its own.
    pub async fn pass_time(&self) -> Vec<Delivery> {
        pass_time(&self.clock, &self.host).await
    }

    /// All deliveries, oldest first.
    pub async fn deliveries(&self) -> Vec<Delivery> {
        self.host.deliveries().await.expect("a list")
    }

    /// What the admin API answers.
    pub async fn api(&self, method: hyper::Method, path: &str, body: Vec<u8>) -> Answer {
        let token = fs::read_to_string(self.dir.path().join("data/admin.token"))
            .expect("the host wrote it");
        let headers = [("authorization", format!("Bearer {}", token.trim()))];
        Client::new(&self.host.authority())
            .request(method, path, &headers, body)
            .await
            .expect("an answer")
    }

    /// What Prometheus reads.
    pub async fn metrics(&self) -> String {
        let mut client = Client::new(&self.host.host.metrics_address.to_string());
        let answer = client.get("/metrics", &[]).await.expect("an answer");
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body.to_vec()).expect("text")
    }

    /// Where the host keeps what it keeps.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }
}

/// Lets time pass until nothing of a host's store waits any more.
pub async fn pass_time(clock: &ManualClock, host: &TestHost) -> Vec<Delivery> {
    const STEP: Duration = Duration::from_secs(1);
    const STEPS: u32 = 600;
    let list = async || host.deliveries().await.expect("a list");
    for _ in 0..STEPS {
        let deliveries = list().await;
        if deliveries
            .iter()
            .all(|delivery| delivery.state.is_settled())
        {
            return deliveries;
        }
        clock.advance(STEP);
        // What became possible by it happens on real threads.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not finished after {STEPS} steps: {:#?}", list().await);
}

/// A connection to a simulated Krayin.
pub fn joined(name: &str, base_url: &str, token: &str) -> Joined {
    Joined::krayin(name, base_url, token.to_owned())
}

/// The webhook of a contact that appears.
pub fn appears(contact: Contact) -> Vec<Webhook> {
    let mut account = Account::new(NOON);
    account.meets(contact);
    account.webhooks
}

/// Somebody who can be found by an address.
pub fn jane() -> Contact {
    Contact {
        id: 201,
        name: "Jane Doe".to_owned(),
        email: Some("jane@doe.example".to_owned()),
        ..Contact::default()
    }
}

/// Waits until something has happened in the CRM.
pub async fn until(has_happened: impl Fn() -> bool) {
    let waiting = async {
        while !has_happened() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .expect("it happens");
}
