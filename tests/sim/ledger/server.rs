//! HTTP: `GET /{kind}?field=value`, `POST /{kind}`, `PUT /{kind}/{id}`, `GET /stages`; JSON in and out.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use gladhand_core::clock::Clock;
use serde_json::{Value, json};

use super::Ledger;
use super::book::{Book, Error};

/// More than any body that a connector sends here.
const BODY_LIMIT: usize = 1 << 20;

/// What a running simulator is made of.
#[derive(Debug)]
pub struct Server {
    clock: Arc<dyn Clock>,
    book: Mutex<Book>,
}

impl Server {
    /// An empty one.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            book: Mutex::default(),
        }
    }

    /// The records.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book
            .lock()
            .expect("a handler that panics fails its test")
    }

    fn serve(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        body: &Value,
    ) -> Result<(StatusCode, Value), Error> {
        let now = self.clock.now();
        let path: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut book = self.book();
        match (method, path.as_slice()) {
            (&Method::GET, [kind]) => Ok((StatusCode::OK, book.find(kind, query, now)?)),
            (&Method::POST, [kind]) => Ok((StatusCode::CREATED, book.make(kind, body, now)?)),
            (&Method::PUT, [kind, id]) => Ok((StatusCode::OK, book.change(kind, id, body)?)),
            _ => Err(Error::NotFound(format!("{method} {}", path.join("/")))),
        }
    }
}

/// Every request.
pub async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let token = parts.headers.get("authorization");
    let expected = format!("Bearer {}", Ledger::TOKEN);
    if token.is_none_or(|token| token != expected.as_str()) {
        return said(StatusCode::UNAUTHORIZED, "this token is not known");
    }
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let query = parts.uri.query().unwrap_or_default();
    let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    match server.serve(&parts.method, parts.uri.path(), &query, &body) {
        Ok((status, body)) => (status, Json(body)).into_response(),
        Err(error @ Error::NotFound(_)) => said(StatusCode::NOT_FOUND, &error.to_string()),
        Err(error @ Error::Invalid(_)) => {
            said(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string())
        }
    }
}

fn said(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
