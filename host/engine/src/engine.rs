//! The engine as the server holds it: configuration in, deliveries done.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use gladhand_core::clock::Clock;
use gladhand_core::descriptor::Descriptor;
use gladhand_core::failure::Failure;
use gladhand_core::ids::{AccountId, ConnectionId, Ids};
use gladhand_core::pause::{By, Paused};
use gladhand_core::port::{self, Standings};
use gladhand_egress::Egress;
use gladhand_runtime::{Check, Connector, LoadError, Runtime};
use gladhand_store::catalog::Version;
use gladhand_store::{Catalog, Deliveries, Settings};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::directory::{self, Directory};
use crate::pauses::{self, Pause};
use crate::route::Router;
use crate::usual::UsualCalls;
use crate::{setup, watch, worker};

/// Why the engine could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] gladhand_store::Error),
    /// What hosts know of accounts together cannot be read or changed.
    #[error(transparent)]
    Standings(#[from] port::Error),
    /// The component is not one that this host runs.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// How the engine works.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many attempts run at once, over all accounts.
    pub workers: u32,
    /// How long a lane is leased; longer than any attempt's deadline.
    pub lease: Duration,
}

/// What the engine is made of.
pub struct Parts {
    /// Sources, accounts, connections.
    pub settings: Arc<dyn Settings>,
    /// Connector versions.
    pub catalog: Arc<dyn Catalog>,
    /// Deliveries and lanes.
    pub deliveries: Arc<dyn Deliveries>,
    /// What hosts know of accounts together.
    pub standings: Arc<dyn Standings>,
    /// Holds an account whose provider lets nothing more through.
    pub egress: Arc<Egress>,
    /// Loads and runs components.
    pub runtime: Arc<Runtime>,
    /// Decides what an event becomes; the store calls it.
    pub router: Arc<Router>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// Random in [0, 1).
    pub jitter: fn() -> f64,
}

/// The way of a delivery.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) settings: Arc<dyn Settings>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) deliveries: Arc<dyn Deliveries>,
    pub(crate) egress: Arc<Egress>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) router: Arc<Router>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) jitter: fn() -> f64,
    pub(crate) directory: ArcSwap<Directory>,
    pub(crate) pauses: pauses::Board,
    pub(crate) usual: UsualCalls,
    /// Something was changed that the watch should look at.
    pub(crate) look: Notify,
    /// One change of the directory at a time, so that an older snapshot never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
    /// Of the settings and the catalog, as the directory has them.
    revision: AtomicI64,
}

/// Before anything was read.
const NO_REVISION: i64 = i64::MIN;

impl Engine {
    /// An engine that knows nothing until `reload`.
    pub fn new(config: Config, parts: Parts) -> Self {
        let Parts {
            settings,
            catalog,
            deliveries,
            standings,
            egress,
            runtime,
            router,
            clock,
            ids,
            jitter,
        } = parts;
        let inner = Inner {
            config,
            settings,
            catalog,
            deliveries,
            egress,
            runtime,
            router,
            clock,
            ids,
            jitter,
            directory: ArcSwap::default(),
            pauses: pauses::Board::new(standings),
            usual: UsualCalls::default(),
            look: Notify::new(),
            reloading: tokio::sync::Mutex::default(),
            revision: AtomicI64::new(NO_REVISION),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The configuration as it runs.
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.load_full()
    }

    /// Reads the configuration again: gives connections without a version one, loads versions that are not loaded.
    pub async fn reload(&self) -> Result<(), Error> {
        let _one_at_a_time = self.inner.reloading.lock().await;
        self.reload_with(self.directory().connectors.clone()).await
    }

    /// Whether nobody has changed the settings or the catalog since they were read.
    pub async fn is_current(&self) -> Result<bool, Error> {
        let known = self.inner.revision.load(Ordering::Acquire);
        Ok(self.inner.settings.revision().await? == known)
    }

    /// Adds a component to the catalog, after everything that can be wrong with it was looked at.
    pub async fn add_connector(&self, component: &[u8]) -> Result<Version, Error> {
        let connector = self.inner.runtime.load(component).await?;
        let version = Version {
            digest: connector.digest().to_owned(),
            descriptor: Descriptor::clone(connector.descriptor()),
            size: component.len() as u64,
            added_at: self.inner.clock.now(),
        };
        self.inner.catalog.add_version(&version, component).await?;
        self.register(connector).await?;
        Ok(version)
    }

    /// Makes a connector available that needs no loading.
    pub async fn register(&self, connector: Arc<dyn Connector>) -> Result<(), Error> {
        let _one_at_a_time = self.inner.reloading.lock().await;
        let mut connectors = self.directory().connectors.clone();
        connectors.insert(connector.digest().to_owned(), connector);
        self.reload_with(connectors).await
    }

    /// Runs the connector's checks. Where all pass, what had paused itself goes on.
    pub async fn check(&self, connection: ConnectionId) -> Result<Vec<Check>, Failure> {
        let inner = &*self.inner;
        let directory = self.directory();
        let checked = setup::check(&directory, connection, &*inner.clock, &*inner.ids).await;
        if watch::is_passed(&checked)
            && let Some(entry) = directory.connections.get(&connection)
        {
            let account = entry.account.id;
            for whose in [(account, None), (account, Some(connection))] {
                let of = |pause: &Pause| (pause.account, pause.connection) == whose;
                let mut paused = inner.pauses.list().into_iter().filter(of);
                if paused.any(|pause| pause.paused.by == By::Host)
                    && let Err(error) = inner.pauses.resume(whose, inner.clock.now()).await
                {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "resuming what is mended"
                    );
                }
            }
        }
        checked
    }

