//! `/api/v1/connectors`

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;

use super::problem::Problem;
use super::{Page, whole};
use crate::admin::{Admin, ConnectorView};

/// The largest component that the host loads, in bytes; what is larger is refused before it is read.
const COMPONENT_LIMIT: usize = 64 * 1024 * 1024;

pub fn size_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(COMPONENT_LIMIT)
}

pub async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Page<ConnectorView>>, Problem> {
    Ok(whole(admin.list_connectors().await?))
}

/// The body is the component itself.
pub async fn add(
    State(admin): State<Arc<Admin>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<ConnectorView>), Problem> {
    let component = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!(
                "a component has at most {COMPONENT_LIMIT} bytes; leave out debug information"
            );
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
        }
        status => Problem::new(status, "unreadable-body", error.body_text()),
    })?;
    Ok((
        StatusCode::CREATED,
        Json(admin.add_connector(component.into()).await?),
    ))
}

pub async fn show(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
) -> Result<Json<ConnectorView>, Problem> {
    Ok(Json(admin.show_connector(&name).await?))
}
