//! What an operator can do, and the rules for it: names, URLs, shared accounts, settings that fit the connector.
//!
//! The API is thin over this, and so is the start of the host. It must not know HTTP or where an order came from.

pub mod operations;

pub mod sources;

pub mod connections;

pub mod connectors;

pub mod deliveries;

pub mod declared;

mod accounts;

mod secrets;

mod settings;

mod url;

use std::sync::Arc;

use gladhand_core::ids::Ids;
use gladhand_store::{Catalog, Deliveries, Settings};
use tokio::sync::Mutex;

pub use connections::{ConnectionChange, ConnectionView, NewConnection};
pub use connectors::ConnectorView;
pub use declared::Declared;
pub use deliveries::{DeliveryQuery, DeliveryView};
pub use operations::Operations;
pub use secrets::SecretView;
pub use sources::{NewSource, SourceView};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing of that name.
    #[error("there is no {what} `{name}`; `gladhand {what} list` shows those there are")]
    NotFound {
        /// `source`, `connection`, …
        what: &'static str,
        /// As it was asked for.
        name: String,
    },
    /// The name is taken.
    #[error("{what} `{name}` exists already; choose another name, or remove that one first")]
    Exists {
        /// `source`, `connection`
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Something else needs it.
    #[error("{what} `{name}` is still used by {by}; remove that first")]
    InUse {
        /// `source`
        what: &'static str,
        /// Its name.
        name: String,
        /// What uses it.
        by: String,
    },
    /// What was asked for does not fit; every reason.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
    /// The component is not one that this host runs.
    #[error("the component was refused: {0}")]
    Refused(String),
    /// The connector could not do it.
    #[error("{}", .0.message)]
    Failed(gladhand_core::failure::Failure),
    /// The store did not answer.
    #[error(transparent)]
    Store(gladhand_store::Error),
}

impl From<gladhand_store::Error> for Error {
    fn from(error: gladhand_store::Error) -> Self {
        match error {
            gladhand_store::Error::Exists { what, name } => Self::Exists { what, name },
            other => Self::Store(other),
        }
    }
}

/// What an operator can do.
pub struct Admin {
    pub(crate) parts: Parts,
    /// One change at a time: each reads what there is before it decides.
    changing: Mutex<()>,
}

/// What an `Admin` is made of.
pub struct Parts {
    /// Sources, accounts, connections.
    pub settings: Arc<dyn Settings>,
    /// Connector versions.
    pub catalog: Arc<dyn Catalog>,
    /// Deliveries.
    pub deliveries: Arc<dyn Deliveries>,
    /// What only the engine can do.
    pub operations: Arc<dyn Operations>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// What webhook URLs begin with; no trailing slash.
    pub public_url: String,
}

impl Admin {
    /// One that works on these.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            changing: Mutex::default(),
        }
    }
}

/// A name that can stand in a URL, in a file and in a CRM's external ids.
fn check_name(what: &str, name: &str) -> Option<String> {
    let is_fine = (1..=63).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (!is_fine).then(|| format!("`{name}` cannot be the name of a {what}: use lower case, digits and hyphens, at most 63"))
}

#[cfg(test)]
mod tests;
