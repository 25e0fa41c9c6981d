//! The engine with everything that its components share, and the way of a file to a component that can be called.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretSlice;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component as Compiled, Linker};

use crate::artefacts::{Artefacts, Origin};
use crate::bindings::BasePre;
use crate::call::{Connector, Services};
use crate::component::{Component, Shared};
use crate::engine::engine;
use crate::imports;
use crate::limits::Limits;
use crate::refusal::LoadError;
use crate::state::{State, linker};

/// Bytes of a component: one in Python has 18 MB, one in Rust 0.1 MB.
const MOST_BYTES: usize = 64 << 20;

/// How a runtime is set up.
pub struct Config {
    /// What a call may use. A connector may ask for less, never for more.
    pub limits: Limits,
    /// How many calls can run at once; more wait for their turn. Each costs 8 GiB of address space and no memory.
    pub instances: u32,
    /// Where compiled components are kept; without it they are compiled at every start.
    pub artefacts: Option<ArtefactStore>,
}

/// Where compiled components are kept, and the key that says that they are ours.
pub struct ArtefactStore {
    /// Made for this user alone.
    pub dir: PathBuf,
    /// Never leaves this host; another one costs a compilation.
    pub key: SecretSlice<u8>,
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine cannot run components as configured.
    #[error(
        "the WebAssembly engine cannot start: lower the number of instances, or allow the process more address space"
    )]
    Engine(#[source] wasmtime::Error),
    /// The directory of compiled components cannot be used.
    #[error("the directory of compiled components `{}` cannot be used: let this user write to it", dir.display())]
    Artefacts {
        /// Which.
        dir: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// The engine with everything that its components share.
pub struct Runtime {
    engine: wasmtime::Engine,
    linker: Linker<State>,
    shared: Arc<Shared>,
    artefacts: Option<Arc<Artefacts>>,
}

impl Runtime {
    /// An engine that has loaded nothing.
    pub fn new(config: Config, services: Services) -> Result<Self, Error> {
        let engine = engine(&config.limits, config.instances).map_err(Error::Engine)?;
        let linker = linker(&engine).map_err(Error::Engine)?;
        let artefacts = config
            .artefacts
            .map(|store| {
                let dir = store.dir;
                Artefacts::open(dir.clone(), store.key)
                    .map_err(|source| Error::Artefacts { dir, source })
            })
            .transpose()?;
        Ok(Self {
            engine,
            linker,
            shared: Arc::new(Shared::new(services, config.limits, config.instances)),
            artefacts: artefacts.map(Arc::new),
        })
    }

    /// Makes a file into a connector, or says why it is none.
    pub async fn load(&self, component: &[u8]) -> Result<Arc<Component>, LoadError> {
        check_format(component)?;
        let digest = hex::encode(Sha256::digest(component));
        let (compiled, origin) = self.compile(component, &digest).await?;
        imports::check(&compiled.component_type(), &self.engine)?;
        let shape = |error: wasmtime::Error| LoadError::Shape {
            spoken: imports::SPOKEN,
            detail: format!("{error:#}"),
        };
        let linked = self.linker.instantiate_pre(&compiled).map_err(shape)?;
        let linked = BasePre::new(linked).map_err(shape)?;
        let component = Component::describe(Arc::clone(&self.shared), linked, digest).await?;
        tracing::info!(
            connector = %component.descriptor().id,
            version = %component.descriptor().version,
            digest = component.digest(),
            from_artefact = origin == Origin::Artefact,
            "connector.loaded"
        );
        Ok(Arc::new(component))
    }

    /// Compiling takes seconds of all processors, so it does not run among those who serve.
    async fn compile(
        &self,
        component: &[u8],
        digest: &str,
    ) -> Result<(Compiled, Origin), LoadError> {
        let engine = self.engine.clone();
        let artefacts = self.artefacts.clone();
        let (bytes, digest) = (component.to_vec(), digest.to_owned());
        tokio::task::spawn_blocking(move || {
            let artefacts = artefacts.as_deref();
            if let Some(compiled) = artefacts.and_then(|kept| kept.load(&engine, &digest)) {
                return Ok((compiled, Origin::Artefact));
            }
            let compiled = Compiled::from_binary(&engine, &bytes)?;
            if let Some(artefacts) = artefacts
                && let Err(error) = artefacts.save(&engine, &digest, &compiled)
            {
                tracing::warn!(%error, "a compiled component cannot be kept and will be compiled again");
            }
            Ok((compiled, Origin::Compiled))
        })
        .await
        // A component that makes the compiler panic is as broken as one that it refuses.
        .unwrap_or_else(|panic| Err(wasmtime::Error::new(panic)))
        .map_err(LoadError::Broken)
    }
}

/// Tells what a file is from its first eight bytes: magic, version, layer.
fn check_format(component: &[u8]) -> Result<(), LoadError> {
    if component.len() > MOST_BYTES {
        return Err(LoadError::TooLarge {
            bytes: component.len(),
            limit: MOST_BYTES,
        });
    }
    match component.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', ..]) => Err(LoadError::CoreModule),
        _ => Err(LoadError::NotWasm),
    }
}
