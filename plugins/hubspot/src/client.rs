//! Where HubSpot is, how it is spoken to and how much it lets through. Facts of its API of 2026-09.

use gladhand_sdk::Auth;
use gladhand_sdk::descriptor::{Budget, BudgetKind};

/// The version of the provider's API.
pub const API: &str = "2026-09";

/// A search is a POST.
pub const READ_ONLY_POSTS: [&str; 1] = ["/crm/objects/2026-09/*/search"];

/// A search shows a write seconds later; thirty are a safe margin on top of the longest request.
pub const LOOKUP_AFTER_MS: u64 = 90_000;

/// A service key of the account; private apps can no longer be made, and both are bearers.
pub fn auth() -> Auth {
    Auth::bearer("service_key")
}

/// One host for every region.
pub fn hosts() -> Vec<String> {
    vec!["api.hubapi.com".to_owned()]
}

/// The smallest plan's: a hundred requests in ten seconds, a quarter of a million a day, five searches a second.
pub fn budgets() -> Vec<Budget> {
    vec![
        Budget::new("burst", 100, 10_000, BudgetKind::Rolling)
            .remaining_header("x-hubspot-ratelimit-remaining"),
        Budget::new("daily", 250_000, 86_400_000, BudgetKind::Fixed)
            .remaining_header("x-hubspot-ratelimit-daily-remaining"),
        Budget {
            per_request: 0,
            ..Budget::new("search", 5, 1_000, BudgetKind::Rolling)
        },
    ]
}
