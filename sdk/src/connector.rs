//! What a connector author implements.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::descriptor::Descriptor;
use crate::event::Event;
use crate::failure::{Failure, FailureKind};
use crate::outcome::Outcome;
use crate::words::words;

/// One kind of CRM. A fresh value is made for every call: nothing lives in it between two calls.
pub trait Connector {
    /// What the connector says of itself. Pure: no host call works here.
    fn describe(&self) -> Descriptor;

    /// Brings one event into the CRM.
    fn handle(&self, connection: &Connection, event: &Event) -> Result<Outcome, Failure>;

    /// Looks at the CRM with the connection's settings and credential; changes nothing there.
    ///
    /// Without an own implementation nothing is looked at, and setup says so.
    fn check(&self, connection: &Connection) -> Result<Vec<Check>, Failure> {
        let _ = connection;
        Ok(vec![Check::skipped(
            "connection",
            "this connector looks at nothing during setup",
        )])
    }

    /// What the CRM offers for `what`, one of the descriptor's `discovers`; see [`crate::discover`] for the shapes.
    fn discover(&self, connection: &Connection, what: &str) -> Result<Value, Failure> {
        let _ = connection;
        Err(Failure::new(
            FailureKind::Unsupported,
            format!("this connector cannot discover {what}"),
        ))
    }
}

/// One source joined to one account through this connector.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Connection {
    /// The host's id.
    pub id: String,
    /// Unique per source account: prefixes every external id that is written into a CRM.
    pub source: String,
    /// Of the CRM, as the operator gave it.
    pub base_url: Option<String>,
    /// Valid against the descriptor's settings schema.
    pub settings: Value,
    /// IANA, of the CRM.
    pub time_zone: Option<String>,
    /// Everything else.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

impl Connection {
    /// The settings in the connector's own type. Absent settings count as an empty object.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let settings = match &self.settings {
            Value::Null => Value::Object(Map::new()),
            settings => settings.clone(),
        };
        serde_json::from_value(settings).map_err(|error| {
            Failure::new(
                FailureKind::Configuration,
                format!("the connection's settings are wrong: {error}"),
            )
        })
    }

    /// `support:42`: an id of the source that is unique in a CRM which several sources write to.
    pub fn external_id(&self, id: &str) -> String {
        format!("{}:{id}", self.source)
    }
}

words!(
    /// How a check ended.
    CheckState {
        /// It is as it should be.
        Passed = "passed",
        /// It is not.
        Failed = "failed",
        /// It could not be looked at, because of another check.
        Skipped = "skipped",
    }
);

words!(
    /// How much a failed check matters.
    Severity {
        /// Nothing will work.
        Error = "error",
        /// Something will not work.
        Warning = "warning",
        /// Worth knowing.
        Info = "info",
    }
);

/// One named fact that setup looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable: scripts match it.
    pub name: String,
    /// How it ended.
    pub state: CheckState,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether `provision` can mend it with the operator's consent.
    pub provisionable: bool,
}

impl Check {
    /// It is as it should be.
    pub fn passed(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(name, CheckState::Passed, Severity::Info, message, None)
    }

    /// It is not, and nothing will work until it is.
    pub fn failed(
        name: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::new(
            name,
            CheckState::Failed,
            Severity::Error,
            message,
            Some(hint.into()),
        )
    }

    /// It could not be looked at.
    pub fn skipped(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(name, CheckState::Skipped, Severity::Info, message, None)
    }

    fn new(
        name: impl Into<String>,
        state: CheckState,
        severity: Severity,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        Self {
            name: name.into(),
            state,
            severity,
            message: message.into(),
            hint,
            provisionable: false,
        }
    }
}
