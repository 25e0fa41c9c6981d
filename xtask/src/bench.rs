//! `cargo xtask bench`: builds optimised programs, and gives the benchmark a PostgreSQL where it asks for one.

use std::ffi::OsString;

use anyhow::Result;

use crate::postgres::{Cluster, Durability};
use crate::{cargo, connectors};

/// Builds and measures.
pub fn run(arguments: &[OsString]) -> Result<()> {
    connectors::build(connectors::Toolchain::Any)?;
    cargo::build(&[
        "--release",
        "--package",
        "gladhand-server",
        "--package",
        "gladhand-tests",
        "--bin",
        "gladhand",
        "--bin",
        "gladhand-bench",
    ])?;
    // What is measured keeps what it commits, as in production.
    let cluster = Cluster::start_if_asked(arguments, Durability::Kept)?;
    let variables = cluster.iter().flat_map(Cluster::variables);
    cargo::run(
        cargo::built("release", "gladhand-bench")
            .args(arguments)
            .envs(variables),
    )
}
