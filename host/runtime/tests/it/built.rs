//! The guests of `tests/guests`, built once: those that `cargo xtask connectors` left where they are newer than their
//! sources, otherwise by a build of our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

/// Calls a macro with the name of every guest.
///
/// `guests.rs` demands a test for each of them: a guest without a test does not compile.
macro_rules! foreach_guest {
    ($do:ident) => {
        $do!(bad_descriptor);
        $do!(deep_recursion);
        $do!(endless_loop);
        $do!(escape);
        $do!(forbidden_host);
        $do!(foreign_words);
        $do!(giant_request);
        $do!(golden);
        $do!(hoarder);
        $do!(huge_log);
        $do!(ledger);
        $do!(many_calls);
        $do!(memory_bomb);
        $do!(other_major);
        $do!(redirect_chaser);
        $do!(trap);
        $do!(wide_import);
    };
}
pub(crate) use foreach_guest;

/// The component of a guest.
pub fn component(guest: &str) -> Vec<u8> {
    let path = DIRECTORY.join(format!("{guest}.wasm"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sources of the guests, a name each.
pub fn sources() -> Vec<String> {
    let mut names: Vec<String> = files(&workspace().join("tests/guests/examples"))
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// The root of the repository.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let left = workspace().join("target/connectors/guests");
    if is_fresh(&left) { left } else { build() }
});

/// A directory of its own: the build that runs these tests holds the lock of the usual one.
fn build() -> PathBuf {
    let target = workspace().join("target/guests");
    let build = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(["build", "--quiet", "--profile", "connector"])
        .args(["--target", "wasm32-wasip2", "-p", "gladhand-guests"])
        .arg("--examples")
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .expect("cargo runs");
    assert!(build.success(), "the guests do not build");
    target.join("wasm32-wasip2/connector/examples")
}

fn is_fresh(directory: &Path) -> bool {
    let root = workspace();
    let newest_source = [
        "tests/guests",
        "tests/guests/src",
        "tests/guests/examples",
        "sdk/src",
        "wit",
    ]
    .iter()
    .flat_map(|folder| files(&root.join(folder)))
    .map(|path| modified(&path))
    .max();
    sources().iter().all(|guest| {
        let built = directory.join(format!("{guest}.wasm"));
        built.exists() && Some(modified(&built)) > newest_source
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is part of the repository");
    entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.is_file())
        .collect()
}

fn modified(path: &Path) -> SystemTime {
    let metadata = fs::metadata(path).expect("it was just listed");
    metadata.modified().expect("every file system here has it")
}
