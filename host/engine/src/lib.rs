//! The way of a delivery: routed inside the intake's transaction, claimed by lane, run in its connector, settled.
//!
//! Decisions are the core's, durability is the store's, wasm is the runtime's: this crate joins them.
//! It must not know axum, sqlx, wasmtime or reqwest.

pub mod directory;

pub mod route;

pub mod run;

pub mod settle;

pub mod gate;

pub mod usual;

pub mod pauses;

pub mod worker;

mod watch;

pub mod setup;

pub mod happening;

mod engine;

pub use pauses::Pause;

pub use engine::{Config, Engine, Error, Parts};
