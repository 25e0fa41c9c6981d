//! A real host in this process: its own folder, SQLite file, configuration file and ports.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_server::config::{Config, Environment};
use gladhand_server::host::{Host, World};
use gladhand_server::system::{self, SystemClock, SystemIds};
use gladhand_store::Deliveries as _;
use gladhand_store::deliveries::DeliveryFilter;

use crate::chatwoot::Sender;

/// The one source's name.
pub const SOURCE: &str = "support";
/// What the one source signs with.
pub const SECRET: &str = "x7Vt2b4kqM3nWcP9sLrYdE8u";

/// A connection to a simulator.
#[derive(Debug, Clone)]
pub struct Joined {
    /// Its name.
    pub name: String,
    /// The connector's id.
    pub connector: String,
    /// The simulator's address, in any form that people paste.
    pub base_url: String,
    /// The simulator's token.
    pub token: String,
    /// The inboxes it takes; empty takes all.
    pub inboxes: Vec<i64>,
    /// Attempts at once.
    pub concurrency: u32,
    /// Lines of `[connection.settings]`.
    pub settings: String,
}

impl Joined {
    /// A connection to a simulated Krayin that takes all inboxes, with every setting at its default.
    pub fn krayin(name: &str, base_url: &str, token: String) -> Self {
        Self {
            name: name.to_owned(),
            connector: "krayin".to_owned(),
            base_url: base_url.to_owned(),
            token,
            inboxes: Vec::new(),
            concurrency: 4,
            settings: String::new(),
        }
    }
}

/// How a host is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where it keeps what it keeps; a second host on the same folder goes on where the first stopped.
    pub dir: PathBuf,
    /// Where the components are.
    pub connectors: PathBuf,
    /// Its connections.
    pub joined: Vec<Joined>,
    /// How long an empty lane waits for the rest of a burst.
    pub hold: Duration,
    /// Attempts at once.
    pub attempts: u32,
    /// Where it stores, where that is not a file in `dir`.
    pub store: Option<String>,
    /// More lines of `[limits]`.
    pub limits: String,
}

impl Setup {
    /// One that keeps everything in `dir` and runs the components that `cargo xtask connectors` built.
    pub fn new(dir: &Path, joined: Vec<Joined>) -> Self {
        Self {
            dir: dir.to_owned(),
            connectors: built_connectors(),
            joined,
            hold: Duration::from_millis(50),
            attempts: 32,
            store: None,
            limits: String::new(),
        }
    }

    /// The configuration file's text.
    pub fn toml(&self) -> String {
        let dir = self.dir.display();
        let store = self.store.clone();
        let store = store.unwrap_or_else(|| format!("sqlite:{dir}/gladhand.db"));
        let mut toml = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n\
             [store]\nurl = \"{store}\"\ndata_dir = \"{dir}/data\"\n\
             [connectors]\ndir = \"{}\"\n\
             [limits]\nattempts = {}\nhold_ms = {}\n{}\n\
             [[source]]\nname = \"{SOURCE}\"\nkind = \"chatwoot\"\nwebhook_secret = {{ file = \"{dir}/webhook.secret\" }}\n\
             base_url = \"https://chat.example.com\"\naccount_id = 1\n",
            self.connectors.display(),
            self.attempts,
            self.hold.as_millis(),
            self.limits,
        );
        for joined in &self.joined {
            let Joined {
                name,
                connector,
                base_url,
                inboxes,
                concurrency,
                settings,
                ..
            } = joined;
            write!(
                toml,
                "[[connection]]\nname = \"{name}\"\nsource = \"{SOURCE}\"\nconnector = \"{connector}\"\nbase_url = \"{base_url}\"\n\
                 credentials = {{ token = {{ file = \"{dir}/{name}.token\" }} }}\ninboxes = {inboxes:?}\nconcurrency = {concurrency}\n\
                 allow_private_network = true\nallow_http = true\n[connection.settings]\n{settings}\n",
            )
            .expect("a string takes everything");
        }
        toml
    }

    /// Writes the configuration and its secrets; returns the configuration's path.
    pub fn write(&self) -> Result<PathBuf> {
        fs::create_dir_all(&self.dir)?;
        fs::write(self.dir.join("webhook.secret"), SECRET)?;
        for joined in &self.joined {
            fs::write(
                self.dir.join(format!("{}.token", joined.name)),
                &joined.token,
            )?;
        }
        let path = self.dir.join("gladhand.toml");
        fs::write(&path, self.toml())?;
        Ok(path)
    }
}

/// The components to run: `target/connectors` of the build that this program is from, or what
/// `GLADHAND_TEST_CONNECTORS` names.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by their environment what to test"
)]
pub fn built_connectors() -> PathBuf {
    if let Some(named) = std::env::var_os("GLADHAND_TEST_CONNECTORS") {
        return named.into();
    }
    // A program of the build lies in target/<profile>[/deps]; a target folder elsewhere is found by that.
    let program = std::env::current_exe().unwrap_or_default();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lies in the workspace");
    let beside = program
        .ancestors()
        .map(|dir| dir.join("connectors"))
        .find(|dir| dir.join("krayin.wasm").is_file());
    beside.unwrap_or_else(|| workspace.join("target/connectors"))
}

/// A real host in this process.
pub struct TestHost {
    /// The host.
    pub host: Host,
    clock: Arc<dyn Clock>,
}

impl TestHost {
    /// Starts on the machine's clock.
    pub async fn start(setup: &Setup) -> Result<Self> {
        Self::start_at(setup, Arc::new(SystemClock::new())).await
    }

    /// Starts on a clock of the test's.
    pub async fn start_at(setup: &Setup, clock: Arc<dyn Clock>) -> Result<Self> {
        let path = setup.write()?;
        let environment = Environment::default();
        let config = Config::load(Some(&path), &environment, &[])
            .context("reading the test's configuration")?;
        let world = World {
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
            jitter: system::jitter,
        };
        Ok(Self {
            host: Host::start(&config, &environment, world).await?,
            clock,
        })
    }

    /// `host:port`
    pub fn authority(&self) -> String {
        self.host.address.to_string()
    }

    /// One that sends signed webhooks; `run` tells its delivery ids from others'.
    pub fn sender(&self, run: &str) -> Sender<'_> {
        Sender::new(&self.authority(), SOURCE, SECRET, run, &*self.clock)
    }

    /// Waits until nothing is on its way; deliveries that wait for a later time do not count.
    pub async fn settle(&self) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(20);
        let busy = [DeliveryState::Pending, DeliveryState::Running];
        let settled = async {
            loop {
                let counts = self.host.store.counts().await?;
                if counts
                    .by_state
                    .iter()
                    .all(|(state, _)| !busy.contains(state))
                {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if let Ok(settled) = tokio::time::timeout(PATIENCE, settled).await {
            return settled;
        }
        let mut left = self.deliveries().await?;
        left.retain(|delivery| !delivery.state.is_settled());
        bail!("deliveries are still on their way after {PATIENCE:?}: {left:#?}")
    }

    /// All deliveries, oldest first.
    pub async fn deliveries(&self) -> Result<Vec<Delivery>> {
        let mut deliveries = self
            .host
            .store
            .list(DeliveryFilter {
                limit: 1_000,
                ..DeliveryFilter::default()
            })
            .await?;
        deliveries.reverse();
        Ok(deliveries)
    }

    /// Lets what runs finish.
    pub async fn stop(self) {
        self.host.stop().await;
    }
}
