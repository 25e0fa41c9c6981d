//! Bodies and queries, read so that what is wrong with them is said by name.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::new(error.status(), "unreadable-body", error.body_text()))?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        serde_path_to_error::deserialize(&mut json)
            .map(Self)
            .map_err(|error| {
                let detail = match error.path().to_string().as_str() {
                    "." => format!("the body does not fit: {}", error.inner()),
                    path => format!("`{path}` of the body does not fit: {}", error.inner()),
                };
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
            })
    }
}

/// The parameters of a query, each at most once.
pub struct Parameters(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(parameters) = Query::<BTreeMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|error| {
                Problem::new(StatusCode::BAD_REQUEST, "invalid-query", error.body_text())
            })?;
        Ok(Self(parameters))
    }
}

impl Parameters {
    /// Takes one; what `read` does not understand is refused with `expected`, which completes "must be …".
    pub fn take<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.0.remove(name) else {
            return Ok(None);
        };
        let refused = || {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-query",
                format!("`{name}` must be {expected}"),
            )
        };
        read(&text).map(Some).ok_or_else(refused)
    }

    /// Refuses what nobody took.
    pub fn finish(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            Some(name) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-query",
                format!("there is no parameter `{name}` here"),
            )),
            None => Ok(()),
        }
    }
}
