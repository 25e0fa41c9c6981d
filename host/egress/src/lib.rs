//! The only outbound HTTP. Every byte that leaves Gladhand goes through [`Egress::send`].
//!
//! `send` is the order of a request. In it `policy` grants method, URL and headers, `admit` asks budget, journal and
//! lease, `credentials` puts the secrets in, `client` sends to an address that `resolver` has checked, and `scrub` and
//! `redact` clean what came back before anybody sees it. It must not know a CRM, a guest or a database.

pub mod config;

pub mod message;

pub mod target;

mod egress;

mod send;

mod admit;

mod policy;

mod hosts;

mod breakers;

mod budgets;

mod queue;

mod effects;

mod write;

mod sighted;

mod credentials;

mod client;

pub mod resolver;

mod address;

mod scrub;

mod redact;

mod recording;

mod happening;

pub use client::Unavailable;
pub use config::Config;
pub use egress::{Egress, Verdict};
pub use message::{Error, Request, Response};
pub use target::Target;
