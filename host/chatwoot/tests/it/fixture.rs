//! The recorded webhooks, and ways to bend them into what another version or channel would send.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use gladhand_chatwoot::{Context, Read};
use gladhand_core::event::{Contact, Conversation, Message};
use gladhand_core::intake::{Reading, Snapshot};
use serde_json::Value;

pub fn path(part: &str) -> PathBuf {
    [
        env!("CARGO_MANIFEST_DIR"),
        "../../tests/fixtures/chatwoot",
        part,
    ]
    .iter()
    .collect()
}

/// The files of a folder, without their ending.
pub fn names(folder: &str) -> BTreeSet<String> {
    let files = fs::read_dir(path(folder)).expect("the fixtures' folder");
    let stem = |file: fs::DirEntry| {
        file.path()
            .file_stem()
            .expect("a file")
            .to_string_lossy()
            .into_owned()
    };
    files
        .map(|file| stem(file.expect("a readable folder")))
        .collect()
}

/// A body as people read it.
pub fn body(folder: &str, name: &str) -> Vec<u8> {
    fs::read(path(folder).join(format!("{name}.json"))).expect("the fixture")
}

/// A body as Chatwoot sends it.
pub fn raw(name: &str) -> Vec<u8> {
    fs::read(path("raw").join(format!("{name}.body"))).expect("the fixture")
}

/// The signature vectors by name.
pub fn vectors() -> BTreeMap<String, Value> {
    let file = fs::read(path("signature_vectors.json")).expect("the vectors");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    let vectors = file["vectors"].as_array().expect("a list").iter();
    vectors
        .map(|vector| {
            (
                vector["name"].as_str().expect("a name").to_owned(),
                vector.clone(),
            )
        })
        .collect()
}

/// A fixture, with the values at these places replaced.
pub fn bent(name: &str, changes: &[(&str, Value)]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(&body("payloads", name)).expect("JSON");
    for (pointer, new) in changes {
        let (parent, key) = pointer.rsplit_once('/').expect("a JSON pointer");
        let parent = value
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("{name} has no {pointer}"));
        match parent {
            Value::Array(items) => items[key.parse::<usize>().expect("an index")] = new.clone(),
            parent => parent[key] = new.clone(),
        }
    }
    value.to_string().into_bytes()
}

/// A fixture without the keys at these places, as a version sends it that does not know them yet.
pub fn without(name: &str, pointers: &[&str]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(&body("payloads", name)).expect("JSON");
    for pointer in pointers {
        let (parent, key) = pointer.rsplit_once('/').expect("a JSON pointer");
        let parent = value
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .expect("an object");
        parent
            .remove(key)
            .unwrap_or_else(|| panic!("{name} has no {pointer}"));
    }
    value.to_string().into_bytes()
}

pub fn read(body: &[u8]) -> Read {
    let context = Context {
        base_url: Some("https://chat.example.com/".to_owned()),
        account_id: Some(1),
    };
    gladhand_chatwoot::read(&context, body)
}

#[track_caller]
pub fn snapshot(body: &[u8]) -> Snapshot {
    match read(body).reading {
        Reading::Snapshot(snapshot) => *snapshot,
        other => panic!("no snapshot: {other:?}"),
    }
}

#[track_caller]
pub fn contact(name: &str) -> Contact {
    snapshot(&body("payloads", name))
        .contact
        .expect("a contact")
}

#[track_caller]
pub fn conversation(name: &str) -> Conversation {
    snapshot(&body("payloads", name))
        .conversation
        .expect("a conversation")
}

/// The message that an event is about, or the last one of its conversation.
#[track_caller]
pub fn message(name: &str) -> Message {
    only_message(&body("payloads", name))
}

#[track_caller]
pub fn only_message(body: &[u8]) -> Message {
    let mut messages = snapshot(body).messages;
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}
