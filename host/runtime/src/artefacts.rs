//! Compiled components on disk, so that a start does not compile again.
//!
//! Deserialising an artefact is running code, so each is authenticated with a key that only this host has and bound to
//! the engine and the component it came from. One that does not verify is as good as none.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes of the authentication code before the artefact.
const TAG_BYTES: usize = 32;

/// A directory of compiled components.
pub struct Artefacts {
    dir: PathBuf,
    key: SecretSlice<u8>,
}

/// Where a compiled component came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From its own bytes.
    Compiled,
    /// From an artefact of an earlier compilation.
    Artefact,
}

impl Artefacts {
    /// Artefacts in `dir`, which is made for this user alone.
    pub fn open(dir: PathBuf, key: SecretSlice<u8>) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        Ok(Self { dir, key })
    }

    /// The component of `digest`, where an artefact of this engine is there and genuine.
    pub fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let name = name(engine, digest);
        let path = self.dir.join(&name);
        let file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a compiled component cannot be read and is compiled again");
                return None;
            }
        };
        let genuine = file
            .split_at_checked(TAG_BYTES)
            .filter(|(tag, artefact)| self.tag(&name, artefact).verify_slice(tag).is_ok());
        let Some((_, artefact)) = genuine else {
            tracing::warn!(path = %path.display(), "a compiled component was changed by somebody else and is compiled again");
            return None;
        };
        deserialize(engine, artefact)
            .inspect_err(|error| {
                tracing::warn!(path = %path.display(), %error, "a compiled component cannot be used and is compiled again");
            })
            .ok()
    }

    /// Keeps the compiled component of `digest`.
    pub fn save(&self, engine: &Engine, digest: &str, component: &Component) -> io::Result<()> {
        let artefact = component.serialize().map_err(io::Error::other)?;
        let name = name(engine, digest);
        let tag = self.tag(&name, &artefact).finalize().into_bytes();
        // A file appears under its name only when it is whole.
        let path = self.dir.join(&name);
        let unfinished = path.with_extension(format!("{}.part", std::process::id()));
        let mut file = private_file(&unfinished)?;
        file.write_all(&tag)?;
        file.write_all(&artefact)?;
        drop(file);
        fs::rename(&unfinished, &path)
    }

    fn tag(&self, name: &str, artefact: &[u8]) -> Hmac<Sha256> {
        let mut tag = Hmac::<Sha256>::new_from_slice(self.key.expose_secret())
            .expect("HMAC takes a key of any length");
        tag.update(name.as_bytes());
        tag.update(artefact);
        tag
    }
}

/// Says which engine and which component an artefact is of; of fixed length, so that nothing can move between the two.
fn name(engine: &Engine, digest: &str) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}-{digest}.cwasm", hasher.finish())
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

#[expect(
    unsafe_code,
    reason = "the bytes were made by `save` under our key, for this engine and this component"
)]
fn deserialize(engine: &Engine, artefact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the caller has verified that `Component::serialize` made these bytes.
    unsafe { Component::deserialize(engine, artefact) }
}
