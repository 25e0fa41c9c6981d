//! The gladhand program: takes in webhooks, serves the admin API, is the command line.
//!
//! Glue: it holds no rule of delivering. Only here are axum, clap and the environment known.

pub mod cli;

pub mod config;

pub mod serve;

pub mod doctor;

pub mod host;

pub mod intake;

pub mod admin;

pub mod api;

pub mod health;

pub mod client;

pub mod token;

pub mod telemetry;

pub mod shutdown;

pub mod system;

mod keyfile;

mod components;

mod database;

mod running;

pub mod upkeep;

mod nearest;

mod happening;

use tikv_jemallocator::Jemalloc;

/// Every event makes hundreds of small things on several threads: with the C library's own allocator a host takes in a tenth
/// less (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[cfg(test)]
mod doubles;
