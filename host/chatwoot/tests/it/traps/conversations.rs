//! The conversation object (§1.3).

use gladhand_chatwoot::Context;
use gladhand_core::intake::Reading;
use serde_json::{Value, json};

use crate::fixture::{bent, body, conversation, raw, read, snapshot, without};

#[test]
fn the_id_is_the_number_that_people_see() {
    let conversation = conversation("conversation_created__whatsapp");
    assert_eq!(conversation.id, "53");
    let url = "https://chat.example.com/app/accounts/1/conversations/53";
    assert_eq!(conversation.url.as_deref(), Some(url));
}

#[test]
fn without_a_base_url_a_conversation_has_no_link() {
    let read = gladhand_chatwoot::read(&Context::default(), &raw("conversation_created__whatsapp"));
    let Reading::Snapshot(snapshot) = read.reading else {
        panic!("{read:?}")
    };
    assert_eq!(snapshot.conversation.expect("a conversation").url, None);
}

#[test]
fn an_old_conversation_names_its_account_in_its_last_message_alone() {
    let context = Context {
        base_url: Some("https://chat.example.com".to_owned()),
        account_id: None,
    };
    let read = gladhand_chatwoot::read(&context, &raw("conversation_created__legacy_pre_4_14_2"));
    let Reading::Snapshot(snapshot) = read.reading else {
        panic!("{read:?}")
    };
    let url = snapshot.conversation.expect("a conversation").url;
    assert_eq!(
        url.as_deref(),
        Some("https://chat.example.com/app/accounts/1/conversations/53")
    );
}

#[test]
fn another_accounts_event_is_not_read_because_its_numbers_mean_something_else() {
    for name in [
        "conversation_created__legacy_pre_4_14_2",
        "message_created__outgoing__agent",
        "contact_created__api",
    ] {
        let context = Context {
            account_id: Some(2),
            ..Context::default()
        };
        let Reading::Unreadable { reason } = gladhand_chatwoot::read(&context, &raw(name)).reading
        else {
            panic!("{name} was read");
        };
        assert!(
            reason.contains("account 1") && reason.contains("account 2"),
            "{reason}"
        );
    }
}

#[test]
fn a_conversation_before_its_first_message_has_none() {
    assert!(
        snapshot(&body("payloads", "conversation_created__no_messages"))
            .messages
            .is_empty()
    );
    let null = bent(
        "conversation_created__whatsapp",
        &[("/messages", Value::Null)],
    );
    assert!(snapshot(&null).messages.is_empty());
}

#[test]
fn the_message_of_a_conversation_is_its_last_and_may_be_the_greeting() {
    let snapshot = snapshot(&body(
        "payloads",
        "conversation_created__template_message_first",
    ));
    let [message] = &snapshot.messages[..] else {
        panic!("one message")
    };
    assert!(!message.incoming);
    assert_eq!(message.author_kind, "system");
}

#[test]
fn the_state_is_ordered_by_a_float_of_seconds_with_microseconds() {
    let snapshot = snapshot(&body("payloads", "conversation_updated__first_reply"));
    assert_eq!(snapshot.conversation_version, Some(1_781_690_455_762_634));
    assert_eq!(snapshot.version, snapshot.conversation_version);
    assert_eq!(
        snapshot.conversation.expect("a conversation").updated_at.0,
        1_781_690_455_762
    );
}

#[test]
fn before_4_0_2_nothing_orders_or_names_the_states() {
    let body = without("conversation_updated__first_reply", &["/updated_at"]);
    assert_eq!(snapshot(&body).conversation_version, None);
    assert_eq!(read(&body).semantic_key, None);
    let updated_at = snapshot(&body)
        .conversation
        .expect("a conversation")
        .updated_at;
    assert_eq!(updated_at.0, 1_781_690_455_000);
}

#[test]
fn times_that_are_zero_did_not_happen() {
    let body = bent(
        "conversation_updated__first_reply",
        &[("/first_reply_created_at", json!(0))],
    );
    assert_eq!(
        snapshot(&body)
            .conversation
            .expect("a conversation")
            .first_reply_at,
        None
    );
}

