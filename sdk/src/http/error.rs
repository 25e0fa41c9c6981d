//! Why a request brought nothing, and what that means where the connector knows nothing better.

use crate::failure::{Failure, FailureKind};

/// Why there is no answer, or none that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Egress policy or a broken request; the text says which rule.
    #[error("the host does not send this request: {0}")]
    Refused(String),
    /// No connection: the request did not arrive.
    #[error("the CRM cannot be reached: {0}")]
    Unreachable(String),
    /// No complete answer in time: the request may have arrived.
    #[error("the CRM did not answer in time")]
    Timeout,
    /// The answer was larger than allowed, in bytes.
    #[error("the CRM's answer of {0} bytes is larger than allowed")]
    TooLarge(u64),
    /// An earlier request with one of these keys has no known answer. Look, then [`super::conclude`].
    #[error("an earlier request of {age_ms} ms ago has no known answer")]
    InDoubt {
        /// Its age in milliseconds.
        age_ms: u64,
    },
    /// An answer whose body is not what it should be.
    #[error(
        "the CRM answered {status} with {content_type} that cannot be read ({problem}): {start}"
    )]
    Unreadable {
        /// HTTP status.
        status: u16,
        /// What the answer says it is: `text/html` where a web page came back.
        content_type: String,
        /// What is wrong with it.
        problem: String,
        /// Its first 200 bytes.
        start: String,
    },
    /// Something that this SDK does not know yet.
    #[error("{0}")]
    Other(String),
}

impl From<Error> for Failure {
    /// What an error means where the connector knows nothing better.
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Refused(_) | Error::Other(_) => FailureKind::Internal,
            Error::InDoubt { .. } => FailureKind::Indeterminate,
            // A web page where JSON was asked for: something else than the CRM's API answers there.
            Error::Unreadable { status, .. } if *status < 500 => FailureKind::Configuration,
            Error::Unreachable(_)
            | Error::Timeout
            | Error::TooLarge(_)
            | Error::Unreadable { .. } => FailureKind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}
