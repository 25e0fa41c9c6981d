//! `/api/v1/deliveries`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::DeliveryState;
use gladhand_store::deliveries::DeliveryDetail;

use super::Page;
use super::body::Parameters;
use super::problem::Problem;
use crate::admin::{Admin, DeliveryQuery, DeliveryView};

/// A page that fits a screen a few times over.
const DEFAULT_LIMIT: u32 = 100;

/// More is asked for page by page.
const LARGEST_LIMIT: u32 = 1_000;

/// `connection`, `state`, `contact`, `since` (milliseconds since the Unix epoch), `limit`, `cursor`
pub async fn list(
    State(admin): State<Arc<Admin>>,
    mut parameters: Parameters,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let words: Vec<&str> = DeliveryState::ALL
        .iter()
        .map(|state| state.as_str())
        .collect();
    let own = |text: &str| Some(text.to_owned());
    let query = DeliveryQuery {
        connection: parameters.take("connection", "a name", own)?,
        state: parameters.take(
            "state",
            &format!("one of {}", words.join(", ")),
            DeliveryState::parse,
        )?,
        contact: parameters.take("contact", "an id", own)?,
        since: parameters.take("since", "milliseconds since the Unix epoch", |text| {
            text.parse().map(Timestamp).ok()
        })?,
        before: parameters.take("cursor", "what an earlier answer gave as `next`", |text| {
            text.parse().ok()
        })?,
        limit: parameters
            .take("limit", "a number from 1 to 1000", |text| {
                text.parse()
                    .ok()
                    .filter(|limit| (1..=LARGEST_LIMIT).contains(limit))
            })?
            .unwrap_or(DEFAULT_LIMIT),
    };
    parameters.finish()?;
    let limit = query.limit;
    let items = admin.list_deliveries(query).await?;
    let is_full = u32::try_from(items.len()).is_ok_and(|length| length == limit);
    let next = items
        .last()
        .filter(|_| is_full)
        .map(|last| last.id.to_string());
    Ok(Json(Page { items, next }))
}

pub async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<DeliveryDetail>, Problem> {
    Ok(Json(admin.show_delivery(&id).await?))
}
