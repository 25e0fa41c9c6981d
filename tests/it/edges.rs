//! Who may know whom, read from the manifests and the sources: a forbidden edge fails here, not in a review.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each package of the workspace may depend on, of the workspace's packages.
const ALLOWED: &[(&str, &[&str])] = &[
    ("gladhand-core", &[]),
    ("gladhand-mapping", &["gladhand-core"]),
    ("gladhand-egress", &["gladhand-core"]),
    ("gladhand-chatwoot", &["gladhand-core", "gladhand-egress"]),
    (
        "gladhand-runtime",
        &["gladhand-core", "gladhand-egress", "gladhand-mapping"],
    ),
    ("gladhand-store", &["gladhand-core"]),
    (
        "gladhand-engine",
        &[
            "gladhand-core",
            "gladhand-egress",
            "gladhand-runtime",
            "gladhand-store",
            "gladhand-chatwoot",
        ],
    ),
    (
        "gladhand-server",
        &[
            "gladhand-core",
            "gladhand-engine",
            "gladhand-egress",
            "gladhand-runtime",
            "gladhand-store",
            "gladhand-chatwoot",
        ],
    ),
    ("gladhand-sdk", &[]),
    ("gladhand-krayin", &["gladhand-sdk"]),
    ("gladhand-hubspot", &["gladhand-sdk"]),
    ("gladhand-zoho", &["gladhand-sdk"]),
    ("gladhand-odoo", &["gladhand-sdk"]),
    ("xtask", &[]),
];

/// Who alone may name a library, in a manifest or a source.
const OWNED: &[(&str, &[&str])] = &[
    ("wasmtime", &["runtime"]),
    ("wasmtime-wasi", &["runtime"]),
    ("sqlx", &["store"]),
    ("reqwest", &["egress"]),
    ("axum", &["server"]),
    ("clap", &["server"]),
];

const PROVIDERS: &[&str] = &["krayin", "hubspot", "zoho", "odoo"];

#[test]
fn no_package_depends_on_one_that_it_must_not_know() {
    let metadata = metadata();
    let members: BTreeSet<&str> = packages(&metadata).map(name).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for package in packages(&metadata) {
        let Some(allowed) = allowed.get(name(package)) else {
            continue;
        };
        for dependency in dependencies(package).filter(|dependency| members.contains(dependency)) {
            assert!(
                allowed.contains(&dependency),
                "{} must not depend on {dependency}",
                name(package)
            );
        }
    }
}

#[test]
fn every_package_of_the_host_has_its_edges_written_down() {
    let metadata = metadata();
    for package in packages(&metadata) {
        let manifest = package["manifest_path"].as_str().expect("a path");
        if manifest.contains("/host/") || manifest.contains("/plugins/") {
            assert!(
                ALLOWED.iter().any(|(known, _)| known == &name(package)),
                "{} is not in ALLOWED",
                name(package)
            );
        }
    }
}

#[test]
fn only_its_owner_names_a_library() {
    let metadata = metadata();
    for package in packages(&metadata) {
        let manifest = PathBuf::from(package["manifest_path"].as_str().expect("a path"));
        let folder = manifest.parent().expect("a folder");
        if !folder.starts_with(root().join("host")) {
            continue;
        }
        let crate_name = folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let normal = package["dependencies"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|dependency| dependency["kind"].is_null());
        let normal: BTreeSet<&str> = normal.map(name).collect();
        for (library, owners) in OWNED {
            let may = owners.contains(&crate_name.as_str());
            assert!(
                may || !normal.contains(library),
                "host/{crate_name} must not depend on {library}"
            );
        }
    }
}

#[test]
fn only_the_server_reads_the_environment() {
    for file in sources(&root().join("host")) {
        if file.starts_with(root().join("host/server")) || is_test(&file) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        assert!(
            !text.contains("std::env::") && !text.contains("env::var"),
            "{} reads the environment",
            file.display()
        );
    }
}

#[test]
fn nothing_neutral_names_a_provider() {
    for folder in ["host", "sdk", "wit"] {
        for file in sources(&root().join(folder)) {
            let text = fs::read_to_string(&file).expect("a source").to_lowercase();
            for (number, line) in text.lines().enumerate() {
                let is_documentation =
                    line.trim_start().starts_with("//") || line.trim_start().starts_with('#');
                let named = PROVIDERS.iter().find(|provider| line.contains(*provider));
                if let Some(provider) = named {
                    assert!(
                        is_documentation,
                        "{}:{} names {provider}",
                        file.display(),
                        number + 1
                    );
                }
            }
        }
    }
}

#[test]
fn only_the_sources_reader_knows_its_fields() {
    // Names that stand in a webhook's body and nowhere in the domain's words.
    const FIELDS: &[&str] = &[
        "contact_inbox",
        "pubsub_token",
        "additional_attributes",
        "conversation_created",
        "first_reply_created_at",
    ];
    for file in sources(&root().join("host")) {
        if file.starts_with(root().join("host/chatwoot")) || is_test(&file) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        let code: String = text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for field in FIELDS {
            assert!(
                !code.contains(field),
                "{} knows the source's field {field}",
                file.display()
            );
        }
    }
}

#[test]
fn every_source_begins_with_what_it_is() {
    for folder in ["host", "sdk", "plugins", "tests", "xtask", "examples"] {
        for file in sources(&root().join(folder))
            .into_iter()
            .filter(|file| file.extension().is_some_and(|kind| kind == "rs"))
        {
            let text = fs::read_to_string(&file).expect("a source");
            assert!(
                text.starts_with("//!"),
                "{} does not say what it is",
                file.display()
            );
            let is_prose = |line: &&str| line.starts_with("//!") && !line.starts_with("//! ```");
            // An example may be as long as it needs to be.
            let lines = text.lines().take_while(is_prose).count();
            let is_crate_docs = file.ends_with("lib.rs");
            assert!(
                lines <= 8 || is_crate_docs,
                "{} takes {lines} lines to say what it is",
                file.display()
            );
        }
    }
}

#[test]
fn no_source_is_too_long_to_read() {
    for folder in ["host", "sdk", "plugins", "tests", "xtask", "examples"] {
        for file in sources(&root().join(folder)) {
            let lines = fs::read_to_string(&file).expect("a source").lines().count();
            assert!(lines <= 500, "{} has {lines} lines", file.display());
        }
    }
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo answers");
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().expect("a list").iter()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("a name")
}

fn dependencies(package: &Value) -> impl Iterator<Item = &str> {
    package["dependencies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(name)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
        {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry
                .extension()
                .is_some_and(|kind| kind == "rs" || kind == "wit")
            {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

fn is_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lies in the workspace")
        .to_owned()
}
