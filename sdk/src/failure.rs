//! What went wrong. The connector decides the kind, because status codes lie; the host decides what follows from it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::words::words;

words!(
    /// What kind of thing went wrong.
    FailureKind {
        /// The credential is not accepted: the account pauses and tests itself.
        Auth = "auth",
        /// The credential may not do this: the connection pauses.
        Permission = "permission",
        /// The CRM refuses these values: dead at once, say which fields.
        Invalid = "invalid",
        /// A linked record is not there: clear the link and resolve again first.
        NotFound = "not-found",
        /// A linked record was deleted.
        Gone = "gone",
        /// A linked record was merged into another.
        Merged = "merged",
        /// Another record stands in the way, and identity cannot be proved.
        Conflict = "conflict",
        /// The provider lets nothing more through for a while: not an attempt.
        RateLimited = "rate-limited",
        /// The CRM cannot be reached or is broken for the moment: retried for a day.
        Unavailable = "unavailable",
        /// A write may or may not have happened.
        Indeterminate = "indeterminate",
        /// The connection's settings or address do not fit the CRM: the connection pauses.
        Configuration = "configuration",
        /// A pull position is no longer valid.
        CursorExpired = "cursor-expired",
        /// The connector cannot do this: dead at once.
        Unsupported = "unsupported",
        /// A fault of the connector.
        Internal = "internal",
    }
);

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    /// Which kind.
    pub kind: FailureKind,
    /// For the operator: what went wrong and what to do next, lower-case, without a full stop.
    pub message: String,
    /// The provider's own code for it.
    pub provider_code: Option<String>,
    /// When the provider says to come back.
    pub retry_after_ms: Option<u64>,
    /// (field, problem), for `invalid`.
    pub fields: Vec<(String, String)>,
    /// merged: `new-id`; rate-limited: `scope`.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

impl Failure {
    /// A failure with nothing but a kind and a message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            provider_code: None,
            retry_after_ms: None,
            fields: Vec::new(),
            attributes: Map::new(),
        }
    }

    /// Adds the provider's own code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.provider_code = Some(code.into());
        self
    }

    /// Adds when the provider says to come back.
    #[must_use]
    pub const fn retry_after_ms(mut self, wait: u64) -> Self {
        self.retry_after_ms = Some(wait);
        self
    }

    /// Adds what is wrong with which fields.
    #[must_use]
    pub fn fields(mut self, fields: Vec<(String, String)>) -> Self {
        self.fields = fields;
        self
    }
}
