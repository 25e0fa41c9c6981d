//! Every fixture by its name: its signature proves it, and what it says is what it said when somebody last looked.
//!
//! The readings are kept beside the fixtures, in `readings/`, as JSON: they are the reader's documentation by example.

use std::collections::BTreeSet;
use std::time::Duration;

use gladhand_chatwoot::verify::{self, Signed};
use gladhand_core::clock::Timestamp;
use gladhand_core::intake::Reading;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::fixture;

macro_rules! fixtures {
    (signed { $($signed:ident)+ } unsigned { $($unsigned:ident)+ } negative { $($negative:ident)+ }) => {
        #[expect(non_snake_case, reason = "named after the files")]
        mod reading {
            $(#[test] fn $signed() { super::check_reading("payloads", stringify!($signed)); })+
            $(#[test] fn $unsigned() { super::check_reading("payloads", stringify!($unsigned)); })+
            $(#[test] fn $negative() { super::check_reading("negative", stringify!($negative)); })+
        }

        #[expect(non_snake_case, reason = "named after the files")]
        mod bytes {
            $(#[test] fn $signed() { super::check_bytes(stringify!($signed)); })+
        }

        #[expect(non_snake_case, reason = "named after the vectors")]
        mod signature {
            $(#[test] fn $signed() { super::check_signature(stringify!($signed)); })+
        }

        #[test]
        fn every_file_and_vector_has_its_test() {
            let (signed, unsigned) = ([$(stringify!($signed)),+], [$(stringify!($unsigned)),+]);
            let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
            assert_eq!(fixture::names("payloads"), set(&[&signed[..], &unsigned[..]].concat()));
            assert_eq!(fixture::names("negative"), set(&[$(stringify!($negative)),+]));
            assert_eq!(fixture::names("raw"), set(&signed));
            assert_eq!(fixture::vectors().into_keys().collect::<BTreeSet<_>>(), set(&signed));
        }
    };
}

fixtures! {
    signed {
        agent_bot__conversation_opened
        contact_created__api
        contact_created__email
        contact_created__facebook
        contact_created__instagram
        contact_created__line
        contact_created__sms_twilio
        contact_created__web_widget
        contact_created__whatsapp
        contact_updated__custom_attributes_echo
        contact_updated__dashboard_edit
        contact_updated__identified
        contact_updated__last_activity_noise
        conversation_created__api
        conversation_created__email
        conversation_created__facebook
        conversation_created__instagram
        conversation_created__legacy_pre_4_14_2
        conversation_created__no_messages
        conversation_created__pending_with_bot
        conversation_created__sms_twilio
        conversation_created__telegram
        conversation_created__template_message_first
        conversation_created__web_widget
        conversation_created__whatsapp
        conversation_status_changed__open
        conversation_status_changed__pending
        conversation_status_changed__resolved
        conversation_typing_off__user
        conversation_typing_on__contact
        conversation_typing_on__user
        conversation_updated__assignee
        conversation_updated__custom_attributes
        conversation_updated__first_reply
        conversation_updated__labels
        conversation_updated__status_open
        conversation_updated__status_pending
        conversation_updated__status_resolved
        inbox_created
        inbox_updated
        message_created__incoming__api
        message_created__incoming__email
        message_created__incoming__facebook
        message_created__incoming__line
        message_created__incoming__telegram
        message_created__incoming__web_widget
        message_created__incoming__whatsapp
        message_created__incoming_attachment__image
        message_created__incoming_attachment__pdf_audio_no_text
        message_created__outgoing__agent
        message_created__outgoing__agent_bot
        message_created__outgoing__automation
        message_created__private_note
        message_created__template_greeting
        message_updated__csat_submitted
        message_updated__deleted
        message_updated__status_delivered
        webwidget_triggered__new_visitor
    }
    unsigned {
        automation__conversation_created
        installation__account_created
        macro__macro_executed
    }
    negative {
        future__contact_deleted
        future__conversation_updated_performed_by
        message_created__activity__never_sent_upstream
    }
}

/// What a fixture says, beside what it said before.
#[track_caller]
fn check_reading(folder: &str, name: &str) {
    let read = fixture::read(&fixture::body(folder, name));
    let reading = match &read.reading {
        Reading::Snapshot(snapshot) => json!({
            "subject": format!("{:?}", snapshot.subject),
            "contact": snapshot.contact,
            "conversation": snapshot.conversation,
            "messages": snapshot.messages,
            "changed": snapshot.changed,
            "occurred_at": snapshot.occurred_at,
            "version": snapshot.version,
            "conversation_version": snapshot.conversation_version,
        }),
        Reading::Ignored {
            code,
            reason,
            contact,
        } => {
            json!({ "skipped": code, "reason": reason, "contact": contact })
        }
        Reading::Unreadable { reason } => panic!("{name} is unreadable: {reason}"),
    };
    let text = json!({ "event": read.name, "semantic_key": read.semantic_key, "reading": reading })
        .to_string();
    for secret in ["pubsub", "hmac", "REDACTED"] {
        assert!(!text.contains(secret), "{name} keeps `{secret}`");
    }
    let value: Value = serde_json::from_str(&text).expect("just written");
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(fixture::path("readings"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_sort_maps(true);
    settings.bind(|| insta::assert_json_snapshot!(name, value));
}

/// The bytes that Rails sends, with its escapes, say the same as the file that people read.
#[track_caller]
fn check_bytes(name: &str) {
    assert_eq!(
        fixture::read(&fixture::raw(name)),
        fixture::read(&fixture::body("payloads", name))
    );
}

/// The vector passes when it was made, and not for one byte more.
#[track_caller]
fn check_signature(name: &str) {
    let vectors = fixture::vectors();
    let vector = &vectors[name];
    let text = |pointer| {
        vector
            .pointer(pointer)
            .and_then(Value::as_str)
            .expect("a text of the vector")
    };
    let secret = SecretString::from(text("/secret"));
    let timestamp = text("/headers/X-Chatwoot-Timestamp");
    let signature = text("/headers/X-Chatwoot-Signature");
    let sent_at = Timestamp(timestamp.parse::<i64>().expect("seconds") * 1_000);
    let verify = |body: &[u8]| {
        let request = Signed {
            timestamp: Some(timestamp),
            signature: Some(signature),
            body,
        };
        verify::verify(&secret, &request, sent_at, Duration::from_secs(1))
    };

    let mut body = fixture::raw(name);
    assert_eq!(verify(&body), Ok(()));
    body.push(b'\n');
    assert_eq!(verify(&body), Err(verify::Error::Mismatch));
}
