//! `/api/v1/explain` and `/api/v1/sources/{name}/contacts/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::body::Parameters;
use super::problem::Problem;
use crate::admin::queue::Synced;
use crate::admin::{Admin, Explanation};

/// `source`, `contact`, `limit` (deliveries of each connection, the newest)
pub async fn explain(
    State(admin): State<Arc<Admin>>,
    mut parameters: Parameters,
) -> Result<Json<Explanation>, Problem> {
    let source = parameters.need("source")?;
    let contact = parameters.need("contact")?;
    let limit = parameters.limit()?;
    parameters.finish()?;
    Ok(Json(admin.explain(&source, &contact, limit).await?))
}

pub async fn sync(
    State(admin): State<Arc<Admin>>,
    Path((source, contact)): Path<(String, String)>,
) -> Result<Json<Synced>, Problem> {
    Ok(Json(admin.sync_contact(&source, &contact).await?))
}
