//! A running host: everything opened, joined and listening. The caller owns its end, so tests need no signals.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use gladhand_core::clock::Clock;
use gladhand_core::failure::Failure;
use gladhand_core::ids::{ConnectionId, Ids};
use gladhand_core::retry::RetryPolicy;
use gladhand_egress::Egress;
use gladhand_engine::route::Router;
use gladhand_engine::{Engine, Parts};
use gladhand_runtime::{ArtefactStore, Check, Limits, Runtime, Services};
use gladhand_store::catalog::Version;
use gladhand_store::sqlite::{Options, SqliteStore};
use gladhand_store::{Catalog, Deliveries};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin, Operations};
use crate::config::{Config, Environment};
use crate::intake::{self, Intake};
use crate::shutdown::Tasks;
use crate::token::{self, Hash};
use crate::{api, health, keyfile, telemetry};

/// Longer than the attempt's deadline of 30 s with its last request and its settle.
const LEASE: Duration = Duration::from_mins(1);

/// A running host.
pub struct Host {
    /// Takes webhooks and serves the admin API.
    pub address: SocketAddr,
    /// What Prometheus reads.
    pub metrics_address: SocketAddr,
    /// The way of a delivery.
    pub engine: Engine,
    /// What is stored.
    pub store: Arc<SqliteStore>,
    /// What an operator can do.
    pub admin: Arc<Admin>,
    /// What connectors are given.
    pub services: Services,
    /// Everything that runs.
    pub tasks: Tasks,
}

/// What the outside world is to a host.
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// Random in [0, 1).
    pub jitter: fn() -> f64,
}

impl Host {
    /// Opens the store, loads the connectors, applies what the file declares, and listens.
    pub async fn start(config: &Config, environment: &Environment, world: World) -> Result<Self> {
        let World { clock, ids, jitter } = world;
        let router = Arc::new(Router::new(ids.clone()));
        let key = keyfile::master_key(config, environment)?;
        let store = open_store(config, &key, &clock, &ids, router.clone()).await?;

        let egress = Egress::new(
            gladhand_egress::Config::default(),
            clock.clone(),
            ids.clone(),
        )
        .context("preparing outbound HTTP")?;
        let services = Services {
            ports: store.ports(),
            egress: Arc::new(egress),
            clock: clock.clone(),
        };
        let runtime = start_runtime(config, &key, services.clone())?;
        let engine = Engine::new(
            gladhand_engine::Config {
                workers: config.limits.attempts,
                lease: LEASE,
                retry: RetryPolicy::STANDARD,
            },
            Parts {
                settings: store.clone(),
                catalog: store.clone(),
                deliveries: store.clone(),
                egress: services.egress.clone(),
                runtime: Arc::new(runtime),
                router,
                clock: clock.clone(),
                ids: ids.clone(),
                jitter,
            },
        );
        engine
            .reload()
            .await
            .context("reading sources, connections and connectors")?;
        add_connectors(&engine, &*store, &config.connectors.dir).await?;

        let listener = listen(config.server.listen).await?;
        let metrics_listener = listen(config.server.metrics_listen).await?;
        let address = listener.local_addr()?;
        let admin = Arc::new(Admin::new(admin::Parts {
            settings: store.clone(),
            catalog: store.clone(),
            deliveries: store.clone(),
            operations: Arc::new(Running(engine.clone())),
            ids: ids.clone(),
            public_url: config
                .server
                .public_url
                .clone()
                .unwrap_or_else(|| format!("http://{address}")),
        }));
        // What does not fit is said and left out: a host that does not start takes in nothing, and nobody sends it again.
        if let Err(error) = admin.apply(config.declared(environment)?).await {
            tracing::error!("serving without what does not fit in the configuration:\n{error}");
        }

        let token = token::ensure(&config.store.data_dir).context("making the admin token")?;
        let intake = Arc::new(Intake {
            engine: engine.clone(),
            store: store.clone(),
            clock,
            ids,
            tolerance: config.limits.signature_age,
            in_flight: Semaphore::new(config.limits.events_in_flight),
            body_limit: config.limits.body_bytes,
        });
        let http = intake::routes(intake)
            .merge(api::routes(admin.clone(), Hash::of(&token)))
            .merge(health::routes(store.clone()));

        let mut tasks = Tasks::new();
        let metrics_address = metrics_listener.local_addr()?;
        tasks.spawn("intake", serve(listener, http, tasks.stop()));
        tasks.spawn(
            "metrics",
            serve(metrics_listener, telemetry::metrics_routes(), tasks.stop()),
        );
        let (deliverer, stop) = (engine.clone(), tasks.stop());
        tasks.spawn("delivery", async move { deliverer.run(stop).await });
        Ok(Self {
            address,
            metrics_address,
            engine,
            store,
            admin,
            services,
            tasks,
        })
    }

