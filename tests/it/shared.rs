//! What tests of several hosts stand on: one PostgreSQL, one simulated Krayin, and a clock that only the test moves.
//!
//! Leases go by the database's clock, which nobody moves.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use gladhand_core::clock::{ManualClock, Timestamp};
use gladhand_core::delivery::Delivery;
use gladhand_tests::chatwoot::Webhook;
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::database::{Database, Kind};
use gladhand_tests::host::{Joined, Setup, TestHost, built_connectors};
use gladhand_tests::http::Client;
use gladhand_tests::krayin::{Config, Krayin};
use sqlx::{AssertSqlSafe, query, query_as};
use tempfile::TempDir;

use crate::bed::{CONNECTION, NOON, joined, pass_time};

/// What is not as it usually is.
pub struct Given {
    /// How many hosts.
    pub hosts: usize,
    /// Attempts of the account at once.
    pub concurrency: u32,
    /// Requests a minute that the CRM lets through.
    pub throttle: u32,
    /// More lines of `[limits]`.
    pub limits: &'static str,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            hosts: 2,
            concurrency: 4,
            throttle: 60_000,
            limits: "",
        }
    }
}

/// Hosts that share a database and a CRM.
pub struct Shared {
    pub crm: Krayin,
    pub clock: Arc<ManualClock>,
    pub hosts: Vec<TestHost>,
    pub database: Database,
    _dir: TempDir,
}

/// A lane that somebody works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub token: String,
    /// On the database's clock.
    pub until: i64,
}

impl Shared {
    /// Starts the hosts; `number` tells their database from others of this process.
    pub async fn new(number: u32, given: Given) -> Self {
        Self::reached(number, given, async |url| url.to_owned()).await
    }

    /// The same, where the hosts find the database at what `reach` says.
    pub async fn reached(
        number: u32,
        given: Given,
        reach: impl AsyncFnOnce(&str) -> String,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
        let config = Config {
            clock: clock.clone(),
            throttle: Some(given.throttle),
            ..Config::default()
        };
        let crm = Krayin::start(config).expect("a port is free");
        let dir = TempDir::new().expect("a folder");
        let connectors = dir.path().join("connectors");
        fs::create_dir(&connectors).expect("a folder");
        fs::copy(
            built_connectors().join("krayin.wasm"),
            connectors.join("krayin.wasm"),
        )
        .expect("`cargo xtask connectors` built it");
        let database = Database::make(Kind::Postgres, dir.path(), number).await;
        let database = database.expect("a new database");
        let url = reach(&database.url()).await;
        let mut hosts = Vec::new();
        for host in 0..given.hosts {
            let home = dir.path().join(format!("host-{host}"));
            let joined = Joined {
                concurrency: given.concurrency,
                ..joined(CONNECTION, crm.base_url(), &crm.token())
            };
            let setup = Setup {
                connectors: connectors.clone(),
                hold: Duration::ZERO,
                store: Some(url.clone()),
                limits: given.limits.to_owned(),
                ..Setup::new(&home, vec![joined])
            };
            // Hosts of one database share its key, and what the first one compiled.
            if host > 0 {
                fs::create_dir_all(home.join("data")).expect("a folder");
                let key = |home: &str| dir.path().join(home).join("data/master.key");
                fs::copy(key("host-0"), key(&format!("host-{host}"))).expect("the first one's key");
            }
            let started = TestHost::start_at(&setup, clock.clone()).await;
            hosts.push(started.expect("the host starts"));
        }
        Self {
            crm,
            clock,
            hosts,
            database,
            _dir: dir,
        }
    }

    /// Sends webhooks to the hosts in turn, as a balancer does.
    pub async fn send(&self, run: &str, webhooks: &[Webhook]) {
        for (number, webhook) in webhooks.iter().enumerate() {
            let host = &self.hosts[number % self.hosts.len()];
            let mut sender = host.sender(&format!("{run}-{number}"));
            sender.send(webhook).await.expect("the host takes it");
        }
    }

    /// All deliveries, oldest first.
    pub async fn deliveries(&self) -> Vec<Delivery> {
        self.hosts[0].deliveries().await.expect("a list")
    }

    /// Lets time pass until nothing waits any more.
    pub async fn finish(&self) -> Vec<Delivery> {
        pass_time(&self.clock, &self.hosts[0]).await
    }

    /// Every lane that somebody works on.
    pub async fn leased(&self) -> Vec<Leased> {
        let text = "SELECT lease_token::text, lease_until FROM lanes WHERE lease_token IS NOT NULL ORDER BY 1";
        let mut connection = self.database.connect().await.expect("a session");
        let rows: Vec<(String, i64)> = query_as(text)
            .fetch_all(&mut connection)
            .await
            .expect("a statement of the test's own");
        let leased = |(token, until)| Leased { token, until };
        rows.into_iter().map(leased).collect()
    }

    /// Now, as leases see it.
    pub async fn database_clock(&self) -> i64 {
        let text = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint";
        let mut connection = self.database.connect().await.expect("a session");
        let (now,): (i64,) = query_as(text)
            .fetch_one(&mut connection)
            .await
            .expect("a statement of the test's own");
        now
    }

    /// Does to the lanes that are worked on what another host could.
    pub async fn change_leases(&self, change: &str) {
        let text = format!("UPDATE lanes SET {change} WHERE lease_token IS NOT NULL");
        let mut connection = self.database.connect().await.expect("a session");
        query(AssertSqlSafe(text))
            .execute(&mut connection)
            .await
            .expect("a statement of the test's own");
    }

    /// How far a counter without labels has come.
    pub async fn counted(&self, name: &str) -> u64 {
        let address = self.hosts[0].host.metrics_address.to_string();
        let answer = Client::new(&address).get("/metrics", &[]).await;
        let body = answer.expect("an answer").body;
        let text = String::from_utf8(body.to_vec()).expect("text");
        let prefix = format!("{name} ");
        let count = text.lines().find_map(|line| line.strip_prefix(&prefix));
        count.map_or(0, |count| count.parse().expect("a number"))
    }

    /// Stops the hosts and removes what is theirs.
    pub async fn stop(self) {
        for host in self.hosts {
            host.stop().await;
        }
        self.database.remove().await.expect("it is the test's own");
    }
}

/// So many people whom nobody knew, who come at once.
pub fn crowd(people: i64) -> Vec<Webhook> {
    let visitor = |id| Contact {
        id,
        name: format!("Visitor {id}"),
        email: Some(format!("visitor-{id}@example.com")),
        ..Contact::default()
    };
    (301..301 + people)
        .flat_map(|id| crate::bed::appears(visitor(id)))
        .collect()
}

/// Waits until it is so.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "not within {PATIENCE:?}: {what}");
}
