//! The contact object (§1.4) and the three serializers for one person (§1.6).

use serde_json::{Value, json};

use crate::fixture::{bent, body, contact, message, snapshot, without};

#[test]
fn a_contact_has_one_name_and_a_phone_in_e164() {
    let contact = contact("contact_created__whatsapp");
    assert_eq!(contact.name.as_deref(), Some("João Lima"));
    assert_eq!(contact.identities(), ["phone:+5511987654321"]);
}

#[test]
fn an_empty_name_is_no_name() {
    let nameless = bent("contact_created__email", &[("/name", json!(""))]);
    assert_eq!(snapshot(&nameless).contact.expect("a contact").name, None);
}

#[test]
fn the_company_is_among_the_additional_attributes() {
    let contact = contact("contact_updated__dashboard_edit");
    assert_eq!(contact.company.expect("a company").name, "Globex");
    assert_eq!(contact.attributes["additional.city"], "Lisbon");
    assert!(!contact.attributes.contains_key("additional.company_name"));
}

#[test]
fn a_changed_company_is_named_as_such() {
    let changed = snapshot(&body("payloads", "contact_updated__dashboard_edit")).changed;
    assert!(changed.contains(&"company".to_owned()), "{changed:?}");
    assert!(
        changed.contains(&"additional.city".to_owned()),
        "{changed:?}"
    );
}

#[test]
fn a_contact_from_before_blocking_is_not_blocked() {
    let old = without(
        "contact_created__email",
        &["/blocked", "/identifier", "/avatar"],
    );
    assert!(!snapshot(&old).contact.expect("a contact").blocked);
    let blocked = bent("contact_created__email", &[("/blocked", json!(true))]);
    assert!(snapshot(&blocked).contact.expect("a contact").blocked);
}

#[test]
fn attributes_that_are_null_are_none() {
    let body = bent(
        "contact_created__email",
        &[
            ("/additional_attributes", Value::Null),
            ("/custom_attributes", Value::Null),
        ],
    );
    assert!(
        snapshot(&body)
            .contact
            .expect("a contact")
            .attributes
            .is_empty()
    );
}

#[test]
fn the_same_person_is_one_contact_in_both_of_its_forms() {
    let (of_contact, of_conversation) = (
        contact("contact_created__whatsapp"),
        contact("conversation_created__whatsapp"),
    );
    assert_eq!(of_contact, of_conversation);
}

#[track_caller]
fn check_author(name: &str, kind: &str, named: Option<&str>, email: Option<&str>) {
    let message = message(name);
    assert_eq!(message.author_kind, kind);
    assert_eq!(message.author_name.as_deref(), named);
    let author_email = message
        .attributes
        .get("author_email")
        .and_then(Value::as_str);
    assert_eq!(author_email, email);
}

#[test]
fn a_sender_without_a_type_is_the_contact() {
    check_author(
        "message_created__incoming__whatsapp",
        "contact",
        Some("João Lima"),
        None,
    );
}

#[test]
fn an_agent_has_an_email_only_as_the_sender_of_a_message() {
    let email = Some("ravi@acme.example");
    check_author(
        "message_created__outgoing__agent",
        "agent",
        Some("Ravi Kumar"),
        email,
    );
    check_author(
        "conversation_updated__assignee",
        "agent",
        Some("Ravi Kumar"),
        None,
    );
}

#[test]
fn a_bot_says_so() {
    check_author(
        "message_created__outgoing__agent_bot",
        "bot",
        Some("Acme Bot"),
        None,
    );
}

#[test]
fn a_message_without_a_sender_was_written_by_chatwoot() {
    check_author(
        "message_created__outgoing__automation",
        "system",
        None,
        None,
    );
    check_author("message_created__template_greeting", "system", None, None);
}
