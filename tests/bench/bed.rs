//! One run's own folder, database and host in this process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use gladhand_core::clock::Clock as _;
use gladhand_core::connection::Connection;
use gladhand_core::delivery::DeliveryState;
use gladhand_server::system::SystemClock;
use gladhand_store::deliveries::DeliveryFilter;
use gladhand_store::{Deliveries as _, Settings as _};
use gladhand_tests::host::{Joined, Setup, TestHost, built_connectors};
use gladhand_tests::http::Client;
use tempfile::TempDir;

use crate::report::median;
use gladhand_tests::database::{Database, Kind, Work};

/// Attempts at once: enough that a commit is shared by many.
pub const ATTEMPTS: u32 = 64;
/// A delivery that failed and waits has cost something, and is not done.
const GOOD_ENDS: [&str; 2] = ["state=\"succeeded\"", "state=\"skipped\""];
/// How often somebody looks whether something is over.
const LOOK: Duration = Duration::from_millis(10);

/// A folder and a database, and how a host on them is set up.
pub struct Ground {
    /// Where everything of the run lies.
    pub dir: TempDir,
    /// The run's own.
    pub database: Database,
    /// For `TestHost` or a process.
    pub setup: Setup,
}

/// A host in this process, on ground of its own.
pub struct Bed {
    /// What it stands on.
    pub ground: Ground,
    /// The host.
    pub host: TestHost,
    /// The run's only clock.
    pub clock: Arc<SystemClock>,
}

impl Ground {
    /// New ground for a host with these connections and the benchmark's own connector.
    pub async fn new(kind: Kind, joined: Vec<Joined>) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let dir = TempDir::new()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = Database::make(kind, dir.path(), number).await?;
        let mut setup = Setup::new(dir.path(), joined);
        setup.connectors = guest(dir.path())?;
        setup.hold = Duration::ZERO;
        setup.attempts = ATTEMPTS;
        setup.store = Some(database.url());
        Ok(Self {
            dir,
            database,
            setup,
        })
    }
}

impl Bed {
    /// Starts the host.
    pub async fn new(kind: Kind, joined: Vec<Joined>) -> Result<Self> {
        Self::on(Ground::new(kind, joined).await?).await
    }

    /// Starts the host on ground that was prepared.
    pub async fn on(ground: Ground) -> Result<Self> {
        let clock: Arc<SystemClock> = Arc::default();
        let host = TestHost::start_at(&ground.setup, clock.clone()).await?;
        Ok(Self {
            ground,
            host,
            clock,
        })
    }

    /// Pauses or resumes all connections.
    pub async fn pause(&self, is_paused: bool) -> Result<()> {
        let store = &self.host.host.store;
        for connection in store.connections().await? {
            let connection = Connection {
                is_paused,
                ..connection
            };
            store.put_connection(&connection).await?;
        }
        self.host.host.engine.reload().await?;
        Ok(())
    }

    /// How many deliveries came to a good end in this process so far, as its metrics say: the store is not disturbed.
    pub async fn settled(&self) -> Result<u64> {
        let mut client = Client::new(&self.host.host.metrics_address.to_string());
        let answer = client.get("/metrics", &[]).await?;
        let text = std::str::from_utf8(&answer.body)?;
        let counts = text
            .lines()
            .filter(|line| line.starts_with("gladhand_attempts_total"))
            .filter(|line| GOOD_ENDS.iter().any(|state| line.contains(state)))
            .map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<u64>());
        let counts: Result<Vec<u64>, _> = counts.collect();
        Ok(counts.context("reading the host's metrics")?.iter().sum())
    }

    /// Waits until `deliveries` more than `before` are settled, or `patience` is over; how many are, and how long it took.
    pub async fn wait_for(
        &self,
        deliveries: usize,
        before: u64,
        patience: Duration,
    ) -> Result<(u64, Duration)> {
        let began = self.clock.monotonic();
        let wanted = u64::try_from(deliveries)?;
        loop {
            let settled = self.settled().await? - before;
            let took = self.clock.monotonic().saturating_sub(began);
            if settled >= wanted || took >= patience {
                return Ok((settled, took));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The medians of what an attempt spent in making its instance and in the guest, in microseconds, over the newest.
    pub async fn costs(&self) -> Result<(f64, f64)> {
        const NEWEST: u32 = 500;
        let store = &self.host.host.store;
        let (mut instance, mut guest) = (Vec::new(), Vec::new());
        // What still waits is newer than what has run.
        for state in [DeliveryState::Succeeded, DeliveryState::Skipped] {
            let filter = DeliveryFilter {
                state: Some(state),
                limit: NEWEST,
                ..DeliveryFilter::default()
            };
            for delivery in store.list(filter).await? {
                let detail = store.show(delivery.id).await?;
                for attempt in detail.into_iter().flat_map(|detail| detail.attempts) {
                    instance.push(attempt.cost.instance_us as f64);
                    guest.push(attempt.cost.guest_us as f64);
                }
            }
        }
        Ok((median(instance), median(guest)))
    }

    /// What the database has done so far.
    pub async fn work(&self) -> Result<Work> {
        self.ground.database.work().await
    }

    /// Lets what runs finish, and removes what it stored; how many bytes that was, the log folded into it.
    pub async fn end(self) -> Result<u64> {
        self.host.stop().await;
        let kept = self.ground.database.bytes_kept().await?;
        self.ground.database.remove().await?;
        Ok(kept)
    }
}

/// A folder with the benchmark's own connector in it and no other: what a host loads, it compiles.
fn guest(dir: &Path) -> Result<std::path::PathBuf> {
    let from = built_connectors().join("guests/bench.wasm");
    let folder = dir.join("connectors");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(&from, folder.join("bench.wasm"))
        .with_context(|| format!("copying {}: run `cargo xtask connectors`", from.display()))?;
    Ok(folder)
}
