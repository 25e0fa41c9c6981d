//! What an answer of Krayin comes to: each variant is a decision, and what the host is told follows in one place.

use gladhand_sdk::{Failure, FailureKind, create, http};

/// Why a request did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A create of the same thing has no known answer.
    #[error("an earlier create has no known answer")]
    InDoubt,
    /// A record that a link points to is not there any more.
    #[error("{object} {id} is not in Krayin any more")]
    Gone {
        /// person, organization, lead, activity
        object: &'static str,
        /// Krayin's id of it.
        id: String,
    },
    /// 404 in Krayin's own words: no such record, or no such route.
    #[error("Krayin has nothing at {0}")]
    NotFound(String),
    /// Values that Krayin refuses: its message, then (field, problem).
    #[error("Krayin refuses: {message}")]
    Invalid {
        message: String,
        fields: Vec<(String, String)>,
    },
    /// Sixty requests were sent within a minute; milliseconds to wait.
    #[error("Krayin's limit of 60 requests per minute is used up")]
    Throttled(u64),
    /// The token is not accepted.
    #[error("Krayin does not accept the token")]
    Auth,
    /// Everything is answered with the same 500: in production that is how a token is refused.
    #[error(
        "Krayin answers 500 to everything that is asked with this token, which is how it refuses one"
    )]
    Rejected,
    /// The token may not do this.
    #[error("Krayin does not allow this")]
    Permission,
    /// Something that is not Krayin's REST API answers there.
    #[error("{0}")]
    Misaddressed(String),
    /// Krayin, or what stands before it, is broken for the moment or cannot digest this request.
    #[error("{0}")]
    Broken(String),
    /// No answer.
    #[error(transparent)]
    Http(http::Error),
    /// Decided elsewhere.
    #[error(transparent)]
    Failed(Failure),
}

impl Error {
    /// Whether nothing was written for sure: a known refusal, or a request that never arrived.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotFound(_)
                | Self::Invalid { .. }
                | Self::Permission
                | Self::Http(http::Error::Refused(_) | http::Error::Unreachable(_))
        )
    }

    /// Whether Krayin refuses the value of this field (`emails` for `emails.0.value`), taken or malformed.
    ///
    /// Its text would tell which, in the language of the installation; a search tells it in all of them.
    pub fn refuses(&self, field: &str) -> bool {
        let Self::Invalid { fields, .. } = self else {
            return false;
        };
        fields
            .iter()
            .any(|(path, _)| path.split('.').next() == Some(field))
    }
}

/// Which record a failure of kind `not-found` is about.
pub const GONE_OBJECT: &str = "object";
/// Krayin's id of that record.
pub const GONE_ID: &str = "remote-id";

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        match error {
            http::Error::InDoubt { .. } => Self::InDoubt,
            error => Self::Http(error),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::InDoubt => Self::new(FailureKind::Indeterminate, message),
            Error::Gone { object, id } => Self {
                attributes: [
                    (GONE_OBJECT.to_owned(), object.into()),
                    (GONE_ID.to_owned(), id.into()),
                ]
                .into_iter()
                .collect(),
                ..Self::new(FailureKind::NotFound, message)
            },
            Error::NotFound(_) => Self::new(
                FailureKind::Configuration,
                format!("{message}: check the base URL, and that the package krayin/rest-api is installed"),
            )
            .code("404"),
            Error::Invalid { fields, .. } => {
                Self::new(FailureKind::Invalid, message).code("422").fields(fields)
            }
            Error::Throttled(wait) => {
                Self::new(FailureKind::RateLimited, message).retry_after_ms(wait)
            }
            Error::Auth => Self::new(
                FailureKind::Auth,
                format!("{message}: log in through the API with the integration's own user and set the new token; every login of a user revokes its older tokens"),
            ),
            Error::Rejected => Self::new(
                FailureKind::Auth,
                format!("{message}: where Krayin's own pages work, log in through the API with the integration's own user and set the new token; where they fail too, storage/logs on its server says why"),
            )
            .code("500"),
            Error::Permission => Self::new(
                FailureKind::Permission,
                format!("{message}: give the token's user a role that may"),
            )
            .code("403"),
            Error::Misaddressed(_) => Self::new(FailureKind::Configuration, message),
            Error::Broken(_) => Self::new(FailureKind::Unavailable, message),
            Error::Http(error) => error.into(),
            Error::Failed(failure) => failure,
        }
    }
}

impl From<Error> for create::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::InDoubt => Self::InDoubt,
            error => Self::Failed(error.into()),
        }
    }
}
