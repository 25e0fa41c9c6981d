//! `/api/v1/audit`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use gladhand_store::audit::AuditEntry;

use super::body::Parameters;
use super::problem::Problem;
use super::{Page, page};
use crate::admin::Admin;

/// `limit`, `cursor`; newest first
pub async fn list(
    State(admin): State<Arc<Admin>>,
    mut parameters: Parameters,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let before = parameters.cursor()?;
    let limit = parameters.limit()?;
    parameters.finish()?;
    let items = admin.list_deeds(before, limit).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}