#[test]
fn the_first_reply_is_an_iso_text_where_other_times_are_numbers() {
    let conversation = conversation("conversation_updated__first_reply");
    assert_eq!(
        conversation.first_reply_at.map(|at| at.0),
        Some(1_781_690_455_303)
    );
    assert_eq!(conversation.created_at.0, 1_781_690_400_000);
}

#[test]
fn the_assignee_has_no_email() {
    let assignee = conversation("conversation_updated__assignee")
        .assignee
        .expect("an assignee");
    assert_eq!(
        (assignee.id.as_str(), assignee.name.as_str(), assignee.email),
        ("7", "Ravi Kumar", None)
    );
    assert_eq!(assignee.attributes["kind"], "agent");
}

#[test]
fn the_assignee_may_be_a_bot() {
    let conversation = conversation("conversation_created__pending_with_bot");
    assert_eq!(conversation.status, "pending");
    assert_eq!(
        conversation.assignee.expect("an assignee").attributes["kind"],
        "bot"
    );
}

#[test]
fn the_live_token_of_the_contacts_inbox_is_never_kept() {
    let text = format!("{:?}", read(&raw("message_created__outgoing__agent")));
    assert!(!text.contains("pubsub"), "{text}");
}

#[test]
fn the_inboxs_name_is_only_in_a_messages_event() {
    assert_eq!(
        conversation("conversation_created__whatsapp").inbox_name,
        None
    );
    let of_message = conversation("message_created__incoming__whatsapp");
    assert_eq!(of_message.inbox_name.as_deref(), Some("WhatsApp Cloud"));
}

#[test]
fn the_inbox_is_found_where_the_conversation_does_not_name_it() {
    let of_message = without(
        "message_created__incoming__whatsapp",
        &["/conversation/inbox_id"],
    );
    let of_conversation = without("conversation_created__whatsapp", &["/inbox_id"]);
    for body in [of_message, of_conversation] {
        assert_eq!(
            snapshot(&body)
                .conversation
                .expect("a conversation")
                .inbox_id,
            "13"
        );
    }
}

#[test]
fn a_conversation_without_its_sender_still_says_whose_it_is() {
    let body = bent(
        "conversation_created__whatsapp",
        &[("/meta/sender", Value::Null)],
    );
    let contact = snapshot(&body).contact.expect("a contact");
    assert_eq!((contact.id.as_str(), contact.name), ("103", None));
}

#[test]
fn a_merged_contact_is_known_by_the_sender_and_not_by_the_inboxs_row() {
    let body = bent(
        "conversation_created__whatsapp",
        &[("/meta/sender/id", json!(104))],
    );
    assert_eq!(snapshot(&body).contact.expect("a contact").id, "104");
}

#[test]
fn labels_team_and_priority_are_read() {
    let body = bent(
        "conversation_updated__labels",
        &[
            ("/meta/team", json!({ "id": 2, "name": "sales" })),
            ("/priority", json!("urgent")),
        ],
    );
    let conversation = snapshot(&body).conversation.expect("a conversation");
    assert_eq!(conversation.labels, ["lead", "pricing"]);
    assert_eq!(conversation.team.as_deref(), Some("sales"));
    assert_eq!(conversation.priority.as_deref(), Some("urgent"));
}

#[test]
fn custom_attributes_keep_their_own_key() {
    let conversation = conversation("conversation_updated__custom_attributes");
    assert_eq!(conversation.attributes["deal_size"], "1200");
}

#[test]
fn an_old_version_sends_fewer_keys() {
    let absent = [
        "/account",
        "/labels",
        "/priority",
        "/custom_attributes",
        "/messages",
        "/contact_inbox",
        "/updated_at",
    ];
    let conversation = snapshot(&without("conversation_created__whatsapp", &absent)).conversation;
    assert_eq!(conversation.expect("a conversation").status, "open");
}
