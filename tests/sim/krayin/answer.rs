//! What goes back over the wire, and the three envelopes of the API. It knows no record.

use std::fmt::Display;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Content,
    /// Headers beside the content type.
    pub headers: Vec<(&'static str, String)>,
}

/// A body and its type.
#[derive(Debug, Clone)]
pub enum Content {
    /// JSON.
    Json(Value),
    /// A page, with the content type that it has been seen with.
    Html(&'static str, String),
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    /// A status with this body.
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Content::Json(body),
            headers: Vec::new(),
        }
    }

    /// `{"data": …}`.
    pub fn data(data: Value) -> Self {
        Self::ok(object([("data", data)]))
    }

    /// `{"data": …, "message": …}`: what a write answers.
    pub fn written(data: Value, message: &str) -> Self {
        Self::ok(object([("data", data), ("message", message.into())]))
    }

    /// `{"message": …}`: persons and activities.
    pub fn message(message: &str) -> Self {
        Self::ok(json!({ "message": message }))
    }

    /// `{"data": {"message": …}}`: leads, organizations and settings wrap even that.
    pub fn wrapped(message: &str) -> Self {
        Self::ok(json!({ "data": { "message": message } }))
    }

    /// A page.
    pub fn page(status: u16, title: &str) -> Self {
        Self {
            status,
            body: Content::Html(
                "text/html; charset=UTF-8",
                format!(
                    "<!DOCTYPE html>\n<html>\n<head>\n<title>{title}</title>\n</head>\n<body></body>\n</html>\n"
                ),
            ),
            headers: Vec::new(),
        }
    }

    /// Back to where a browser would have come from.
    pub fn redirect(base_url: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html>\n    <head>\n        <meta charset=\"UTF-8\" />\n        \
             <meta http-equiv=\"refresh\" content=\"0;url='{base_url}'\" />\n\n        \
             <title>Redirecting to {base_url}</title>\n    </head>\n    <body>\n        \
             Redirecting to <a href=\"{base_url}\">{base_url}</a>.\n    </body>\n</html>"
        );
        Self {
            status: 302,
            body: Content::Html("text/html; charset=utf-8", page),
            headers: vec![("location", base_url.to_owned())],
        }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// The same for the wire.
    pub fn into_response(self) -> Response {
        let (content_type, body) = match self.body {
            Content::Json(value) => ("application/json", value.to_string()),
            Content::Html(content_type, page) => (content_type, page),
        };
        let mut response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CACHE_CONTROL, "no-cache, private");
        for (name, value) in self.headers {
            let value = HeaderValue::from_str(&value)
                .expect("header values are numbers, addresses and method names");
            response = response.header(name, value);
        }
        response
            .body(Body::from(body))
            .expect("statuses come from a fixed set or from a fault that a test wrote")
    }
}

/// An object of values that are moved; `json!` would copy them.
pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.map(|(key, value)| (key.to_owned(), value));
    Value::Object(Map::from_iter(fields))
}
