//! What an operator can do, and the rules for it: names, URLs, shared accounts, settings that fit the connector.
//!
//! The API is thin over this, and so is the start of the host. It must not know HTTP or where an order came from.

pub mod operations;

pub mod sources;

pub mod connections;

pub mod connectors;

pub mod deliveries;

pub mod declared;

pub mod queue;

pub mod dead;

pub mod explain;

pub mod effects;

pub mod links;

pub mod events;

pub mod accounts;

pub mod audit;

mod held;

mod pauses;

mod zone;

mod secrets;

pub mod settings;

pub mod url;

use std::sync::Arc;

use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::ids::Ids;
use gladhand_store::{Audit, Catalog, Deliveries, Effects, Events, LinkBook, Queue, Settings};
use tokio::sync::Mutex;

use crate::nearest::nearest;

pub use accounts::{AccountView, also_changed};
pub use connections::{ConnectionChange, ConnectionView, NewConnection, PolicyChange, PolicyView};
pub use connectors::ConnectorView;
pub use dead::{DeadQuery, DeadWish};
pub use declared::Declared;
pub use deliveries::{DeliveryQuery, DeliveryView, ShownAttempt, ShownDelivery};
pub use effects::{EffectQuery, EffectView, PersonsWord};
pub use events::EventView;
pub use explain::Explanation;
pub use links::{LinkQuery, NewLink};
pub use operations::Operations;
pub use pauses::ConnectionNote;
pub use secrets::SecretView;
pub use sources::{NewSource, SourceView};
pub use zone::zone_problem;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing of that name.
    #[error("there is no {what} `{name}`; {}`gladhand {what} list` shows those there are", did_you_mean(nearest.as_deref()))]
    NotFound {
        /// `source`, `connection`, …
        what: &'static str,
        /// As it was asked for.
        name: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// What was asked for is not there, and no listing of names would show it.
    #[error("{0}")]
    Absent(String),
    /// As things stand it cannot be done; the text says what to do instead.
    #[error("{message}")]
    Conflict {
        /// Stable: `delivery-running`, `not-in-doubt`, …
        code: &'static str,
        /// Why not, and what to do.
        message: String,
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
    /// What hosts share about accounts did not answer.
    #[error(transparent)]
    Shared(gladhand_core::port::Error),
}

impl From<gladhand_store::Error> for Error {
    fn from(error: gladhand_store::Error) -> Self {
        match error {
            gladhand_store::Error::Exists { what, name } => Self::Exists { what, name },
            other => Self::Store(other),
        }
    }
}

impl From<operations::Error> for Error {
    fn from(error: operations::Error) -> Self {
        match error {
            operations::Error::Refused(reason) => Self::Refused(reason),
            operations::Error::NotOffered(message) => Self::Conflict {
                code: "not-offered",
                message,
            },
            operations::Error::Store(error) => error.into(),
            operations::Error::Shared(error) => Self::Shared(error),
        }
    }
}

impl Error {
    /// There is no `what` of this name among the `known` ones.
    fn not_found<'k>(
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Self {
        Self::NotFound {
            what,
            name: name.to_owned(),
            nearest: nearest(name, known).map(str::to_owned),
        }
    }

    /// What is named by an id has none that is nearest.
    fn no_id(what: &'static str, id: &str) -> Self {
        Self::not_found(what, id, [])
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("did you mean `{nearest}`? "))
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
    /// What is done with deliveries and lanes.
    pub queue: Arc<dyn Queue>,
    /// The write journal.
    pub effects: Arc<dyn Effects>,
    /// Links.
    pub link_book: Arc<dyn LinkBook>,
    /// Events as they came in.
    pub events: Arc<dyn Events>,
    /// Who did what.
    pub audit: Arc<dyn Audit>,
    /// What only the engine can do.
    pub operations: Arc<dyn Operations>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// What webhook URLs begin with; no trailing slash.
    pub public_url: String,
    /// What the configuration file declares.
    pub declared: declared::Names,
}

impl Admin {
    /// One that works on these.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            changing: Mutex::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}

/// A name that can stand in a URL, in a file and in a CRM's external ids.
pub fn name_problem(what: &str, name: &str) -> Option<String> {
    let is_fine = (1..=63).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (!is_fine).then(|| format!("`{name}` cannot be the name of a {what}: use lower case, digits and hyphens, at most 63"))
}

#[cfg(test)]
mod tests;
