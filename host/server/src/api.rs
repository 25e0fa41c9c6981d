//! The admin API under `/api/v1`: thin over `admin`, which holds the rules.
//!
//! Errors are problem+json with a stable `code`; lists are `{"items": […], "next": …}` with a cursor, never an offset.

pub mod auth;

pub mod problem;

mod accounts;

mod audit;

mod body;

mod connections;

mod connectors;

mod contacts;

mod dead;

mod deliveries;

mod effects;

mod events;

mod lanes;

mod links;

mod sources;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::{delete, get, post};
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
        .route("/deliveries/{id}/retry", post(deliveries::retry))
        .route("/deliveries/{id}/skip", post(deliveries::skip))
        .route("/dead", get(dead::list))
        .route("/dead/retry", post(dead::retry))
        .route("/dead/discard", post(dead::discard))
        .route("/lanes", get(lanes::list))
        .route(
            "/connections/{name}/lanes/{contact}/hold",
            post(lanes::hold),
        )
        .route(
            "/connections/{name}/lanes/{contact}/release",
            post(lanes::release),
        )
        .route(
            "/connections/{name}/links",
            get(links::list)
                .post(links::import)
                .layer(links::size_limit()),
        )
        .route(
            "/connections/{name}/links/{kind}/{id}/{object}",
            delete(links::remove),
        )
        .route("/accounts", get(accounts::list))
        .route("/accounts/{name}", get(accounts::show))
        .route("/accounts/{name}/pause", post(accounts::pause))
        .route("/accounts/{name}/resume", post(accounts::resume))
        .route("/effects", get(effects::list))
        .route("/effects/conclude", post(effects::conclude))
        .route("/sources/{name}/contacts/{id}/sync", post(contacts::sync))
        .route("/explain", get(contacts::explain))
        .route("/events", get(events::list))
        .route("/audit", get(audit::list))
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

/// A page of at most `limit` items; where it is full there may be more behind its last one.
fn page<T>(items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Json<Page<T>> {
    let is_full = u32::try_from(items.len()).is_ok_and(|length| length == limit);
    let next = items.last().filter(|_| is_full).map(cursor);
    Json(Page { items, next })
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
