//! Where Odoo is, how it is spoken to and how much it lets through. Facts of Odoo 19's JSON-2 API.

use gladhand_sdk::Auth;
use gladhand_sdk::descriptor::{Budget, BudgetKind};

/// The version of the provider's API.
pub const API: &str = "JSON-2";

/// Every call is a POST; these only read.
pub const READ_ONLY_POSTS: [&str; 3] = [
    "/json/2/*/read",
    "/json/2/*/search_read",
    "/json/2/*/fields_get",
];

/// A worker is stopped after 120 s; searches do not lag.
pub const LOOKUP_AFTER_MS: u64 = 120_000;

/// An API key of the integration's user; keys expire and must then be made anew by hand.
pub fn auth() -> Auth {
    Auth::StaticHeader {
        header: "Authorization".to_owned(),
        prefix: "bearer ".to_owned(),
        secret: "api_key".to_owned(),
    }
}

/// Wherever the operator runs it.
pub fn hosts() -> Vec<String> {
    vec!["{base-url}".to_owned()]
}

/// Odoo documents no limit; its workers are few, so two requests at a time.
pub fn budgets() -> Vec<Budget> {
    vec![Budget::new(
        "concurrency",
        2,
        1_000,
        BudgetKind::Concurrency,
    )]
}
