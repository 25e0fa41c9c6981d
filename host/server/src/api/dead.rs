//! `/api/v1/dead`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use gladhand_core::failure::FailureKind;

use super::Page;
use super::body::{Body, Parameters};
use super::problem::Problem;
use crate::admin::dead::DeadDone;
use crate::admin::{Admin, DeadQuery, DeadWish, DeliveryView};

/// `connection`, `code`, `since`, `until` (milliseconds since the Unix epoch: when they died), `limit`, `cursor`
///
/// A page may hold fewer than `limit` and have a next one all the same.
pub async fn list(
    State(admin): State<Arc<Admin>>,
    mut parameters: Parameters,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let words: Vec<&str> = FailureKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let query = DeadQuery {
        connection: parameters.text("connection")?,
        code: parameters.take(
            "code",
            &format!("one of {}", words.join(", ")),
            FailureKind::parse,
        )?,
        since: parameters.time("since")?,
        until: parameters.time("until")?,
        before: parameters.cursor()?,
        limit: parameters.limit()?,
    };
    parameters.finish()?;
    let page = admin.list_dead(query).await?;
    Ok(Json(Page {
        items: page.items,
        next: page.next.map(|next| next.to_string()),
    }))
}

pub async fn retry(
    State(admin): State<Arc<Admin>>,
    Body(wish): Body<DeadWish>,
) -> Result<Json<DeadDone>, Problem> {
    Ok(Json(admin.retry_dead(wish).await?))
}

pub async fn discard(
    State(admin): State<Arc<Admin>>,
    Body(wish): Body<DeadWish>,
) -> Result<Json<DeadDone>, Problem> {
    Ok(Json(admin.discard_dead(wish).await?))
}
