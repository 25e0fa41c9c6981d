//! Connectors: added, listed, shown.

use gladhand_core::clock::Timestamp;
use gladhand_core::descriptor::Descriptor;
use gladhand_store::catalog::Version;
use serde::{Deserialize, Serialize};

use super::{Admin, Error};

/// A version of a connector as listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectorView {
    /// The connector's name.
    pub name: String,
    /// semver.
    pub version: String,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// Bytes of the component.
    pub size: u64,
    /// When it was added.
    pub added_at: Timestamp,
    /// What it says of itself; listings leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptor: Option<Descriptor>,
}

impl ConnectorView {
    fn of(version: &Version) -> Self {
        Self {
            name: version.descriptor.id.clone(),
            version: version.descriptor.version.clone(),
            digest: version.digest.clone(),
            size: version.size,
            added_at: version.added_at,
            descriptor: None,
        }
    }

    fn with_descriptor(version: &Version) -> Self {
        Self {
            descriptor: Some(version.descriptor.clone()),
            ..Self::of(version)
        }
    }
}

impl Admin {
    /// All versions, newest first.
    pub async fn list_connectors(&self) -> Result<Vec<ConnectorView>, Error> {
        Ok(self
            .parts
            .catalog
            .versions()
            .await?
            .iter()
            .map(ConnectorView::of)
            .collect())
    }

    /// The newest that `name` means: `name`, `name@version`, `name@sha256:…` or a digest.
    pub async fn show_connector(&self, name: &str) -> Result<ConnectorView, Error> {
        let (id, pin) = name
            .split_once('@')
            .map_or((name, None), |(id, pin)| (id, Some(pin)));
        let is_meant = |version: &Version| {
            let is_pinned = |pin: &str| {
                version.descriptor.version == pin
                    || pin.strip_prefix("sha256:") == Some(&version.digest)
            };
            version.digest == name || (version.descriptor.id == id && pin.is_none_or(is_pinned))
        };
        let versions = self.parts.catalog.versions().await?;
        let version = versions.iter().find(|version| is_meant(version));
        version.map(ConnectorView::with_descriptor).ok_or_else(|| {
            let known = versions
                .iter()
                .map(|version| version.descriptor.id.as_str());
            Error::not_found("connector", name, known)
        })
    }

    /// Adds one; connections that waited for it begin to run it.
    pub async fn add_connector(&self, component: Vec<u8>) -> Result<ConnectorView, Error> {
        let version = self.parts.operations.add_connector(component).await?;
        let name = format!("{}@{}", version.descriptor.id, version.descriptor.version);
        let detail = format!("it was added: sha256:{}", version.digest);
        self.record("connector.add", &name, detail).await;
        Ok(ConnectorView::with_descriptor(&version))
    }
}
