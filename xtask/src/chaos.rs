//! `cargo xtask chaos`: builds the hosts and the campaign, and gives it a PostgreSQL where it asks for one.

use std::ffi::OsString;

use anyhow::Result;

use crate::postgres::{Cluster, Durability};
use crate::{cargo, connectors};

/// What a campaign inside the suite is: every harness proved, and then some seconds of trouble with what needs no rights
/// on the machine. Disks and restarts of the database are for longer ones, and so are clocks that leap: what was put off by
/// one comes to rest half a minute later.
const SHORT: [&str; 8] = [
    "--seconds",
    "5",
    "--teeth",
    "all",
    "--fault",
    "kill",
    "--fault",
    "crm",
];

/// A short campaign on each store.
pub fn short() -> Result<()> {
    ["sqlite", "postgres"].into_iter().try_for_each(|store| {
        let arguments = SHORT.into_iter().chain(["--store", store]);
        run(&arguments.map(OsString::from).collect::<Vec<_>>())
    })
}

/// Builds what it needs, then runs it; `--release` is for the build, everything else is passed on.
pub fn run(arguments: &[OsString]) -> Result<()> {
    let is_release = arguments.iter().any(|argument| argument == "--release");
    let arguments: Vec<OsString> = arguments
        .iter()
        .filter(|argument| *argument != "--release")
        .cloned()
        .collect();
    connectors::build(connectors::Toolchain::Any)?;
    let profile: &[&str] = if is_release { &["--release"] } else { &[] };
    let packages = [
        "--package",
        "gladhand-server",
        "--package",
        "gladhand-tests",
        "--bins",
    ];
    cargo::build(&[profile, &packages].concat())?;
    // It outlives the campaign: what is acknowledged there must survive a restart, so it keeps what it commits.
    let cluster = Cluster::start_if_asked(&arguments, Durability::Kept)?;
    let variables = cluster.iter().flat_map(Cluster::variables);
    let profile = if is_release { "release" } else { "debug" };
    cargo::run(
        cargo::built(profile, "gladhand-chaos")
            .args(arguments)
            .envs(variables),
    )
}
