//! `/api/v1/connections/{name}/lanes/{contact}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::problem::Problem;
use crate::admin::Admin;
use crate::admin::queue::LaneView;

type Lane = Result<Json<LaneView>, Problem>;

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
