//! `/api/v1/connections`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use gladhand_runtime::Check;
use serde_json::Value;

use super::body::Body;
use super::problem::Problem;
use super::{Page, whole};
use crate::admin::{Admin, ConnectionChange, ConnectionView, NewConnection};

type Connection = Result<Json<ConnectionView>, Problem>;

pub async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Page<ConnectionView>>, Problem> {
    Ok(whole(admin.list_connections().await?))
}

pub async fn add(
    State(admin): State<Arc<Admin>>,
    Body(new): Body<NewConnection>,
) -> Result<(StatusCode, Json<ConnectionView>), Problem> {
    Ok((StatusCode::CREATED, Json(admin.add_connection(new).await?)))
}

pub async fn show(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Connection {
    Ok(Json(admin.show_connection(&name).await?))
}

pub async fn set(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    Body(change): Body<ConnectionChange>,
) -> Connection {
    Ok(Json(admin.set_connection(&name, change).await?))
}

pub async fn remove(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    admin.remove_connection(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn check(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
) -> Result<Json<Page<Check>>, Problem> {
    Ok(whole(admin.check_connection(&name).await?))
}

pub async fn discover(
    State(admin): State<Arc<Admin>>,
    Path((name, what)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(admin.discover(&name, &what).await?))
}

pub async fn pause(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Connection {
    Ok(Json(admin.pause_connection(&name, true).await?))
}

pub async fn resume(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Connection {
    Ok(Json(admin.pause_connection(&name, false).await?))
}
