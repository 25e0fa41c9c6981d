//! `/api/v1/effects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::body::{Body, Parameters};
use super::problem::Problem;
use super::{Page, page};
use crate::admin::{Admin, EffectQuery, EffectView, PersonsWord};

/// `account`, `in_doubt`, `key`, `limit`, `cursor`
pub async fn list(
    State(admin): State<Arc<Admin>>,
    mut parameters: Parameters,
) -> Result<Json<Page<EffectView>>, Problem> {
    let query = EffectQuery {
        account: parameters.text("account")?,
        in_doubt: parameters.flag("in_doubt")?,
        key: parameters.text("key")?,
        before: parameters.cursor()?,
        limit: parameters.limit()?,
    };
    parameters.finish()?;
    let limit = query.limit;
    let items = admin.list_effects(query).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}

/// The key is in the body: keys hold slashes and addresses, which do not belong into a path.
pub async fn conclude(
    State(admin): State<Arc<Admin>>,
    Body(word): Body<PersonsWord>,
) -> Result<Json<EffectView>, Problem> {
    Ok(Json(admin.conclude_effect(word).await?))
}
