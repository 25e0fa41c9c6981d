//! `/api/v1/accounts`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::problem::Problem;
use super::{Page, whole};
use crate::admin::{AccountView, Admin};

type Account = Result<Json<AccountView>, Problem>;

pub async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Page<AccountView>>, Problem> {
    Ok(whole(admin.list_accounts().await?))
}

pub async fn show(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Account {
    Ok(Json(admin.show_account(&name).await?))
}

pub async fn pause(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Account {
    Ok(Json(admin.pause_account(&name, true).await?))
}

pub async fn resume(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Account {
    Ok(Json(admin.pause_account(&name, false).await?))
}
