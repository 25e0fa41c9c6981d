//! Building a connector with Debian's compiler, where rustup's library for WebAssembly cannot be had.
//!
//! Debian ships the source of its compiler's library; from it `wasm32-unknown-unknown` is built with the connector,
//! and the module that comes out is made a component here. The module imports nothing but the contract: no WASI.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{cargo, connectors};

/// What to say where the packages are not installed.
pub const MISSING: &str = "\
Debian's compiler for WebAssembly is not installed. Install it, then run the command again:
  apt-get install rustc-web cargo-web rust-web-src lld-19";

const TARGET: &str = "wasm32-unknown-unknown";
const LINKER: &str = "wasm-ld-19";

/// Debian's compiler.
pub struct Compiler {
    cargo: PathBuf,
    rustc: PathBuf,
}

impl Compiler {
    /// The compiler, if all of it is installed.
    pub fn find() -> Option<Self> {
        let cargo = PathBuf::from("/usr/bin/cargo");
        let rustc = PathBuf::from("/usr/bin/rustc");
        let sysroot = Command::new(&rustc)
            .args(["--print", "sysroot"])
            .output()
            .ok()?;
        let sysroot = PathBuf::from(String::from_utf8(sysroot.stdout).ok()?.trim());
        let has_source = sysroot
            .join("lib/rustlib/src/rust/library/std/Cargo.toml")
            .is_file();
        let has_linker = cargo::succeeds(Command::new(LINKER).arg("--version"));
        (cargo.is_file() && has_source && has_linker).then_some(Self { cargo, rustc })
    }

    /// Builds one connector as a component.
    pub fn build(&self, package: &str, component: &Path) -> Result<()> {
        // A folder of its own: another compiler's artefacts cannot be shared.
        let target_dir = cargo::target_dir().join("distro");
        cargo::run(
            Command::new(&self.cargo)
                .current_dir(cargo::root())
                .args([
                    "build",
                    "--profile",
                    "connector",
                    "--lib",
                    "--package",
                    package,
                    "--target",
                    TARGET,
                ])
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", &self.rustc)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_DIR", &target_dir)
                .env(
                    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                    connectors::rustflags(),
                )
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER)
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("CARGO"),
        )?;
        let module = target_dir
            .join(TARGET)
            .join("connector")
            .join(format!("{}.wasm", package.replace('-', "_")));
        if !module.is_file() {
            bail!("{} was not built", module.display());
        }
        // The component maker is heavy, so it is compiled into xtask only when this way is taken.
        cargo::run(
            cargo::cargo()
                .args([
                    "run",
                    "--quiet",
                    "--package",
                    "xtask",
                    "--features",
                    "componentize",
                    "--",
                    "componentize",
                ])
                .arg(&module)
                .arg(component),
        )
        .context("making the module a component")
    }
}

/// Makes a module a component; the contract's types travel in a section of the module.
#[cfg(feature = "componentize")]
pub fn componentize(module: &Path, component: &Path) -> Result<()> {
    let bytes = std::fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    let encoded = wit_component::ComponentEncoder::default()
        .module(&bytes)?
        .validate(true)
        .encode()?;
    std::fs::write(component, encoded).with_context(|| format!("writing {}", component.display()))
}
