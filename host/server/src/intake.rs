//! `POST /hooks/chatwoot/{source}`: a 2xx means that the event is on disk, whatever happens next.
//!
//! Chatwoot sends each webhook once. So nothing is refused but what is not from the source, is too large, or comes
//! while the host is past its bound; what cannot be read is stored as it is.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use gladhand_chatwoot::verify::{self, Signed};
use gladhand_core::clock::Clock;
use gladhand_core::ids::{EventId, Ids};
use gladhand_core::intake::{IncomingEvent, Reading};
use gladhand_engine::Engine;
use gladhand_engine::directory::SourceEntry;
use gladhand_engine::run::context;
use gladhand_store::intake::Taken;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::happening::{EventReceived, Received};

/// What intake needs.
pub struct Intake {
    /// Knows the sources.
    pub engine: Engine,
    /// Makes events durable.
    pub store: Arc<dyn gladhand_store::Intake>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// How far the clock of a signature may be off.
    pub tolerance: Duration,
    /// How many requests may be under way; more are answered 503.
    pub in_flight: Semaphore,
    /// Bytes of a body.
    pub body_limit: usize,
}

/// The intake's routes.
pub fn routes(intake: Arc<Intake>) -> Router {
    let limit = DefaultBodyLimit::max(intake.body_limit);
    Router::new()
        .route("/hooks/chatwoot/{source}", post(unguarded))
        .route("/hooks/chatwoot/{source}/{token}", post(guarded))
        .layer(limit)
        .with_state(intake)
}

async fn unguarded(
    State(intake): State<Arc<Intake>>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    intake.receive(&source, None, &headers, body).await
}

async fn guarded(
    State(intake): State<Arc<Intake>>,
    Path((source, token)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    intake.receive(&source, Some(&token), &headers, body).await
}

type Body = Result<Bytes, axum::extract::rejection::BytesRejection>;

/// How a webhook was answered.
struct Answered {
    response: Response,
    result: Received,
    /// The source's name for the event, where it was read.
    event: Option<String>,
}

impl Answered {
    fn refused(result: Received, status: StatusCode, code: &str, detail: &str) -> Self {
        Self {
            response: refusal(status, code, detail),
            result,
            event: None,
        }
    }
}

impl Intake {
    async fn receive(
        &self,
        name: &str,
        token: Option<&str>,
        headers: &HeaderMap,
        body: Body,
    ) -> Response {
        let began = self.clock.monotonic();
        let directory = self.engine.directory();
        let entry = directory.sources.get(name);
        let answered = if let Some(entry) = entry {
            self.answer(entry, token, headers, body).await
        } else {
            let detail = format!(
                "no source is called `{name}`; `gladhand source list` shows those there are"
            );
            let (status, code) = (StatusCode::NOT_FOUND, "unknown-source");
            Answered::refused(Received::UnknownSource, status, code, &detail)
        };
        EventReceived {
            source: entry.map_or("-", |_| name),
            event: answered.event.as_deref().unwrap_or("-"),
            result: answered.result,
            took: self.clock.monotonic().saturating_sub(began),
        }
        .tell();
        answered.response
    }

    async fn answer(
        &self,
        entry: &SourceEntry,
        token: Option<&str>,
        headers: &HeaderMap,
        body: Body,
    ) -> Answered {
        let Ok(_in_flight) = self.in_flight.try_acquire() else {
            let detail = "too many events are on their way to the disk; send this one again";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let mut answered =
                Answered::refused(Received::Overloaded, status, "overloaded", detail);
            let soon = HeaderValue::from_static("1");
            answered.response.headers_mut().insert(RETRY_AFTER, soon);
            return answered;
        };
        let body = match body {
            Ok(body) => body,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let detail = format!("the body is larger than {} bytes", self.body_limit);
                return Answered::refused(Received::TooLarge, error.status(), "too-large", &detail);
            }
            Err(error) => {
                let (code, detail) = ("unreadable-request", error.to_string());
                return Answered::refused(Received::BrokenOff, error.status(), code, &detail);
            }
        };
        if let Err(reason) = self.authenticate(entry, token, headers, &body) {
            tracing::warn!(source.name = entry.source.name, "webhook refused: {reason}");
            let (status, code) = (StatusCode::UNAUTHORIZED, "unauthorised");
            return Answered::refused(Received::Unauthorised, status, code, &reason);
        }
        self.take(entry, headers, body).await
    }

    fn authenticate(
        &self,
        entry: &SourceEntry,
        token: Option<&str>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), String> {
        if let Some(secret) = &entry.webhook_secret {
            let signed = Signed {
                timestamp: text(headers, verify::TIMESTAMP_HEADER),
                signature: text(headers, verify::SIGNATURE_HEADER),
                body,
            };
            return verify::verify(secret, &signed, self.clock.now(), self.tolerance)
                .map_err(|error| error.to_string());
        }
        let expected = entry.path_token.as_ref().map(SecretString::expose_secret);
        match (expected, token) {
            (Some(expected), Some(token)) if verify::equal(expected.as_bytes(), token.as_bytes()) => Ok(()),
            _ => Err("this source does not sign; its webhook URL must end with the token that `gladhand source show` prints".to_owned()),
        }
    }

    async fn take(&self, entry: &SourceEntry, headers: &HeaderMap, body: Bytes) -> Answered {
        let read = gladhand_chatwoot::read(&context(&entry.source), &body);
        let is_unreadable = matches!(read.reading, Reading::Unreadable { .. });
        let event = IncomingEvent {
            id: EventId::new(&*self.ids),
            source: entry.source.id,
            name: read.name,
            // It becomes an index key: one of any length would be a way to fill the disk.
            delivery_key: text(headers, verify::DELIVERY_HEADER)
                .filter(|key| key.len() <= 200)
                .map(str::to_owned),
            semantic_key: read.semantic_key,
            received_at: self.clock.now(),
            body: body.into(),
            reading: read.reading,
        };
        let (id, name) = (event.id, event.name.clone());
        let result = match self.store.take(event).await {
            Ok(Taken::Stored) if is_unreadable => Received::Unreadable,
            Ok(Taken::Stored) => Received::Stored,
            Ok(Taken::Duplicate) => Received::Duplicate,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    source.name = entry.source.name,
                    "storing an event"
                );
                let detail = "the event could not be stored and is not acknowledged; the host's log says why";
                let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable");
                return Answered {
                    response: refusal(status, code, detail),
                    result: Received::StoreFailed,
                    event: Some(name),
                };
            }
        };
        Answered {
            response: Json(json!({ "event": id, "result": result.as_str() })).into_response(),
            result,
            event: Some(name),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refusal(status: StatusCode, code: &str, detail: &str) -> Response {
    (
        status,
        Json(json!({ "code": code, "detail": detail, "status": status.as_u16() })),
    )
        .into_response()
}
