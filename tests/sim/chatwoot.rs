//! A Chatwoot account that people write to: it keeps contacts and conversations and says what its webhooks would say.
//!
//! The bodies have the shape of the recorded ones in `tests/fixtures/chatwoot`. Nothing is sent from here; see `Sender`.

pub mod account;

pub mod payload;

pub mod day;

pub mod sender;

pub use account::Account;
pub use day::day;
pub use sender::Sender;

use serde_json::Value;

/// One webhook that the account would send.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// When it is sent: milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// `contact_created`, …
    pub event: String,
    /// The body.
    pub body: Value,
}
