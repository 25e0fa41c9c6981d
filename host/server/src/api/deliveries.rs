//! `/api/v1/deliveries`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use gladhand_core::delivery::DeliveryState;
use serde::Deserialize;

use super::body::{Body, Parameters};
use super::problem::Problem;
use super::{Page, page};
use crate::admin::{Admin, DeliveryQuery, DeliveryView, ShownDelivery};

/// `connection`, `state`, `contact`, `since` (milliseconds since the Unix epoch), `limit`, `cursor`
pub async fn list(
    State(admin): State<Arc<Admin>>,
    mut parameters: Parameters,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let words: Vec<&str> = DeliveryState::ALL
        .iter()
        .map(|state| state.as_str())
        .collect();
    let query = DeliveryQuery {
        connection: parameters.text("connection")?,
        state: parameters.take(
            "state",
            &format!("one of {}", words.join(", ")),
            DeliveryState::parse,
        )?,
        contact: parameters.text("contact")?,
        since: parameters.time("since")?,
        before: parameters.cursor()?,
        limit: parameters.limit()?,
    };
    parameters.finish()?;
    let limit = query.limit;
    let items = admin.list_deliveries(query).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}

pub async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<ShownDelivery>, Problem> {
    Ok(Json(admin.show_delivery(&id).await?))
}

pub async fn retry(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<DeliveryView>, Problem> {
    Ok(Json(admin.retry_delivery(&id).await?))
}

/// Why a delivery is skipped.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    #[serde(default)]
    reason: Option<String>,
}

pub async fn skip(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    Body(skip): Body<Skip>,
) -> Result<Json<DeliveryView>, Problem> {
    let reason = skip.reason.as_deref();
    Ok(Json(admin.skip_delivery(&id, reason).await?))
}
