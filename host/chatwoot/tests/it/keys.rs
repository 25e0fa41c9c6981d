//! What counts as one telling (facts/chatwoot.md §2.5): the same thing by another transport, and never two changes.

use serde_json::json;

use crate::fixture::{bent, body, read, without};

#[track_caller]
fn key(body: &[u8]) -> String {
    let key = read(body).semantic_key.expect("a key");
    assert!(key.len() <= 200, "{key}");
    key
}

#[track_caller]
fn check(body: &[u8], expected: &str) {
    assert_eq!(key(body), expected);
}

#[test]
fn a_new_message_is_named_by_its_id() {
    check(
        &body("payloads", "message_created__outgoing__agent"),
        "message_created/9100",
    );
}

#[test]
fn a_new_message_told_again_in_a_later_state_is_the_same() {
    let later = bent(
        "message_created__outgoing__agent",
        &[("/conversation/updated_at", json!(1_781_690_999.5))],
    );
    check(&later, "message_created/9100");
}

#[test]
fn a_message_that_was_only_delivered_is_told_once() {
    let first = body("payloads", "message_updated__status_delivered");
    let read = bent(
        "message_updated__status_delivered",
        &[
            ("/conversation/messages/0/status", json!("read")),
            ("/conversation/updated_at", json!(1_781_690_999.5)),
        ],
    );
    assert_eq!(key(&first), key(&read));
}

#[test]
fn a_message_that_says_something_else_is_told_again() {
    let first = body("payloads", "message_updated__status_delivered");
    let edited = bent(
        "message_updated__status_delivered",
        &[("/content", json!("R$ 89"))],
    );
    assert_ne!(key(&first), key(&edited));
}

#[test]
fn a_status_change_and_its_twin_are_two_events_of_one_state() {
    let (changed, twin) = (
        body("payloads", "conversation_status_changed__resolved"),
        body("payloads", "conversation_updated__status_resolved"),
    );
    check(&changed, "conversation_status_changed/53/1781690700125000");
    check(&twin, "conversation_updated/53/1781690700125000");
}

#[test]
fn a_macro_is_an_event_of_its_own() {
    check(
        &body("payloads", "macro__macro_executed"),
        "macro.executed/53/1781690455762634",
    );
}

#[test]
fn a_contact_is_created_once_and_changed_at_its_times() {
    check(
        &body("payloads", "contact_created__web_widget"),
        "contact_created/101",
    );
    check(
        &body("payloads", "contact_updated__identified"),
        "contact_updated/101/1781690430500000",
    );
    check(
        &body("payloads", "contact_updated__last_activity_noise"),
        "contact_updated/101/1781690495100000",
    );
}

#[test]
fn what_names_nothing_has_no_key() {
    let untimed = without("contact_updated__identified", &["/changed_attributes"]);
    let typing = body("payloads", "conversation_typing_off__user");
    for body in [untimed, typing] {
        assert_eq!(read(&body).semantic_key, None);
    }
}

#[test]
fn the_longest_key_there_can_be_fits() {
    let id = json!("9".repeat(40));
    let message = bent("message_updated__deleted", &[("/id", id.clone())]);
    assert_eq!(
        key(&message).len(),
        "message_updated".len() + 1 + 40 + 1 + 64
    );
    let name = format!("automation_event.{}", "x".repeat(47));
    let automation = bent(
        "automation__conversation_created",
        &[("/event", json!(name)), ("/id", id)],
    );
    assert!(key(&automation).starts_with(&name));
}
