//! The admin API under `/api/v1`: thin over `admin`, which holds the rules.
//!
//! Errors are problem+json with a stable `code`; lists are `{"items": […], "next": …}` with a cursor, never an offset.

pub mod auth;

pub mod problem;

mod body;

mod connections;

mod connectors;

mod deliveries;

mod sources;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Serialize;

use self::problem::Problem;
use crate::admin::Admin;
use crate::token::Hash;

/// The API's routes; every one of them asks for the token.
pub fn routes(admin: Arc<Admin>, token: Hash) -> Router {
    let routes = Router::new()
        .route("/sources", get(sources::list).post(sources::add))
        .route(
            "/sources/{name}",
            get(sources::show).delete(sources::remove),
        )
        .route(
            "/connections",
            get(connections::list).post(connections::add),
        )
        .route(
            "/connections/{name}",
            get(connections::show)
                .patch(connections::set)
                .delete(connections::remove),
        )
        .route("/connections/{name}/check", post(connections::check))
        .route(
            "/connections/{name}/discover/{what}",
            get(connections::discover),
        )
        .route("/connections/{name}/pause", post(connections::pause))
        .route("/connections/{name}/resume", post(connections::resume))
        .route(
            "/connectors",
            get(connectors::list)
                .post(connectors::add)
                .layer(connectors::size_limit()),
        )
        .route("/connectors/{name}", get(connectors::show))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{id}", get(deliveries::show))
        .fallback(|| async { no_route() })
        .method_not_allowed_fallback(|| async { no_method() })
        .layer(middleware::from_fn_with_state(token, auth::require))
        .with_state(admin);
    Router::new().nest("/api/v1", routes)
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Ask with `cursor` for the next page; absent on the last.
    pub next: Option<String>,
}

fn whole<T>(items: Vec<T>) -> Json<Page<T>> {
    Json(Page { items, next: None })
}

fn no_route() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-path",
        "the admin API has nothing at this path",
    )
}

fn no_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "the admin API does not do this with what is at this path",
    )
}

#[cfg(test)]
mod tests;
