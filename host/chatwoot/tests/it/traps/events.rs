//! Who sends what (§1.1) and the shape of the body (§1.2).

use gladhand_core::intake::{Reading, Subject};
use gladhand_core::outcome::SkipCode;
use serde_json::{Value, json};

use crate::fixture::{self, bent, body, read, snapshot, without};

#[track_caller]
fn check_ignored(body: &[u8], expected: SkipCode, of: Option<&str>) -> String {
    match read(body).reading {
        Reading::Ignored {
            code,
            reason,
            contact,
        } => {
            assert_eq!((code, contact.as_deref()), (expected, of));
            reason
        }
        other => panic!("not ignored: {other:?}"),
    }
}

#[track_caller]
fn check_conversation_event(name: &str) {
    let snapshot = snapshot(&body("payloads", name));
    assert_eq!(snapshot.subject, Subject::Conversation);
    assert_eq!(snapshot.conversation.expect("a conversation").id, "53");
}

#[test]
fn an_activity_message_is_ignored() {
    let body = body("negative", "message_created__activity__never_sent_upstream");
    check_ignored(&body, SkipCode::UnsupportedEvent, Some("103"));
}

#[test]
fn a_private_note_is_a_private_message() {
    let note = fixture::message("message_created__private_note");
    assert!(note.private && !note.incoming);
}

#[test]
fn typing_is_ignored() {
    for (name, contact) in [
        ("conversation_typing_on__contact", "101"),
        ("conversation_typing_on__user", "103"),
        ("conversation_typing_off__user", "103"),
    ] {
        check_ignored(
            &body("payloads", name),
            SkipCode::UnsupportedEvent,
            Some(contact),
        );
    }
}

#[test]
fn the_widget_event_names_its_contact_and_not_its_own_id() {
    let body = body("payloads", "webwidget_triggered__new_visitor");
    check_ignored(&body, SkipCode::UnsupportedEvent, Some("101"));
}

#[test]
fn an_inbox_event_is_ignored_and_its_channels_secrets_are_not_repeated() {
    for name in ["inbox_created", "inbox_updated"] {
        let reason = check_ignored(&body("payloads", name), SkipCode::UnsupportedEvent, None);
        assert!(!reason.contains("REDACTED"), "{reason}");
    }
}

#[test]
fn an_installations_event_is_ignored() {
    check_ignored(
        &body("payloads", "installation__account_created"),
        SkipCode::UnsupportedEvent,
        None,
    );
}

#[test]
fn a_macros_event_is_a_snapshot_of_its_conversation() {
    check_conversation_event("macro__macro_executed");
}

#[test]
fn an_automations_event_is_a_snapshot_of_its_conversation() {
    check_conversation_event("automation__conversation_created");
    let of_message = bent(
        "automation__conversation_created",
        &[("/event", json!("automation_event.message_created"))],
    );
    assert_eq!(snapshot(&of_message).subject, Subject::Conversation);
}

#[test]
fn an_agent_bots_own_event_is_a_snapshot_of_its_conversation() {
    check_conversation_event("agent_bot__conversation_opened");
}

#[test]
fn a_contact_deleted_in_a_future_version_is_ignored_without_an_error() {
    check_ignored(
        &body("negative", "future__contact_deleted"),
        SkipCode::UnsupportedEvent,
        Some("101"),
    );
}

#[test]
fn an_event_that_nobody_has_thought_of_is_ignored_by_its_name() {
    let reason = check_ignored(
        br#"{"event":"company_merged","id":7}"#,
        SkipCode::UnsupportedEvent,
        None,
    );
    assert!(reason.contains("`company_merged`"), "{reason}");
}

#[test]
fn who_did_it_is_tolerated() {
    let snapshot = snapshot(&body(
        "negative",
        "future__conversation_updated_performed_by",
    ));
    assert_eq!(snapshot.conversation.expect("a conversation").id, "53");
}

