//! Describes itself with a number where a list belongs.

use gladhand_guests::{guest, skipped};

guest!(
    |_, _| Ok(skipped("never called")),
    serde_json::json!({
        "id": "bad-descriptor",
        "name": "Bad descriptor",
        "version": "0.1.0",
        "state": 1,
        "auth": { "scheme": "none" },
        "hosts": ["{base-url}"],
        "events": ["contact.changed"],
        "budgets": [{ "name": "requests", "limit": "sixty", "window-ms": 60_000, "kind": "fixed" }],
        "lookup-after-ms": 60_000,
    })
    .to_string()
);
