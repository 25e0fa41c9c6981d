//! The only wasmtime: loads connectors, runs each call in a fresh instance within limits, and is their host.
//!
//! It decides nothing about what follows from an outcome or a failure, and knows no database, no Chatwoot and no CRM:
//! what is stored comes through `core::port`, what leaves goes through egress.

// The doubles of the tests are shared with the tests that run guests, which see this crate from outside.
#[cfg(test)]
extern crate self as gladhand_runtime;

mod runtime;

mod component;

mod instance;

mod call;

mod host;

mod stop;

mod limits;

mod refusal;

mod engine;

mod artefacts;

mod descriptor;

mod imports;

mod state;

mod capability;

mod wasi;

mod meter;

mod ended;

mod convert;

mod bindings;

pub use call::{Call, Check, Connector, Ended, Report, Services};
pub use component::Component;
pub use host::{Host, Purpose};
pub use limits::Limits;
pub use refusal::LoadError;
pub use runtime::{ArtefactStore, Config, Error, Runtime};
pub use stop::Stop;
