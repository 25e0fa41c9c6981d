//! Every connector as a component in `target/connectors/`, with whatever compiler for WebAssembly this machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{cargo, distro};

/// Which compiler to build with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The `wasm32-wasip2` target if it is there or can be added, else Debian's compiler.
    Any,
    /// Debian's compiler with its library source.
    Distro,
}

const TARGET: &str = "wasm32-wasip2";

const NOTHING_WORKS: &str = "\
no compiler for connectors on this machine. Do one of these, then run the command again:
  rustup target add wasm32-wasip2
  apt-get install rustc-web cargo-web rust-web-src lld-19      (Debian)";

/// Builds every connector and every guest of the tests.
pub fn build(toolchain: Toolchain) -> Result<()> {
    if toolchain == Toolchain::Any && has_target() {
        return with_target();
    }
    match distro::Compiler::find() {
        Some(compiler) => {
            let packages: Vec<String> = plugins()?
                .iter()
                .map(|plugin| format!("gladhand-{plugin}"))
                .collect();
            for (plugin, package) in plugins()?.iter().zip(&packages) {
                compiler.build(package, &output_dir()?.join(format!("{plugin}.wasm")))?;
            }
            Ok(())
        }
        None if toolchain == Toolchain::Distro => bail!(distro::MISSING),
        None => bail!(NOTHING_WORKS),
    }
}

/// `target/connectors`, made if it is not there.
pub fn output_dir() -> Result<PathBuf> {
    let dir = cargo::target_dir().join("connectors");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    Ok(dir)
}

/// The names of the connectors: the folders under `plugins/`.
fn plugins() -> Result<Vec<String>> {
    names(&cargo::root().join("plugins"), |path| {
        path.join("Cargo.toml").is_file()
    })
}

fn names(dir: &Path, is_one: impl Fn(&Path) -> bool) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if is_one(&path) {
            names.push(
                path.file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
    names.sort();
    Ok(names)
}

fn has_target() -> bool {
    is_installed()
        || (cargo::succeeds(Command::new("rustup").args(["target", "add", TARGET]))
            && is_installed())
}

fn is_installed() -> bool {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(cargo::root())
        .output();
    sysroot.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Path::new(&sysroot)
            .join("lib/rustlib")
            .join(TARGET)
            .join("lib")
            .is_dir()
    })
}

fn with_target() -> Result<()> {
    let plugins = plugins()?;
    let mut build = compiler();
    build.args(["build", "--profile", "connector", "--target", TARGET]);
    for plugin in &plugins {
        build.arg("--package").arg(format!("gladhand-{plugin}"));
    }
    cargo::run(build.arg("--lib"))?;
    cargo::run(
        compiler()
            .args(["build", "--profile", "connector", "--target", TARGET])
            .args(["--package", "gladhand-guests", "--examples"]),
    )?;

    let artefacts = cargo::target_dir().join(TARGET).join("connector");
    for plugin in &plugins {
        copy(
            &artefacts.join(format!("gladhand_{plugin}.wasm")),
            &output_dir()?.join(format!("{plugin}.wasm")),
        )?;
    }
    let guests = output_dir()?.join("guests");
    fs::create_dir_all(&guests).with_context(|| format!("making {}", guests.display()))?;
    let is_guest = |path: &Path| {
        // Cargo leaves a second copy of each under a name with a hash.
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        path.extension()
            .is_some_and(|extension| extension == "wasm")
            && !stem.contains('-')
    };
    for guest in names(&artefacts.join("examples"), is_guest)? {
        copy(
            &artefacts.join("examples").join(format!("{guest}.wasm")),
            &guests.join(format!("{guest}.wasm")),
        )?;
    }
    Ok(())
}

fn compiler() -> Command {
    let mut compiler = cargo::cargo();
    compiler.env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", rustflags());
    compiler
}

/// Names sources by where they are in the workspace or the registry, so that a component, and with it the digest that
/// names its version, does not depend on the folder in which it was artefacts.
pub fn rustflags() -> String {
    let home = cargo::environment("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(cargo::environment("HOME")?).join(".cargo")));
    let from = |dir: &Path, name: &str| format!("--remap-path-prefix={}={name}", dir.display());
    let mut flags = vec![from(cargo::root(), "gladhand")];
    // The registry's folder is named after its host and a hash.
    let registries = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let registries = registries.into_iter().flatten().flatten();
    flags.extend(registries.map(|registry| from(&registry.path(), "crates")));
    flags.join(" ")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    Ok(())
}
