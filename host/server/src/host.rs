//! A running host: everything opened, joined and listening. The caller owns its end, so tests need no signals.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use gladhand_core::clock::Clock;
use gladhand_core::ids::Ids;
use gladhand_egress::Egress;
use gladhand_engine::route::Router;
use gladhand_engine::{Engine, Parts};
use gladhand_runtime::{ArtefactStore, Limits, Runtime, Services};
use gladhand_store::{Catalog, Store};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin};
use crate::config::{Config, Environment};
use crate::intake::{self, Intake};
use crate::running::Running;
use crate::shutdown::Tasks;
use crate::telemetry::backlog::Backlog;
use crate::token::{self, Hash};
use crate::{api, components, database, health, keyfile, telemetry, upkeep};

/// A running host.
pub struct Host {
    /// Takes webhooks and serves the admin API.
    pub address: SocketAddr,
    /// What Prometheus reads.
    pub metrics_address: SocketAddr,
    /// The way of a delivery.
    pub engine: Engine,
    /// What is stored.
    pub store: Arc<Store>,
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
        telemetry::start_metrics();
        let World { clock, ids, jitter } = world;
        let router = Arc::new(Router::new(ids.clone()));
        let key = keyfile::master_key(config, environment).await?;
        let store = database::open(config, &key, &clock, &ids, router.clone()).await?;

        let egress = Egress::new(
            egress_config(config),
            clock.clone(),
            ids.clone(),
            store.clone(),
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
                lease: config.limits.lease,
            },
            Parts {
                settings: store.clone(),
                catalog: store.clone(),
                deliveries: store.clone(),
                standings: store.clone(),
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
        let admin = Arc::new(admin_of(config, &store, &engine, &clock, &ids, address));
        // What does not fit is said and left out: a host that does not start takes in nothing, and nobody sends it again.
        if let Err(error) = admin.apply(config.declared(environment)?).await {
            tracing::error!("serving without what does not fit in the configuration:\n{error}");
        }

        let metrics_address = metrics_listener.local_addr()?;
        let serving = Serving {
            config,
            engine: &engine,
            store: &store,
            clock: &clock,
        };
        let http = serving.routes(admin.clone(), ids)?;
        let tasks = serving.spawn(http, listener, metrics_listener);
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

/// What the parts of a host that serve something share.
struct Serving<'h> {
    config: &'h Config,
    engine: &'h Engine,
    store: &'h Arc<Store>,
    clock: &'h Arc<dyn Clock>,
}

impl Serving<'_> {
    /// What is answered, as far as it is this host's role.
    fn routes(&self, admin: Arc<Admin>, ids: Arc<dyn Ids>) -> Result<axum::Router> {
        let config = self.config;
        let roles = config.server.roles;
        let mut http = health::routes(self.store.clone());
        if roles.console {
            let token = token::ensure(&config.store.data_dir).context("making the admin token")?;
            http = http.merge(api::routes(admin, Hash::of(&token)));
        }
        if roles.intake {
            http = http.merge(intake::routes(Arc::new(Intake {
                engine: self.engine.clone(),
                store: self.store.clone(),
                clock: self.clock.clone(),
                ids,
                tolerance: config.limits.signature_age,
                in_flight: Semaphore::new(config.limits.events_in_flight),
                body_limit: config.limits.body_bytes,
            })));
        }
        Ok(http)
    }

    /// Starts everything that runs.
    fn spawn(&self, http: axum::Router, listener: TcpListener, metrics: TcpListener) -> Tasks {
        let mut tasks = Tasks::new();
        let (engine, store) = (self.engine.clone(), self.store.clone());
        tasks.spawn("http", serve(listener, http, tasks.stop()));
        let backlog = Backlog::new(store.clone(), self.clock.clone());
        let read = serve(metrics, telemetry::metrics_routes(backlog), tasks.stop());
        tasks.spawn("metrics", read);
        tasks.spawn("folding metrics", telemetry::fold(tasks.stop()));
        let converge = upkeep::converge(engine.clone(), tasks.stop());
        tasks.spawn("converge", converge);
        if self.config.server.roles.worker {
            let stop = tasks.stop();
            tasks.spawn("delivery", async move { engine.run(stop).await });
            let (keep, clock) = (self.config.retention.clone(), self.clock.clone());
            let sweep = upkeep::sweep(store, keep, upkeep::SWEEP_AGAIN, clock, tasks.stop());
            tasks.spawn("retention", sweep);
        }
        tasks
    }
}

fn admin_of(
    config: &Config,
    store: &Arc<Store>,
    engine: &Engine,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
    address: SocketAddr,
) -> Admin {
    let public_url = config.server.public_url.clone();
    let sources = config.sources.iter();
    let connections = config.connections.iter();
    let declared = admin::declared::Names {
        sources: sources.map(|source| source.name.clone()).collect(),
        connections: connections
            .map(|connection| connection.name.clone())
            .collect(),
    };
    Admin::new(admin::Parts {
        settings: store.clone(),
        catalog: store.clone(),
        deliveries: store.clone(),
        queue: store.clone(),
        effects: store.clone(),
        link_book: store.clone(),
        events: store.clone(),
        audit: store.clone(),
        operations: Arc::new(Running(engine.clone())),
        clock: clock.clone(),
        ids: ids.clone(),
        public_url: public_url.unwrap_or_else(|| format!("http://{address}")),
        declared,
    })
}

/// Requests end before the lease under which they are sent, also where it is about to be renewed.
fn egress_config(config: &Config) -> gladhand_egress::Config {
    let usual = gladhand_egress::Config::default();
    let request = config.limits.request;
    let room = (config.limits.lease * 2 / 3).saturating_sub(usual.lease_margin * 2);
    gladhand_egress::Config {
        timeout: request,
        longest_timeout: usual.longest_timeout.min(room).max(request),
        connect_timeout: usual.connect_timeout.min(request),
        ..usual
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
    let Ok(paths) = components::in_folder(dir) else {
        tracing::warn!(dir = %dir.display(), "there is no folder of connectors; set connectors.dir, or add them with `gladhand connector add`");
        return Ok(());
    };
    let known: Vec<String> = catalog
        .versions()
        .await?
        .into_iter()
        .map(|version| version.digest)
        .collect();
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