#[test]
fn the_events_name_is_found_wherever_it_stands_in_the_body() {
    let first = body("payloads", "conversation_typing_on__user");
    let last = body("payloads", "conversation_updated__labels");
    assert_eq!(read(&first).name, "conversation_typing_on");
    assert_eq!(read(&last).name, "conversation_updated");
}

#[test]
fn a_status_change_says_nothing_of_what_changed() {
    let snapshot = snapshot(&body("payloads", "conversation_status_changed__resolved"));
    assert_eq!(snapshot.changed, [""; 0]);
    assert_eq!(
        snapshot.conversation.expect("a conversation").status,
        "resolved"
    );
}

#[test]
fn an_update_whose_changes_are_null_is_read() {
    let body = bent(
        "conversation_updated__labels",
        &[("/changed_attributes", Value::Null)],
    );
    assert_eq!(snapshot(&body).changed, [""; 0]);
}

#[test]
fn an_edited_message_comes_without_changes() {
    let edited = body("payloads", "message_updated__status_delivered");
    assert_eq!(
        snapshot(&edited).subject,
        Subject::Message { created: false }
    );
}

#[test]
fn changes_are_named_as_the_fields_they_change() {
    let changed = |name| snapshot(&body("payloads", name)).changed;
    assert_eq!(changed("conversation_updated__status_resolved"), ["status"]);
    assert_eq!(changed("conversation_updated__assignee"), ["assignee"]);
    assert_eq!(changed("conversation_updated__labels"), ["labels"]);
    assert_eq!(
        changed("conversation_updated__first_reply"),
        ["first_reply_at"]
    );
}

#[test]
fn a_label_cache_filled_with_nothing_is_no_change_of_labels() {
    let changes = json!([{ "cached_label_list": { "previous_value": null, "current_value": "" } }]);
    let body = bent(
        "conversation_updated__labels",
        &[("/changed_attributes", changes)],
    );
    assert_eq!(snapshot(&body).changed, [""; 0]);
}

#[test]
fn a_hash_told_whole_before_and_after_changed_only_where_it_differs() {
    let echo = snapshot(&body("payloads", "contact_updated__custom_attributes_echo"));
    let [key] = &echo.changed[..] else {
        panic!("one key was written: {:?}", echo.changed)
    };
    assert!(
        echo.contact
            .expect("a contact")
            .attributes
            .contains_key(key)
    );

    let gone = json!([{ "custom_attributes": { "previous_value": { "plan": "gold" }, "current_value": {} } }]);
    let body = bent(
        "contact_updated__custom_attributes_echo",
        &[("/changed_attributes", gone)],
    );
    assert_eq!(snapshot(&body).changed, ["plan"]);
}

#[test]
fn changes_name_columns_that_the_payload_does_not_carry() {
    let identified = snapshot(&body("payloads", "contact_updated__identified"));
    assert_eq!(identified.changed, ["name", "email", "contact_type"]);
}

#[test]
fn a_contacts_only_clock_is_its_change() {
    let snapshot = snapshot(&body("payloads", "contact_updated__identified"));
    assert_eq!(snapshot.version, Some(1_781_690_430_500_000));
    assert_eq!(snapshot.occurred_at.map(|at| at.0), Some(1_781_690_430_500));
}

#[test]
fn a_contact_touched_by_a_message_is_noise() {
    let body = body("payloads", "contact_updated__last_activity_noise");
    let reason = check_ignored(&body, SkipCode::Noise, Some("101"));
    assert!(reason.ends_with("updated_at, last_activity_at"), "{reason}");
}

#[test]
fn a_contacts_labels_are_noise_because_the_payload_has_none() {
    let changes = json!([{ "updated_at": {} }, { "cached_label_list": {} }, { "label_list": {} }]);
    let body = bent(
        "contact_updated__identified",
        &[("/changed_attributes", changes)],
    );
    check_ignored(&body, SkipCode::Noise, Some("101"));
}

#[test]
fn a_contact_update_that_names_no_change_is_no_noise() {
    let body = without("contact_updated__identified", &["/changed_attributes"]);
    assert_eq!(snapshot(&body).subject, Subject::Contact);
}
