//! `/api/v1/sources`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::Body;
use super::problem::Problem;
use super::{Page, whole};
use crate::admin::{Admin, NewSource, SourceView};

pub async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Page<SourceView>>, Problem> {
    Ok(whole(admin.list_sources().await?))
}

pub async fn add(
    State(admin): State<Arc<Admin>>,
    Body(new): Body<NewSource>,
) -> Result<(StatusCode, Json<SourceView>), Problem> {
    Ok((StatusCode::CREATED, Json(admin.add_source(new).await?)))
}

pub async fn show(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
) -> Result<Json<SourceView>, Problem> {
    Ok(Json(admin.show_source(&name).await?))
}

pub async fn remove(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    admin.remove_source(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
