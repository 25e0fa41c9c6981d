//! Requests and answers on their way through, and the few answers that the gate gives itself.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use bytes::Bytes;
use gladhand_tests::http::Answer;

/// More than any body that a connector sends.
const BODY_LIMIT: usize = 1 << 20;

/// Headers that are about a connection and not about what travels on it.
const PER_CONNECTION: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

/// A request that can be sent on, now or later.
#[derive(Debug, Clone)]
pub struct Captured {
    pub method: Method,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Captured {
    /// Reads all of a request.
    pub async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let headers = parts.headers.iter().filter_map(|(name, value)| {
            let is_kept = !PER_CONNECTION.contains(&name.as_str());
            let value = value.to_str().ok().filter(|_| is_kept)?;
            Some((name.to_string(), value.to_owned()))
        });
        Self {
            method: parts.method,
            target: parts.uri.to_string(),
            headers: headers.collect(),
            body: to_bytes(body, BODY_LIMIT).await.unwrap_or_default(),
        }
    }
}

/// What the CRM answered.
pub fn response(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status.try_into().expect("it came as a status");
    for (name, value) in &answer.headers {
        if !PER_CONNECTION.contains(&name.as_str()) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// What a token that is no longer accepted is answered.
pub fn unauthenticated() -> Response {
    said(401, "this token is not known any more")
}

/// An answer of the gate's own.
pub fn said(status: u16, message: &str) -> Response {
    let body = serde_json::json!({ "message": message }).to_string();
    let mut response = Response::new(Body::from(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    *response.status_mut() = status.try_into().expect("one of ours");
    response
}
