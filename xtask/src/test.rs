//! The whole suite, in the order in which it is cheapest to fail.

use std::process::Command;

use anyhow::Result;

use crate::connectors::{self, Toolchain};
use crate::{cargo, distro};

/// Formatting, lints, components, tests, documentation's examples.
pub fn suite() -> Result<()> {
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
        cargo::run(cargo::cargo().args(["nextest", "run", "--workspace", "--all-targets"]))
    } else {
        cargo::run(cargo::cargo().args(["test", "--workspace", "--all-targets"]))
    }
}

/// One connector, built the way of a machine that has nothing but Debian's packages, and run.
pub fn distro() -> Result<()> {
    let Some(compiler) = distro::Compiler::find() else {
        anyhow::bail!(distro::MISSING)
    };
    let component = connectors::output_dir()?.join("distro-krayin.wasm");
    compiler.build("gladhand-krayin", &component)?;
    cargo::run(
        cargo::cargo()
            .args([
                "test",
                "--package",
                "gladhand-tests",
                "--test",
                "it",
                "--",
                "--exact",
                "distro::a_component_of_debians_compiler_delivers",
            ])
            .env("GLADHAND_DISTRO_COMPONENT", &component),
    )
}
