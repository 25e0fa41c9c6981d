//! Bodies and queries, read so that what is wrong with them is said by name.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use gladhand_core::clock::Timestamp;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A page that fits a screen a few times over.
const DEFAULT_LIMIT: u32 = 100;

/// More is asked for page by page.
const LARGEST_LIMIT: u32 = 1_000;

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

    /// Takes one that must be there.
    pub fn need(&mut self, name: &str) -> Result<String, Problem> {
        self.text(name)?.ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-query",
                format!("`{name}` must be given"),
            )
        })
    }

    /// Takes any text.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.take(name, "a text", |text| Some(text.to_owned()))
    }

    /// Takes a point in time.
    pub fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.take(name, "milliseconds since the Unix epoch", |text| {
            text.parse().map(Timestamp).ok()
        })
    }

    /// Takes `true` or `false`.
    pub fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        let flag = self.take(name, "true or false", |text| text.parse().ok())?;
        Ok(flag.unwrap_or(false))
    }

    /// Takes `cursor`.
    pub fn cursor<T: FromStr>(&mut self) -> Result<Option<T>, Problem> {
        self.take("cursor", "what an earlier answer gave as `next`", |text| {
            text.parse().ok()
        })
    }

    /// Takes `limit`.
    pub fn limit(&mut self) -> Result<u32, Problem> {
        let limit = self.take("limit", "a number from 1 to 1000", |text| {
            text.parse()
                .ok()
                .filter(|limit| (1..=LARGEST_LIMIT).contains(limit))
        })?;
        Ok(limit.unwrap_or(DEFAULT_LIMIT))
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
