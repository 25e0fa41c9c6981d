//! What the components of a folder say of themselves, without a host.
//!
//! A component that describes itself is given no way to reach anything, so what it could reach holds nothing.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use gladhand_core::attempt::{Changes, Entity, Lease, Link};
use gladhand_core::clock::{Clock as _, Timestamp};
use gladhand_core::descriptor::Descriptor;
use gladhand_core::effect::{Intended, Intent};
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_core::port::{
    Cache, Error, Journal, Links, Locks, Ports, Scope, Standing, Standings, Variables,
};
use gladhand_egress::Egress;
use gladhand_runtime::{Config, Connector as _, Limits, Runtime, Services};
use gladhand_store::catalog::Version;
use serde_json::Value;

use crate::cli::printer;
use crate::components;
use crate::system::{SystemClock, SystemIds};

/// One for each `*.wasm` of the folder that this host would run; the others are named on stderr.
pub async fn describe(dir: &Path) -> anyhow::Result<Vec<Version>> {
    // A folder that is not there holds none: the host says so when it starts.
    let paths = components::in_folder(dir).unwrap_or_default();
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = runtime()?;
    let mut versions = Vec::with_capacity(paths.len());
    for path in paths {
        let component =
            std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        match runtime.load(&component).await {
            Ok(connector) => versions.push(Version {
                digest: connector.digest().to_owned(),
                descriptor: Descriptor::clone(connector.descriptor()),
                size: component.len() as u64,
                added_at: SystemClock::new().now(),
            }),
            Err(error) => printer::note(&format!("{} is refused: {error}", path.display())),
        }
    }
    Ok(versions)
}

fn runtime() -> anyhow::Result<Runtime> {
    let clock = Arc::new(SystemClock::new());
    let nothing = Arc::new(Nothing);
    let egress = Egress::new(
        gladhand_egress::Config::default(),
        clock.clone(),
        Arc::new(SystemIds),
        nothing.clone(),
    )
    .context("preparing outbound HTTP")?;
    let services = Services {
        ports: Ports {
            journal: nothing.clone(),
            links: nothing.clone(),
            cache: nothing.clone(),
            variables: nothing.clone(),
            locks: nothing,
        },
        egress: Arc::new(egress),
        clock,
    };
    let config = Config {
        limits: Limits::STANDARD,
        instances: 1,
        artefacts: None,
    };
    Runtime::new(config, services).context("starting the WebAssembly engine")
}

/// A store that holds nothing and takes nothing.
struct Nothing;

#[async_trait]
impl Journal for Nothing {
    async fn intend(
        &self,
        _lease: &Lease,
        _account: AccountId,
        _state: u32,
        _changes: Changes,
        _intent: Intent,
    ) -> Result<Intended, Error> {
        Err(Error::LeaseLost)
    }
}

#[async_trait]
impl Links for Nothing {
    async fn get(
        &self,
        _scope: Scope,
        _entity: &Entity,
        _object: &str,
    ) -> Result<Option<Link>, Error> {
        Ok(None)
    }

    async fn list(&self, _scope: Scope, _entity: &Entity) -> Result<Vec<Link>, Error> {
        Ok(Vec::new())
    }

    async fn find_by_remote(
        &self,
        _scope: Scope,
        _object: &str,
        _remote_id: &str,
    ) -> Result<Vec<Entity>, Error> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Cache for Nothing {
    async fn get(
        &self,
        _connection: ConnectionId,
        _state: u32,
        _key: &str,
        _now: Timestamp,
    ) -> Result<Option<Value>, Error> {
        Ok(None)
    }
}

#[async_trait]
impl Variables for Nothing {
    async fn get(&self, _connection: ConnectionId, _name: &str) -> Result<Option<Value>, Error> {
        Ok(None)
    }

    async fn set(
        &self,
        _connection: ConnectionId,
        _name: &str,
        _value: Value,
    ) -> Result<(), Error> {
        Err(Error::LeaseLost)
    }
}

#[async_trait]
impl Locks for Nothing {
    async fn acquire(
        &self,
        _lease: &Lease,
        _account: AccountId,
        _keys: &[String],
    ) -> Result<bool, Error> {
        Ok(false)
    }
}

#[async_trait]
impl Standings for Nothing {
    async fn all(&self) -> Result<Vec<Standing>, Error> {
        Ok(Vec::new())
    }

    async fn get(&self, _account: AccountId, _name: &str) -> Result<Option<Standing>, Error> {
        Ok(None)
    }

    async fn replace(
        &self,
        _account: AccountId,
        _name: &str,
        _revision: i64,
        _value: &Value,
    ) -> Result<Option<i64>, Error> {
        Ok(None)
    }
}
