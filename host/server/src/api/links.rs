//! `/api/v1/connections/{name}/links`

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use gladhand_core::attempt::Entity;
use gladhand_store::link_book::LinkRecord;
use serde::{Deserialize, Serialize};

use super::body::{Body, Parameters};
use super::problem::Problem;
use super::{Page, page};
use crate::admin::{Admin, LinkQuery, NewLink};

/// A thousand links with all that can be said of each, in bytes.
const IMPORT_LIMIT: usize = 8 * 1024 * 1024;

pub fn size_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(IMPORT_LIMIT)
}

/// `kind`, `id` (of the entity), `object`, `remote_id`, `limit`, `cursor`
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Path(connection): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Page<LinkRecord>>, Problem> {
    let query = LinkQuery {
        kind: parameters.text("kind")?,
        id: parameters.text("id")?,
        object: parameters.text("object")?,
        remote_id: parameters.text("remote_id")?,
        after: parameters.take("cursor", "what an earlier answer gave as `next`", |text| {
            serde_json::from_str(text).ok()
        })?,
        limit: parameters.limit()?,
    };
    parameters.finish()?;
    let limit = query.limit;
    let items = admin.list_links(&connection, query).await?;
    Ok(page(items, limit, cursor))
}

/// An id may hold any character, so the cursor is a JSON list.
fn cursor(last: &LinkRecord) -> String {
    serde_json::json!([last.entity.kind, last.entity.id, last.link.object]).to_string()
}

/// Links to be put.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    links: Vec<NewLink>,
    /// Nothing is put; what is wrong is said all the same.
    #[serde(default)]
    check_only: bool,
}

/// What was put.
#[derive(Debug, Serialize)]
pub struct Imported {
    count: usize,
}

/// All or none.
pub async fn import(
    State(admin): State<Arc<Admin>>,
    Path(connection): Path<String>,
    Body(import): Body<Import>,
) -> Result<Json<Imported>, Problem> {
    let Import { links, check_only } = import;
    let checked = admin.check_links(&connection, links).await?;
    let count = checked.count();
    if !check_only {
        admin.put_links(checked).await?;
    }
    Ok(Json(Imported { count }))
}

pub async fn remove(
    State(admin): State<Arc<Admin>>,
    Path((connection, kind, id, object)): Path<(String, String, String, String)>,
) -> Result<StatusCode, Problem> {
    let entity = Entity { kind, id };
    admin.remove_link(&connection, &entity, &object).await?;
    Ok(StatusCode::NO_CONTENT)
}
