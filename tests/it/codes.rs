//! Every outcome code and failure kind has a page in `docs/codes`, and every page there is of one that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gladhand_core::failure::FailureKind;
use gladhand_core::outcome::SkipCode;

const INDEX: &str = "README";

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let pages = fs::read_dir(folder()).expect("the folder of pages");
    let pages: BTreeSet<String> = pages
        .map(|entry| name(&entry.expect("a page").path()))
        .filter(|name| name != INDEX)
        .collect();
    assert_eq!(pages, codes());
}

#[test]
fn every_page_says_what_it_means_what_the_host_does_and_what_is_left_to_do() {
    for code in codes() {
        let page = page(&code);
        let lines: Vec<&str> = page.lines().filter(|line| line.starts_with('#')).collect();
        let expected = [
            &format!("# `{code}`"),
            "## What it means",
            "## What the host does",
            "## What you do",
        ];
        assert_eq!(lines, expected, "{code}");
    }
}

#[test]
fn the_index_lists_every_page() {
    let index = page(INDEX);
    let unlisted: Vec<String> = codes()
        .into_iter()
        .filter(|code| !index.contains(&format!("| [`{code}`]({code}.md) |")))
        .collect();
    assert_eq!(unlisted, Vec::<String>::new());
}

fn codes() -> BTreeSet<String> {
    let skips = SkipCode::ALL.iter().map(|code| code.as_str());
    let failures = FailureKind::ALL.iter().map(|kind| kind.as_str());
    skips.chain(failures).map(str::to_owned).collect()
}

fn page(name: &str) -> String {
    let path = folder().join(format!("{name}.md"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name(path: &Path) -> String {
    let name = path.file_stem().expect("a page has a name");
    name.to_string_lossy().into_owned()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/codes")
}
