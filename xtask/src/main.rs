//! `cargo xtask`: the project's own commands. `cargo xtask help` lists them.
//!
//! It only starts cargo and the programs that cargo built; it knows no type of the host.

mod bench;
mod cargo;
mod chaos;
mod connectors;
mod distro;
mod postgres;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask demo [--keep]                 a day of webhooks, played into a simulated CRM
cargo xtask test [--distro]               the whole suite; --distro builds one connector with Debian's compiler
cargo xtask connectors [--std distro]     every connector as a component, into target/connectors/
cargo xtask bench [--quick] [--help]      what it can do on this machine, on SQLite or PostgreSQL
cargo xtask exhaust [--scenario NAME]     every request of every story × everything that can go wrong with it
cargo xtask chaos [--kills N] [--help]    hosts under load are killed, and nothing acknowledged may be lost
cargo xtask postgres COMMAND...           a command that finds a throwaway PostgreSQL in GLADHAND_TEST_POSTGRES";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<OsString> = arguments.collect();
    match run(&command.to_string_lossy(), &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cargo::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, rest: &[OsString]) -> Result<()> {
    let flags: Vec<&str> = rest
        .iter()
        .filter_map(|argument| argument.to_str())
        .collect();
    match (command, flags.as_slice()) {
        ("connectors", []) => connectors::build(connectors::Toolchain::Any),
        ("connectors", ["--std", "distro"]) => connectors::build(connectors::Toolchain::Distro),
        ("test", []) => test::suite(),
        ("test", ["--distro"]) => test::distro(),
        ("demo", _) => {
            connectors::build(connectors::Toolchain::Any)?;
            cargo::build(&[
                "--package",
                "gladhand-server",
                "--package",
                "gladhand-tests",
                "--bins",
            ])?;
            cargo::start("debug", "gladhand-demo", rest)
        }
        ("bench", _) => bench::run(rest),
        ("exhaust", _) => {
            connectors::build(connectors::Toolchain::Any)?;
            cargo::build(&["--package", "gladhand-tests", "--bin", "gladhand-exhaust"])?;
            cargo::start("debug", "gladhand-exhaust", rest)
        }
        ("chaos", _) => chaos::run(rest),
        ("postgres", _) => postgres::around(rest),
        #[cfg(feature = "componentize")]
        ("componentize", [module, component]) => {
            distro::componentize(module.as_ref(), component.as_ref())
        }
        ("help" | "--help" | "-h" | "", _) => {
            cargo::say(HELP);
            Ok(())
        }
        _ => bail!(
            "there is no `cargo xtask {command} {}`; this is what there is:\n{HELP}",
            flags.join(" ")
        ),
    }
}
