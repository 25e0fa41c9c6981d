//! All that knows Chatwoot: whether a webhook is Chatwoot's (`verify`) and what it says in the domain's words (`read`).
//!
//! Pure: no IO, no clock of its own, no web framework. Must not know a CRM, nor what becomes of an event.

pub mod verify;

mod normalise;
mod payload;

pub use normalise::{Context, Read, read};
pub use verify::verify;
