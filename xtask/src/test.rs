//! The whole suite, in the order in which it is cheapest to fail.

use std::process::Command;

use anyhow::Result;

use crate::connectors::{self, Toolchain};
use crate::postgres::{Cluster, Durability};
use crate::{cargo, chaos, distro};

/// Formatting, lints, components, tests, documentation's examples, a short campaign of kills.
pub fn suite() -> Result<()> {
    // First, because it says at once what is missing.
    let cluster = Cluster::start(Durability::Dropped)?;
    cargo::run(cargo::cargo().args(["fmt", "--all", "--check"]))?;
    connectors::build(Toolchain::Any)?;
    cargo::run(cargo::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))?;
    cargo::run(cargo::cargo().args(["test", "--workspace", "--doc"]))?;
    if cargo::succeeds(Command::new("cargo-nextest").args(["nextest", "--version"])) {
        cargo::run(
            cargo::cargo()
                .args(["nextest", "run", "--workspace", "--all-targets"])
                .envs(cluster.variables()),
        )?;
    } else {
        cargo::run(
            cargo::cargo()
                .args(["test", "--workspace", "--all-targets"])
                .envs(cluster.variables()),
        )?;
    }
    chaos::short()
}

/// One connector, built the way of a machine that has nothing but Debian's packages, through the whole of a day.
pub fn distro() -> Result<()> {
    let Some(compiler) = distro::Compiler::find() else {
        anyhow::bail!(distro::MISSING)
    };
    let dir = connectors::output_dir()?.join("distro");
    std::fs::create_dir_all(&dir)?;
    compiler.build("gladhand-krayin", &dir.join("krayin.wasm"))?;
    cargo::run(
        cargo::cargo()
            .args([
                "test",
                "--package",
                "gladhand-tests",
                "--test",
                "it",
                "--",
                "day::",
            ])
            .env("GLADHAND_TEST_CONNECTORS", &dir),
    )
}
