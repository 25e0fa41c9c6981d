//! `/api/v1/events`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use gladhand_core::ids::EventId;

use super::Page;
use super::body::Parameters;
use super::problem::Problem;
use crate::admin::{Admin, EventView};

/// `limit`, `cursor`: the events behind it, oldest first; without it the newest.
///
/// `next` is always there once an event is, for there will be more: whoever watches asks again with it.
pub async fn list(
    State(admin): State<Arc<Admin>>,
    mut parameters: Parameters,
) -> Result<Json<Page<EventView>>, Problem> {
    let after: Option<EventId> = parameters.cursor()?;
    let limit = parameters.limit()?;
    parameters.finish()?;
    let items = admin.list_events(after, limit).await?;
    let next = items.last().map(|last| last.id).or(after);
    Ok(Json(Page {
        items,
        next: next.map(|next| next.to_string()),
    }))
}
