//! Starting programs: cargo, and what cargo built.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The workspace's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace's folder")
}

/// Where cargo builds.
pub fn target_dir() -> PathBuf {
    environment("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A line for whoever started this, beside cargo's own.
#[expect(clippy::disallowed_macros, reason = "the one place where xtask prints")]
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// A variable of the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "xtask is a command line of its own, not part of the host"
)]
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The cargo that started this.
pub fn cargo() -> Command {
    let mut command = Command::new(environment("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// `cargo build` with these arguments.
pub fn build<S: AsRef<OsStr>>(arguments: &[S]) -> Result<()> {
    run(cargo().arg("build").args(arguments))
}

/// Becomes a program that was built: whoever ends this ends it.
pub fn start(profile: &str, program: &str, arguments: &[OsString]) -> Result<()> {
    let mut command = built(profile, program);
    let error = command.args(arguments).exec();
    Err(error).with_context(|| format!("starting {}", shown(&command)))
}

/// A program that was built, run in the workspace's folder.
pub fn built(profile: &str, program: &str) -> Command {
    let mut command = Command::new(target_dir().join(profile).join(program));
    command.current_dir(root());
    command
}

/// Runs to the end; a failure is an error that names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Whether a command can be run and succeeds, without a word.
pub fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    format!("`{program} {}`", arguments.join(" "))
}
