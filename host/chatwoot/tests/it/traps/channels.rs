//! What each channel says of its conversations and contacts (§1.7).

use serde_json::json;

use crate::fixture::{bent, body, contact, conversation, snapshot};

#[test]
fn every_channel_has_its_word() {
    for (class, word) in [
        ("Channel::WebWidget", "web-widget"),
        ("Channel::Email", "email"),
        ("Channel::Whatsapp", "whatsapp"),
        ("Channel::TwilioSms", "sms"),
        ("Channel::Sms", "sms"),
        ("Channel::Api", "api"),
        ("Channel::Telegram", "telegram"),
        ("Channel::FacebookPage", "facebook"),
        ("Channel::Instagram", "instagram"),
        ("Channel::Line", "line"),
        ("Channel::Tiktok", "tiktok"),
        ("Channel::TwitterProfile", "twitter"),
        ("Channel::Pigeon", "other"),
    ] {
        let body = bent(
            "conversation_created__whatsapp",
            &[("/channel", json!(class))],
        );
        assert_eq!(
            snapshot(&body)
                .conversation
                .expect("a conversation")
                .channel,
            word,
            "{class}"
        );
    }
}

#[test]
fn whatsapp_by_way_of_twilio_is_whatsapp() {
    let address = json!("whatsapp:+14155550132");
    let body = bent(
        "conversation_created__sms_twilio",
        &[("/contact_inbox/source_id", address)],
    );
    assert_eq!(
        snapshot(&body)
            .conversation
            .expect("a conversation")
            .channel,
        "whatsapp"
    );
}

#[test]
fn instagram_by_way_of_a_facebook_page_is_instagram() {
    let attributes = json!({ "type": "instagram_direct_message" });
    let body = bent(
        "conversation_created__facebook",
        &[("/additional_attributes", attributes)],
    );
    assert_eq!(
        snapshot(&body)
            .conversation
            .expect("a conversation")
            .channel,
        "instagram"
    );
}

#[test]
fn a_web_visitor_is_called_by_the_name_that_chatwoot_invented() {
    let visitor = contact("contact_created__web_widget");
    assert_eq!(visitor.name.as_deref(), Some("snowy-sun-611"));
    assert_eq!(visitor.identities(), [""; 0]);
    let referer =
        &conversation("conversation_created__web_widget").attributes["additional.referer"];
    assert_eq!(referer, "https://www.acme.example/pricing");
}

#[test]
fn an_emails_subject_is_the_conversations() {
    let conversation = conversation("conversation_created__email");
    assert_eq!(
        conversation.subject.as_deref(),
        Some("Quote request <20 seats> & support")
    );
    assert!(
        !conversation
            .attributes
            .contains_key("additional.mail_subject")
    );
}

#[test]
fn a_whatsapp_contact_may_have_no_phone() {
    let hidden = [
        ("/phone_number", json!(null)),
        ("/name", json!("BR.1349876543210")),
    ];
    let contact = snapshot(&bent("contact_created__whatsapp", &hidden))
        .contact
        .expect("a contact");
    assert_eq!(contact.identities(), [""; 0]);
    assert_eq!(contact.name.as_deref(), Some("BR.1349876543210"));
}

#[test]
fn a_facebook_contact_may_be_john_doe() {
    let contact = contact("contact_created__facebook");
    assert_eq!(contact.name.as_deref(), Some("John Doe"));
    assert_eq!(contact.identities(), [""; 0]);
}

#[test]
fn a_telegram_contact_is_known_by_its_attributes_alone() {
    let contact = contact("conversation_created__telegram");
    assert_eq!(contact.identities(), [""; 0]);
    assert_eq!(
        contact.attributes["additional.social_telegram_user_id"],
        523_410_987
    );
    let chat = &conversation("conversation_created__telegram").attributes["additional.chat_id"];
    assert_eq!(*chat, 523_410_987);
}

#[test]
fn an_instagram_contact_is_known_by_its_profile() {
    let contact = contact("contact_created__instagram");
    assert_eq!(
        contact.attributes["additional.social_profiles"]["instagram"],
        "sara.k"
    );
}

#[test]
fn a_text_messages_sender_is_named_by_number_and_place() {
    let contact = contact("conversation_created__sms_twilio");
    assert_eq!(contact.identities(), ["phone:+14155550132"]);
    assert_eq!(contact.attributes["additional.from_state"], "CA");
}

#[test]
fn a_line_contact_keeps_what_line_says() {
    let attributes = snapshot(&body("payloads", "contact_created__line"))
        .contact
        .expect("a contact")
        .attributes;
    assert!(
        attributes.contains_key("additional.social_line_user_id"),
        "{attributes:?}"
    );
}

#[test]
fn an_api_client_chooses_the_identifier() {
    let named = [("/identifier", json!("crm-42"))];
    let contact = snapshot(&bent("contact_created__api", &named))
        .contact
        .expect("a contact");
    assert_eq!(contact.identifier.as_deref(), Some("crm-42"));
}
