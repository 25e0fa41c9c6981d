//! The only way out. Every request passes the host's egress policy, is recorded, and is judged by its effect.
//!
//! ```no_run
//! # fn main() -> Result<(), gladhand_sdk::http::Error> {
//! use gladhand_sdk::http;
//!
//! let found: serde_json::Value = http::get("people").query("email", "jane@example.com").send()?.json()?;
//! # Ok(()) }
//! ```

mod error;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::host;

pub use error::Error;

/// How a request touches the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Not at all.
    Read,
    /// Harmless to repeat with the same content: an absolute update, a keyed upsert. The key is the delivery's.
    Set(String),
    /// Must not happen twice. The keys name the *thing* in the account by every identity it can be found by:
    /// `person/email:jane@example.com`. See [`crate::create_once`].
    Once(Vec<String>),
}

/// What is known about an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It happened.
    Done,
    /// Looked: it is not there.
    NotDone,
    /// It may have happened.
    Unknown,
}

impl Verdict {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not-done",
            Self::Unknown => "unknown",
        }
    }
}

/// One request. Credentials are added by the host and never seen here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// GET, POST, …
    pub method: String,
    /// Absolute, or relative to the connection's base URL.
    pub url: String,
    /// Unencoded; the host encodes.
    pub query: Vec<(String, String)>,
    /// Beside those that the host adds.
    pub headers: Vec<(String, String)>,
    /// As sent.
    pub body: Option<Vec<u8>>,
    /// (JSON pointer, secret name): where the host puts a named secret into a JSON body.
    pub body_secrets: Vec<(String, String)>,
    /// How it touches the world.
    pub effect: Effect,
    /// (budget, units) beside what the descriptor counts per request.
    pub costs: Vec<(String, u32)>,
    /// Shorter than the host's own limit.
    pub timeout_ms: Option<u32>,
}

/// Reads.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// Creates, mostly: say how it touches the world with [`Request::once`] or [`Request::set`].
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

/// Updates: say so with [`Request::set`].
pub fn put(url: impl Into<String>) -> Request {
    Request::new("PUT", url)
}

/// Updates in part: say so with [`Request::set`].
pub fn patch(url: impl Into<String>) -> Request {
    Request::new("PATCH", url)
}

/// Removes: say so with [`Request::set`].
pub fn delete(url: impl Into<String>) -> Request {
    Request::new("DELETE", url)
}

impl Request {
    /// A request that reads until it says otherwise.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            body_secrets: Vec::new(),
            effect: Effect::Read,
            costs: Vec::new(),
            timeout_ms: None,
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self.header("content-type", "application/json")
    }

    /// Has the host put the named secret at this JSON pointer of the body.
    #[must_use]
    pub fn body_secret(mut self, pointer: impl Into<String>, secret: impl Into<String>) -> Self {
        self.body_secrets.push((pointer.into(), secret.into()));
        self
    }

    /// Harmless to repeat with the same content. The key names what is set, within the delivery: `person/5`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>) -> Self {
        self.effect = Effect::Set(key.into());
        self
    }

    /// Must not happen twice. Use it through [`crate::create_once`], which knows what to do in doubt.
    #[must_use]
    pub fn once(mut self, keys: &[String]) -> Self {
        self.effect = Effect::Once(keys.to_vec());
        self
    }

    /// Counts `units` of a budget beside what every request costs.
    #[must_use]
    pub fn cost(mut self, budget: impl Into<String>, units: u32) -> Self {
        self.costs.push((budget.into(), units));
        self
    }

    /// Waits less long than the host would.
    #[must_use]
    pub fn timeout_ms(mut self, limit: u32) -> Self {
        self.timeout_ms = Some(limit);
        self
    }

    /// Sends it. Every status is a response, never an error.
    pub fn send(&self) -> Result<Response, Error> {
        host::call(|host| host.send(self))
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// As received.
    pub headers: Vec<(String, String)>,
    /// Decompressed, with known secrets scrubbed.
    pub body: Vec<u8>,
    /// The host answered from its journal and sent nothing.
    pub is_replayed: bool,
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// 2xx.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The body, read as JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Unreadable {
            status: self.status,
            content_type: self.header("content-type").unwrap_or("none").to_owned(),
            problem: error.to_string(),
            start: self.start(),
        })
    }

    /// The first 200 bytes of the body, for messages.
    pub fn start(&self) -> String {
        let end = self.body.len().min(200);
        String::from_utf8_lossy(&self.body[..end])
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Corrects the host's own judgement of a `set` or `once` that this attempt sent or was shown.
pub fn conclude(key: &str, verdict: Verdict) {
    host::call(|host| host.conclude(key, verdict));
}

/// Tells the host what the provider just said about a budget of the descriptor.
pub fn report_budget(
    budget: &str,
    limit: Option<u32>,
    remaining: Option<u32>,
    reset_ms: Option<u64>,
) {
    host::call(|host| host.report_budget(budget, limit, remaining, reset_ms));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, FailureKind};

    #[test]
    fn a_web_page_in_place_of_json_is_described() {
        let response = Response {
            status: 200,
            headers: vec![("Content-Type".into(), "text/html".into())],
            body: b"<!DOCTYPE html>\n<title>Login</title>".to_vec(),
            is_replayed: false,
        };
        let error = response.json::<Value>().expect_err("HTML is no JSON");
        let text = error.to_string();
        assert!(text.contains("200 with text/html"), "{text}");
        assert!(
            text.contains("<!DOCTYPE html> <title>Login</title>"),
            "{text}"
        );
        assert_eq!(Failure::from(error).kind, FailureKind::Configuration);
    }

    #[test]
    fn the_start_of_a_body_never_panics_inside_a_character() {
        let response = Response {
            status: 200,
            headers: Vec::new(),
            body: "é".repeat(300).into_bytes(),
            is_replayed: false,
        };
        assert!(response.start().starts_with("éé"));
    }
}
