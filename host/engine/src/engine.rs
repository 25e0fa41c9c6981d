//! The engine as the server holds it: configuration in, deliveries done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use gladhand_core::clock::Clock;
use gladhand_core::descriptor::Descriptor;
use gladhand_core::failure::Failure;
use gladhand_core::ids::{ConnectionId, Ids};
use gladhand_core::retry::RetryPolicy;
use gladhand_egress::Egress;
use gladhand_runtime::{Check, Connector, LoadError, Runtime};
use gladhand_store::catalog::Version;
use gladhand_store::{Catalog, Deliveries, Settings};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::directory::{self, Directory};
use crate::route::Router;
use crate::{setup, worker};

/// Why the engine could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] gladhand_store::Error),
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
    /// How failures are tried again.
    pub retry: RetryPolicy,
}

/// What the engine is made of.
pub struct Parts {
    /// Sources, accounts, connections.
    pub settings: Arc<dyn Settings>,
    /// Connector versions.
    pub catalog: Arc<dyn Catalog>,
    /// Deliveries and lanes.
    pub deliveries: Arc<dyn Deliveries>,
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
    /// One change of the directory at a time, so that an older snapshot never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
}

impl Engine {
    /// An engine that knows nothing until `reload`.
    pub fn new(config: Config, parts: Parts) -> Self {
        let Parts {
            settings,
            catalog,
            deliveries,
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
            reloading: tokio::sync::Mutex::default(),
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

    /// Runs the connector's checks.
    pub async fn check(&self, connection: ConnectionId) -> Result<Vec<Check>, Failure> {
        setup::check(
            &self.directory(),
            connection,
            &*self.inner.clock,
            &*self.inner.ids,
        )
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
        inner.directory.store(Arc::new(directory));
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
