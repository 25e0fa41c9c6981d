//! Bodies that Chatwoot never wrote: each is kept with a reason, and none of them panics.

use gladhand_core::intake::Reading;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{bent, body, names, read};

#[track_caller]
fn check_unreadable(body: &[u8], name: &str, expected: &str) {
    let read = read(body);
    let Reading::Unreadable { reason } = &read.reading else {
        panic!("it was read: {read:?}")
    };
    assert!(reason.contains(expected), "{reason}");
    assert_eq!((read.name.as_str(), &read.semantic_key), (name, &None));
}

#[test]
fn what_is_not_json_says_where() {
    check_unreadable(b"", "unreadable", "not JSON (line 1, column 0)");
    check_unreadable(b"event=contact_created", "unreadable", "not JSON");
    check_unreadable(
        b"{\"event\":\"contact_cre",
        "unreadable",
        "not JSON (line 1, column 21)",
    );
    check_unreadable(b"{\"event\":\"\xff\"}", "unreadable", "not JSON");
}

#[test]
fn json_that_is_no_object_is_not_chatwoots() {
    for body in [
        "[]",
        "null",
        "7",
        "\"contact_created\"",
        "[\"contact_created\"]",
    ] {
        check_unreadable(body.as_bytes(), "unreadable", "no object");
    }
}

#[test]
fn an_object_without_a_name_of_an_event_is_not_chatwoots() {
    for event in [
        json!({}),
        json!({ "event": 7 }),
        json!({ "event": "" }),
        json!({ "event": "x y" }),
    ] {
        check_unreadable(event.to_string().as_bytes(), "unreadable", "names no event");
    }
    let endless = json!({ "event": "x".repeat(65) }).to_string();
    check_unreadable(endless.as_bytes(), "unreadable", "names no event");
}

#[test]
fn a_known_event_that_is_empty_names_what_is_missing() {
    for (event, missing) in [
        ("contact_created", "`id`"),
        ("conversation_updated", "`conversation id`"),
        ("message_created", "`conversation`"),
        ("macro.executed", "`conversation id`"),
    ] {
        check_unreadable(
            json!({ "event": event }).to_string().as_bytes(),
            event,
            missing,
        );
    }
}

#[test]
fn a_known_field_of_another_form_is_named_and_its_value_is_not_repeated() {
    let sender = json!(["jane@globex.example"]);
    let body = bent(
        "conversation_updated__labels",
        &[("/meta/assignee", json!({ "id": sender }))],
    );
    check_unreadable(&body, "conversation_updated", "`meta.assignee.id`");
    let Reading::Unreadable { reason } = read(&body).reading else {
        panic!("it was read")
    };
    assert!(!reason.contains("jane"), "{reason}");
}

#[test]
fn a_conversation_without_a_status_is_not_taken_for_an_open_one() {
    let body = bent("conversation_updated__labels", &[("/status", Value::Null)]);
    check_unreadable(&body, "conversation_updated", "`status`");
}

#[test]
fn endless_nesting_is_not_json() {
    let body = format!("{{\"event\":{}", "[".repeat(100_000));
    check_unreadable(body.as_bytes(), "unreadable", "not JSON");
}

#[test]
fn a_time_outside_of_any_calendar_is_named() {
    let body = bent(
        "conversation_updated__labels",
        &[("/updated_at", json!(1e300))],
    );
    check_unreadable(&body, "conversation_updated", "`updated_at`");
}

/// Any JSON at all.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every place in a value, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, child)| (key.replace('~', "~0").replace('/', "~1"), child))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, child)| (index.to_string(), child))
            .collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let place = format!("{at}/{key}");
        places(child, &place, found);
        found.push(place);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_the_reader(body in any::<Vec<u8>>()) {
        read(&body);
    }

    #[test]
    fn no_value_anywhere_in_a_body_panics_the_reader_or_makes_a_long_key(
        name in prop::sample::select(names("payloads").into_iter().collect::<Vec<_>>()),
        place in any::<prop::sample::Index>(),
        value in values(),
    ) {
        let mut whole: Value = serde_json::from_slice(&body("payloads", &name)).expect("JSON");
        let mut found = Vec::new();
        places(&whole, "", &mut found);
        let place: &String = place.get(&found);
        *whole.pointer_mut(place).expect("a place of its own") = value;
        let read = read(whole.to_string().as_bytes());
        prop_assert!(read.semantic_key.is_none_or(|key| key.len() <= 200));
        prop_assert!(read.name.len() <= 64);
    }
}