    /// Everything that is paused, by a host or by a person, as this host knows it.
    pub fn paused(&self) -> Vec<Pause> {
        self.inner.pauses.list()
    }

    /// The same, after asking what other hosts have done since: one that does not deliver hears of it no other way.
    pub async fn paused_anywhere(&self) -> Result<Vec<Pause>, port::Error> {
        self.inner.pauses.refresh().await?;
        Ok(self.inner.pauses.list())
    }

    /// Pauses an account until somebody resumes it; false where it is paused already.
    pub async fn pause_account(&self, account: AccountId, why: &str) -> Result<bool, port::Error> {
        let paused = Paused {
            by: By::Operator,
            since: self.inner.clock.now(),
            kind: None,
            message: why.to_owned(),
            connection: None,
            next_test: None,
        };
        self.inner.pauses.pause((account, None), &paused).await
    }

    /// Lets an account go on, whoever paused it; false where it was not paused.
    pub async fn resume_account(&self, account: AccountId) -> Result<bool, port::Error> {
        let now = self.inner.clock.now();
        self.inner.pauses.resume((account, None), now).await
    }

    /// Lets a connection go on that had paused itself; false where it had not.
    pub async fn resume_connection(&self, connection: ConnectionId) -> Result<bool, port::Error> {
        let directory = self.directory();
        let Some(entry) = directory.connections.get(&connection) else {
            return Ok(false);
        };
        let whose = (entry.account.id, Some(connection));
        self.inner
            .pauses
            .resume(whose, self.inner.clock.now())
            .await
    }

    /// Asks the connector what the CRM offers for `what`.
    pub async fn discover(&self, connection: ConnectionId, what: &str) -> Result<Value, Failure> {
        setup::discover(
            &self.directory(),
            connection,
            what,
            &*self.inner.clock,
            &*self.inner.ids,
        )
        .await
    }

    /// Delivers until `stop`, then returns when what runs has settled.
    pub async fn run(&self, stop: CancellationToken) {
        worker::work(self.inner.clone(), stop).await;
    }

    async fn reload_with(
        &self,
        mut connectors: HashMap<String, Arc<dyn Connector>>,
    ) -> Result<(), Error> {
        let inner = &*self.inner;
        // Before the rest: what is changed while it is read may be missing in it, and is then read again.
        let revision = inner.settings.revision().await?;
        let versions = inner.catalog.versions().await?;
        let mut routes: HashMap<ConnectionId, String> =
            inner.catalog.routes().await?.into_iter().collect();
        for connection in inner.settings.connections().await? {
            if routes.contains_key(&connection.id) {
                continue;
            }
            if let Some(version) = directory::choose(&connection, &versions) {
                inner
                    .catalog
                    .set_route(connection.id, &version.digest)
                    .await?;
                routes.insert(connection.id, version.digest.clone());
            }
        }
        for digest in routes.into_values() {
            if !connectors.contains_key(&digest)
                && let Some(connector) = self.load(&digest).await?
            {
                connectors.insert(digest, connector);
            }
        }
        let directory = directory::read(&*inner.settings, &*inner.catalog, connectors).await?;
        inner.router.replace(directory.routes());
        let directory = Arc::new(directory);
        inner.directory.store(directory.clone());
        self.take_up(&directory).await?;
        inner.revision.store(revision, Ordering::Release);
        Ok(())
    }

    /// Brings what is known of accounts and connections in step with what is configured.
    async fn take_up(&self, directory: &Directory) -> Result<(), port::Error> {
        let inner = &*self.inner;
        let accounts: HashSet<AccountId> = directory.concurrency_of().into_keys().collect();
        let is_known = |account: AccountId| accounts.contains(&account);
        inner.egress.retain(is_known);
        let connections = &directory.connections;
        inner.usual.retain(|id| connections.contains_key(&id));
        inner.pauses.retain(|(account, connection)| {
            is_known(account) && connection.is_none_or(|id| connections.contains_key(&id))
        });
        let all = inner.pauses.refresh().await?;
        inner.egress.learn(&all);
        let now = inner.clock.now();
        for entry in connections.values() {
            let (account, connection) = (entry.account.id, entry.connection.id);
            let is_off = entry.connection.is_paused;
            inner
                .pauses
                .switch(account, connection, is_off, now)
                .await?;
        }
        inner.pauses.test_soon(now).await?;
        inner.look.notify_one();
        Ok(())
    }

    /// Loads a version of the catalog. One that this host refuses is reported and left out: the rest keeps running.
    async fn load(&self, digest: &str) -> Result<Option<Arc<dyn Connector>>, Error> {
        let Some(component) = self.inner.catalog.component(digest).await? else {
            return Ok(None);
        };
        match self.inner.runtime.load(&component).await {
            Ok(connector) => Ok(Some(connector)),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    version = digest,
                    "loading a connector version"
                );
                Ok(None)
            }
        }
    }
}
