//! The message objects (§1.5).

use gladhand_core::intake::Reading;
use serde_json::{Value, json};

use crate::fixture::{bent, body, message, only_message, read, snapshot, without};

#[test]
fn the_two_forms_of_one_message_say_the_same() {
    let event: Value =
        serde_json::from_slice(&body("payloads", "message_created__incoming__whatsapp"))
            .expect("JSON");
    let mut conversation = event["conversation"].clone();
    conversation["event"] = json!("conversation_updated");
    let inside = only_message(conversation.to_string().as_bytes());
    let top = message("message_created__incoming__whatsapp");

    assert_eq!(
        (&inside.id, &inside.text, inside.incoming),
        (&top.id, &top.text, top.incoming)
    );
    assert_eq!(inside.author_kind, top.author_kind);
    // One is written to the millisecond, the other to the second.
    assert_eq!(inside.created_at.0, top.created_at.0 / 1_000 * 1_000);
}

#[test]
fn the_type_is_a_word_or_a_number() {
    for (written, incoming) in [
        (json!("incoming"), true),
        (json!(0), true),
        (json!("template"), false),
        (json!(3), false),
    ] {
        let body = bent(
            "message_created__incoming__whatsapp",
            &[("/message_type", written)],
        );
        assert_eq!(only_message(&body).incoming, incoming);
    }
}

#[test]
fn a_message_of_unknown_direction_is_told_and_not_guessed() {
    let body = without("message_created__incoming__whatsapp", &["/message_type"]);
    let Reading::Unreadable { reason } = read(&body).reading else {
        panic!("it was guessed")
    };
    assert!(reason.contains("`message_type`"), "{reason}");
}

#[test]
fn a_message_of_files_alone_has_an_empty_text() {
    let message = message("message_created__incoming_attachment__pdf_audio_no_text");
    assert_eq!(message.text, "");
    assert_eq!(message.attachments.len(), 2);
}

#[test]
fn a_file_is_named_by_its_address() {
    let message = message("message_created__incoming_attachment__pdf_audio_no_text");
    let file = &message.attachments[0];
    assert_eq!(file.name.as_deref(), Some("order.pdf"));
    assert_eq!(
        (file.media_type.as_deref(), file.size),
        (Some("application/pdf"), Some(48_211))
    );
    assert_eq!(message.attachments[1].name.as_deref(), Some("voice.ogg"));
}

#[test]
fn before_4_13_a_file_is_known_by_its_kind_alone() {
    let body = without(
        "message_created__incoming_attachment__image",
        &["/attachments/0/content_type"],
    );
    assert_eq!(
        only_message(&body).attachments[0].media_type.as_deref(),
        Some("image")
    );
}

#[test]
fn an_attachment_may_be_null() {
    let body = bent(
        "message_created__incoming_attachment__image",
        &[("/attachments/0", Value::Null)],
    );
    assert!(only_message(&body).attachments.is_empty());
    let null = bent(
        "message_created__incoming_attachment__image",
        &[("/attachments", Value::Null)],
    );
    assert!(only_message(&null).attachments.is_empty());
}

#[test]
fn a_place_is_an_attachment_without_a_file() {
    let place = json!({ "id": 1, "file_type": "location", "coordinates_lat": 38.7, "coordinates_long": -9.1,
                        "fallback_title": "Lisbon", "data_url": null });
    let body = bent(
        "message_created__incoming_attachment__image",
        &[("/attachments/0", place)],
    );
    let attachment = only_message(&body).attachments.remove(0);
    assert_eq!(
        (attachment.name.as_deref(), attachment.url),
        (Some("Lisbon"), None)
    );
    assert_eq!(attachment.attributes["coordinates_lat"], 38.7);
}

#[test]
fn an_email_is_its_reply_without_what_it_quotes() {
    let message = message("message_created__incoming__email");
    assert_eq!(message.text, "Hello,\n\nplease quote 20 seats.");
    assert_eq!(
        message.attributes["subject"],
        "Quote request <20 seats> & support"
    );
    assert!(!message.attributes.contains_key("email"));
}

#[test]
fn the_addresses_of_an_emails_other_readers_are_not_kept() {
    let message = message("message_created__incoming__email");
    assert!(!format!("{message:?}").contains("boss@globex.example"));
}

#[test]
fn the_deleted_message_is_the_one_at_the_top_and_not_the_conversations_last() {
    let message = message("message_updated__deleted");
    assert_eq!(message.id, "9013");
    assert_eq!(message.attributes["deleted"], true);
}

#[test]
fn a_survey_is_answered_in_the_message_that_asked() {
    let message = message("message_updated__csat_submitted");
    assert_eq!(message.content_type, "input_csat");
    assert_eq!(message.attributes["csat"]["rating"], 5);
}

#[test]
fn what_a_form_was_filled_with_is_kept() {
    let values = json!({ "submitted_values": [{ "name": "size", "value": "20" }] });
    let body = bent(
        "message_updated__csat_submitted",
        &[("/content_attributes", values)],
    );
    assert_eq!(
        only_message(&body).attributes["submitted_values"][0]["value"],
        "20"
    );
}

#[test]
fn a_marker_of_another_program_survives() {
    let marker = json!({ "crm_sync": "note-7" });
    let body = bent(
        "message_created__private_note",
        &[("/content_attributes", marker)],
    );
    assert_eq!(only_message(&body).attributes["crm_sync"], "note-7");
}

#[test]
fn an_answer_from_the_channels_own_app_is_the_agents() {
    let echo = json!({ "external_echo": true });
    let body = bent(
        "message_created__outgoing__automation",
        &[("/content_attributes", echo)],
    );
    assert_eq!(only_message(&body).author_kind, "agent");
}

#[test]
fn the_channels_id_of_a_message_is_kept() {
    let id = message("message_created__incoming__whatsapp").attributes["source_id"].clone();
    assert!(
        id.as_str().is_some_and(|id| id.starts_with("wamid.")),
        "{id}"
    );
}

#[test]
fn a_message_brings_its_conversation_and_contact_along() {
    let snapshot = snapshot(&body("payloads", "message_created__outgoing__agent"));
    assert_eq!(snapshot.conversation.expect("a conversation").id, "53");
    assert_eq!(snapshot.contact.expect("a contact").id, "103");
    assert_eq!(snapshot.conversation_version, Some(1_781_690_455_762_634));
    assert_eq!(snapshot.version, None);
}

#[test]
fn a_message_without_its_conversation_is_told() {
    let body = without("message_created__outgoing__agent", &["/conversation"]);
    let Reading::Unreadable { reason } = read(&body).reading else {
        panic!("it was read")
    };
    assert!(reason.contains("`conversation`"), "{reason}");
}
