//! Errors as the API tells them: problem+json, with a code that scripts can rely on.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gladhand_core::failure::FailureKind;
use serde::{Deserialize, Serialize};

use crate::admin;

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Of the answer.
    pub status: u16,
    /// Stable: `not-found`, `invalid`, …
    pub code: String,
    /// What went wrong and what to do next.
    pub detail: String,
    /// Each reason, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl Problem {
    /// A problem with one reason.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            problems: Vec::new(),
        }
    }
}

impl From<admin::Error> for Problem {
    fn from(error: admin::Error) -> Self {
        let (status, code) = match &error {
            admin::Error::NotFound { .. } | admin::Error::Absent(_) => {
                (StatusCode::NOT_FOUND, "not-found")
            }
            admin::Error::Conflict { code, .. } => (StatusCode::CONFLICT, *code),
            admin::Error::Exists { .. } => (StatusCode::CONFLICT, "exists"),
            admin::Error::InUse { .. } => (StatusCode::CONFLICT, "in-use"),
            admin::Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            admin::Error::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "component-refused"),
            // The caller asks for what this connector does not do: no CRM was asked.
            admin::Error::Failed(failure) if failure.kind == FailureKind::Unsupported => {
                (StatusCode::UNPROCESSABLE_ENTITY, failure.kind.as_str())
            }
            // The CRM, not the caller, is what failed.
            admin::Error::Failed(failure) => (StatusCode::BAD_GATEWAY, failure.kind.as_str()),
            admin::Error::Store(_) | admin::Error::Shared(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable")
            }
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the admin API could not use the store"
            );
            return Self::new(
                status,
                code,
                "the store does not answer; the host's log says why",
            );
        }
        let mut problem = Self::new(status, code, error.to_string());
        if let admin::Error::Invalid(problems) = error {
            problem.problems = problems;
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}
