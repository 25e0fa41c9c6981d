//! A request as Laravel reads it: input merged from query and body, strings trimmed, what the client accepts.
//! It knows no route and no record.

use std::net::IpAddr;

use axum::http::{HeaderMap, Method, Uri, header};
use bytes::Bytes;
use serde_json::{Map, Value};

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query's pairs in order.
    pub query: Vec<(String, String)>,
    /// Query and body together; the body wins. A body that is no JSON object counts as empty.
    pub input: Map<String, Value>,
    /// Whether the answer may be JSON: without it errors are pages and redirects.
    pub wants_json: bool,
    /// `X-Requested-With: XMLHttpRequest`.
    pub is_ajax: bool,
    /// The bearer token.
    pub bearer: Option<String>,
    /// Who asks: what the rate limit counts by before a login.
    pub peer: IpAddr,
}

impl Request {
    /// Reads a request.
    pub fn read(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
        peer: IpAddr,
    ) -> Self {
        let header = |name: header::HeaderName| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let query: Vec<(String, String)> =
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .map(|(key, value)| (key.into_owned(), value.trim().to_owned()))
                .collect();
        let mut input: Map<_, _> = query
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        input.extend(fields(header(header::CONTENT_TYPE), body));
        let accepts = header(header::ACCEPT);
        let first = accepts.split(',').next().unwrap_or_default().trim();
        let is_ajax = headers
            .get("x-requested-with")
            .is_some_and(|value| value == "XMLHttpRequest");
        Self {
            method: method.as_str().to_owned(),
            path: uri.path().to_owned(),
            query,
            input,
            wants_json: first.contains("/json")
                || first.contains("+json")
                || is_ajax && matches!(first, "" | "*" | "*/*"),
            is_ajax,
            bearer: header(header::AUTHORIZATION)
                .strip_prefix("Bearer ")
                .map(str::to_owned),
            peer,
        }
    }

    /// A query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

fn fields(content_type: &str, body: &Bytes) -> Map<String, Value> {
    if content_type.starts_with("application/x-www-form-urlencoded") {
        return form_urlencoded::parse(body)
            .map(|(key, value)| (key.into_owned(), Value::from(value.trim())))
            .collect();
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(mut fields)) => {
            for (key, value) in &mut fields {
                if !key.contains("password") {
                    trim(value);
                }
            }
            fields
        }
        _ => Map::new(),
    }
}

fn trim(value: &mut Value) {
    match value {
        Value::String(text) => {
            let trimmed = text.trim();
            if trimmed.len() != text.len() {
                *text = trimmed.to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(trim),
        Value::Object(fields) => fields.values_mut().for_each(trim),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
