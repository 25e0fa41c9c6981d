//! Where Zoho CRM is, how it is spoken to and how much it lets through. Facts of its API v8.

use gladhand_sdk::Auth;
use gladhand_sdk::descriptor::{Budget, BudgetKind};

/// The version of the provider's API.
pub const API: &str = "v8";

/// A query is a POST.
pub const READ_ONLY_POSTS: [&str; 1] = ["/crm/v8/coql"];

/// The search index lags by seconds; thirty are a safe margin on top of the longest request.
pub const LOOKUP_AFTER_MS: u64 = 90_000;

/// An access token, which lives an hour: until the host can refresh tokens, somebody must set a new one.
pub fn auth() -> Auth {
    Auth::StaticHeader {
        header: "Authorization".to_owned(),
        prefix: "Zoho-oauthtoken ".to_owned(),
        secret: "access_token".to_owned(),
    }
}

/// The account's own data centre: a token works nowhere else.
pub fn hosts() -> Vec<String> {
    vec!["{base-url}".to_owned()]
}

/// The smallest plan's: five thousand credits in any 24 hours, five requests at a time.
pub fn budgets() -> Vec<Budget> {
    vec![
        Budget::new("credits", 5_000, 86_400_000, BudgetKind::Rolling)
            .remaining_header("X-API-CREDITS-REMAINING"),
        Budget::new("concurrency", 5, 1_000, BudgetKind::Concurrency),
    ]
}
