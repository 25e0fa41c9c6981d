//! `/livez` says that the process answers, `/readyz` that it can take events.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gladhand_store::Deliveries;

/// The health routes.
pub fn routes(deliveries: Arc<dyn Deliveries>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .with_state(deliveries)
}

async fn readyz(State(deliveries): State<Arc<dyn Deliveries>>) -> Response {
    match deliveries.counts().await {
        Ok(_) => "ok".into_response(),
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the store does not answer: {error}\n"),
        )
            .into_response(),
    }
}
