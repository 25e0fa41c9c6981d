//! `/api/v1/lanes`, `/api/v1/connections/{name}/lanes/{contact}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::body::Parameters;
use super::problem::Problem;
use super::{Page, page};
use crate::admin::Admin;
use crate::admin::queue::{HeldQuery, HeldView, LaneView};

type Lane = Result<Json<LaneView>, Problem>;

/// Those that are held; `connection`, `limit`, `cursor`
pub async fn list(
    State(admin): State<Arc<Admin>>,
    mut parameters: Parameters,
) -> Result<Json<Page<HeldView>>, Problem> {
    let query = HeldQuery {
        connection: parameters.text("connection")?,
        after: parameters.take("cursor", "what an earlier answer gave as `next`", |text| {
            serde_json::from_str(text).ok()
        })?,
        limit: parameters.limit()?,
    };
    parameters.finish()?;
    let limit = query.limit;
    let items = admin.list_held_lanes(query).await?;
    Ok(page(items, limit, cursor))
}

/// A contact's id may hold any character, so the cursor is a JSON list.
fn cursor(last: &HeldView) -> String {
    serde_json::json!([last.connection_id, last.contact]).to_string()
}

pub async fn hold(
    State(admin): State<Arc<Admin>>,
    Path((connection, contact)): Path<(String, String)>,
) -> Lane {
    Ok(Json(admin.hold_lane(&connection, &contact, true).await?))
}

pub async fn release(
    State(admin): State<Arc<Admin>>,
    Path((connection, contact)): Path<(String, String)>,
) -> Lane {
    Ok(Json(admin.hold_lane(&connection, &contact, false).await?))
}
