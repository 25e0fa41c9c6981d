//! Compiled components on disk: used when they are ours, compiled again when somebody touched them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gladhand_runtime::{ArtefactStore, Connector, Limits};
use secrecy::SecretSlice;
use tempfile::TempDir;

use crate::world::World;

fn world(dir: &Path, key: &[u8]) -> World {
    let store = ArtefactStore {
        dir: dir.to_owned(),
        key: SecretSlice::from(key.to_vec()),
    };
    World::with(Limits::STANDARD, Some(store))
}

fn only_file(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir).expect("it was made");
    let file = files.next().expect("one is there").expect("it can be read");
    assert!(files.next().is_none(), "more than one file");
    file.path()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

/// Loads the golden component with what is in `dir`, and says whether its file was written anew.
async fn is_compiled_again(dir: &Path, key: &[u8], tamper: impl FnOnce(&mut Vec<u8>)) -> bool {
    let file = only_file(dir);
    let mut bytes = fs::read(&file).expect("it is ours");
    tamper(&mut bytes);
    fs::write(&file, &bytes).expect("it is ours");
    let component = world(dir, key).load("golden").await;
    assert_eq!(component.descriptor().id, "golden");
    fs::read(&file).expect("it is ours") != bytes
}

/// A directory with the artefact of the golden component.
async fn filled() -> TempDir {
    let dir = tempfile::tempdir().expect("there is room");
    world(dir.path(), b"key").load("golden").await;
    dir
}

#[tokio::test]
async fn the_directory_and_its_files_are_private() {
    let parent = tempfile::tempdir().expect("there is room");
    let dir = parent.path().join("data/artefacts");
    world(&dir, b"key").load("golden").await;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&only_file(&dir)), 0o600);
}

#[tokio::test]
async fn the_second_load_uses_the_artefact() {
    let dir = filled().await;
    assert!(!is_compiled_again(dir.path(), b"key", |_| {}).await);
}

#[tokio::test]
async fn a_tampered_artefact_is_compiled_again() {
    let dir = filled().await;
    assert!(is_compiled_again(dir.path(), b"key", |bytes| bytes[5_000] ^= 1).await);
    assert!(!is_compiled_again(dir.path(), b"key", |_| {}).await);
    assert!(is_compiled_again(dir.path(), b"key", |bytes| bytes[0] ^= 1).await);
    assert!(is_compiled_again(dir.path(), b"key", Vec::clear).await);
}

#[tokio::test]
async fn an_artefact_under_another_key_is_compiled_again() {
    let dir = filled().await;
    assert!(is_compiled_again(dir.path(), b"another key", |_| {}).await);
}

#[tokio::test]
async fn an_artefact_of_another_component_is_not_taken_for_this_one() {
    let dir = filled().await;
    let golden = only_file(dir.path());
    let other = tempfile::tempdir().expect("there is room");
    world(other.path(), b"key").load("trap").await;
    // Genuine bytes under a wrong name: what somebody could do who cannot make a tag.
    fs::copy(only_file(other.path()), &golden).expect("both are ours");
    assert!(is_compiled_again(dir.path(), b"key", |_| {}).await);
}