    /// Lets what runs finish, then lets go of the store.
    pub async fn stop(self) {
        self.tasks.finish().await;
        self.store.close().await;
    }
}

/// Opens the store that the configuration names.
pub async fn open_store(
    config: &Config,
    key: &gladhand_store::crypter::Key,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
    planner: Arc<Router>,
) -> Result<Arc<SqliteStore>> {
    let path = sqlite_path(&config.store.url)?;
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    }
    let options = Options {
        path,
        master_key: key.clone(),
        older_master_keys: Vec::new(),
        clock: clock.clone(),
        ids: ids.clone(),
        planner,
        hold: config.limits.hold,
    };
    SqliteStore::open(options)
        .await
        .with_context(|| format!("opening the store {}", config.store.url))
}

fn sqlite_path(url: &str) -> Result<PathBuf> {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => bail!(
            "store.url is `{url}`; this version stores in SQLite: write sqlite:PATH, like sqlite:data/gladhand.db"
        ),
    }
}

fn start_runtime(
    config: &Config,
    key: &gladhand_store::crypter::Key,
    services: Services,
) -> Result<Runtime> {
    // Compiled code is trusted by a key that only this host has, and that the master key makes.
    let mut artefact_key = Sha256::new_with_prefix(b"gladhand compiled connectors");
    artefact_key.update(key.to_hex().expose_secret().as_bytes());
    let config = gladhand_runtime::Config {
        limits: Limits::STANDARD,
        // One more than attempts: an operator's check never waits for deliveries.
        instances: config.limits.attempts.saturating_add(8),
        artefacts: Some(ArtefactStore {
            dir: config.store.data_dir.join("compiled"),
            key: SecretSlice::from(artefact_key.finalize().to_vec()),
        }),
    };
    Runtime::new(config, services).context("starting the WebAssembly engine")
}

/// Adds the components of a folder that the catalog does not have. One that is refused is said and left out.
async fn add_connectors(engine: &Engine, catalog: &dyn Catalog, dir: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        tracing::warn!(dir = %dir.display(), "there is no folder of connectors; set connectors.dir, or add them with `gladhand connector add`");
        return Ok(());
    };
    let known: Vec<String> = catalog
        .versions()
        .await?
        .into_iter()
        .map(|version| version.digest)
        .collect();
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "wasm")
    });
    paths.sort();
    for path in paths {
        let component =
            std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        if known.contains(&hex::encode(Sha256::digest(&component))) {
            continue;
        }
        match engine.add_connector(&component).await {
            Ok(version) => {
                let descriptor = &version.descriptor;
                tracing::info!(connector = descriptor.id, version = descriptor.version, file = %path.display(), "connector added");
            }
            Err(gladhand_engine::Error::Load(error)) => {
                tracing::error!(file = %path.display(), "connector refused: {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "listening on {address}: is another program there? choose another address in [server]"
        )
    })
}

async fn serve(listener: TcpListener, routes: axum::Router, stop: CancellationToken) {
    let served = axum::serve(listener, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(error = &error as &dyn std::error::Error, "serving HTTP");
    }
}

/// The engine, as the admin needs it.
struct Running(Engine);

#[async_trait]
impl Operations for Running {
    async fn reload(&self) {
        if let Err(error) = self.0.reload().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "taking up changed settings"
            );
        }
    }

    async fn check(&self, connection: ConnectionId) -> Result<Vec<Check>, Failure> {
        self.0.check(connection).await
    }

    async fn discover(
        &self,
        connection: ConnectionId,
        what: &str,
    ) -> Result<serde_json::Value, Failure> {
        self.0.discover(connection, what).await
    }

    async fn add_connector(&self, component: Vec<u8>) -> Result<Version, admin::operations::Error> {
        match self.0.add_connector(&component).await {
            Ok(version) => Ok(version),
            Err(gladhand_engine::Error::Load(error)) => {
                Err(admin::operations::Error::Refused(error.to_string()))
            }
            Err(gladhand_engine::Error::Store(error)) => Err(error.into()),
        }
    }
}

/// How many deliveries stand where, for the doctor.
pub async fn count(store: &dyn Deliveries) -> Result<String> {
    let counts = store.counts().await?;
    let parts: Vec<String> = counts
        .by_state
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    Ok(if parts.is_empty() {
        "no deliveries yet".to_owned()
    } else {
        parts.join(", ")
    })
}
