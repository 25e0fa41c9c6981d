//! One rule of `advance` each, on the shortest sequence of events that shows it.

use uuid::Uuid;

use super::sample::{answered, by, contact, conversation, message};
use super::*;
use EventKind::{
    ContactChanged, ConversationChanged, ConversationFirstResponse, ConversationOpened,
    ConversationReopened, ConversationResolved, MessageChanged, MessageCreated,
};

/// Plays the events in order and compares what each of them meant.
#[track_caller]
fn check(events: &[(Snapshot, &[EventKind])]) -> Rows {
    let mut rows = Rows::default();
    for (number, (snapshot, expected)) in events.iter().enumerate() {
        let advance = play(number, snapshot, &mut rows);
        assert_eq!(advance.kinds, *expected, "event {number}");
    }
    rows
}

fn play(number: usize, snapshot: &Snapshot, rows: &mut Rows) -> Advance {
    let source = SourceId::from_uuid(Uuid::from_u128(1));
    let event = EventId::from_uuid(Uuid::from_u128(number as u128));
    advance(source, event, snapshot, rows)
}

#[test]
fn whatever_makes_the_row_opens_the_conversation() {
    check(&[(conversation(1, "open"), &[ConversationOpened])]);
    check(&[(message(1, "open"), &[ConversationOpened, MessageCreated])]);
}

#[test]
fn a_row_that_was_only_made_to_be_locked_is_not_yet_opened() {
    let mut rows = Rows::default();
    let source = SourceId::from_uuid(Uuid::from_u128(1));
    row(&mut rows.contact, source, EntityKind::Contact, "7");
    row(
        &mut rows.conversation,
        source,
        EntityKind::Conversation,
        "53",
    );
    let advance = play(
        0,
        &by(conversation(1, "open"), Some("jane@globex.example")),
        &mut rows,
    );
    assert_eq!(advance.kinds, [ConversationOpened]);
    assert!(!advance.gained_identity);
}

#[test]
fn the_twin_of_a_change_means_nothing() {
    check(&[
        (conversation(1, "open"), &[ConversationOpened]),
        (conversation(2, "resolved"), &[ConversationResolved]),
        (conversation(2, "resolved"), &[]),
    ]);
}

#[test]
fn one_event_may_mean_several_transitions() {
    check(&[
        (conversation(1, "open"), &[ConversationOpened]),
        (
            answered(conversation(2, "resolved")),
            &[ConversationFirstResponse, ConversationResolved],
        ),
    ]);
}

#[test]
fn a_conversation_that_arrives_resolved_was_opened_answered_and_resolved() {
    check(&[(
        answered(conversation(9, "resolved")),
        &[
            ConversationOpened,
            ConversationFirstResponse,
            ConversationResolved,
        ],
    )]);
}

#[test]
fn a_resolved_conversation_that_is_anything_else_is_reopened() {
    for status in ["open", "pending", "snoozed"] {
        check(&[
            (
                conversation(1, "resolved"),
                &[ConversationOpened, ConversationResolved],
            ),
            (conversation(2, status), &[ConversationReopened]),
        ]);
    }
}

#[test]
fn a_first_response_happens_once() {
    check(&[
        (conversation(1, "open"), &[ConversationOpened]),
        (
            answered(conversation(2, "open")),
            &[ConversationFirstResponse],
        ),
        (conversation(3, "open"), &[ConversationChanged]),
        (answered(conversation(4, "open")), &[ConversationChanged]),
    ]);
}

#[test]
fn an_event_older_than_the_row_changes_nothing() {
    let mut rows = check(&[(
        conversation(5, "resolved"),
        &[ConversationOpened, ConversationResolved],
    )]);
    let advance = play(1, &conversation(4, "open"), &mut rows);
    assert!(advance.is_stale);
    assert_eq!(advance.kinds, []);
    let row = rows.conversation.expect("it was opened");
    assert_eq!(
        (row.version, row.status.as_deref()),
        (Some(5), Some("resolved"))
    );
}

#[test]
fn a_message_is_told_however_late_and_its_old_conversation_is_not() {
    let mut rows = check(&[(
        conversation(5, "resolved"),
        &[ConversationOpened, ConversationResolved],
    )]);
    let advance = play(1, &message(4, "open"), &mut rows);
    assert!(!advance.is_stale);
    assert_eq!(advance.kinds, [MessageCreated]);
}

#[test]
fn a_state_first_seen_inside_a_message_is_told_once() {
    check(&[
        (conversation(1, "open"), &[ConversationOpened]),
        (message(2, "open"), &[ConversationChanged, MessageCreated]),
        (conversation(2, "open"), &[]),
    ]);
}

#[test]
fn an_edited_message_is_a_change_of_the_message() {
    let edited = Snapshot {
        subject: Subject::Message { created: false },
        ..message(1, "open")
    };
    check(&[
        (message(1, "open"), &[ConversationOpened, MessageCreated]),
        (edited, &[MessageChanged]),
    ]);
}

#[test]
fn states_without_a_version_are_taken_as_they_arrive() {
    let unversioned = |status| Snapshot {
        conversation_version: None,
        ..conversation(0, status)
    };
    check(&[
        (unversioned("open"), &[ConversationOpened]),
        (unversioned("open"), &[ConversationChanged]),
        (unversioned("resolved"), &[ConversationResolved]),
    ]);
}

#[test]
fn a_contacts_creation_is_old_news_once_a_change_is_known() {
    let mut rows = check(&[(
        contact(Some(5), Some("jane@globex.example")),
        &[ContactChanged],
    )]);
    let advance = play(1, &contact(None, None), &mut rows);
    assert!(advance.is_stale);
    let row = rows.contact.expect("it was changed");
    assert_eq!(row.identities, ["email:jane@globex.example"]);
}

#[test]
fn an_embedded_contact_may_create_and_never_update() {
    let rows = check(&[
        (
            by(conversation(1, "open"), Some("jane@globex.example")),
            &[ConversationOpened],
        ),
        (
            by(conversation(2, "open"), Some("old@globex.example")),
            &[ConversationChanged],
        ),
    ]);
    let row = rows.contact.expect("the conversation made it");
    assert_eq!(row.identities, ["email:jane@globex.example"]);
    assert_eq!((row.version, row.newest_event), (None, None));
}

#[test]
fn a_creation_that_arrives_late_takes_no_identity_away() {
    let rows = check(&[
        (
            by(message(1, "open"), Some("jane@globex.example")),
            &[ConversationOpened, MessageCreated],
        ),
        (contact(None, None), &[ContactChanged]),
    ]);
    let row = rows.contact.expect("the message made it");
    assert_eq!(row.identities, ["email:jane@globex.example"]);
}

#[test]
fn a_change_of_the_contact_replaces_its_identities() {
    let mut rows = check(&[(
        contact(Some(1), Some("jane@globex.example")),
        &[ContactChanged],
    )]);
    play(1, &contact(Some(2), None), &mut rows);
    assert!(rows.contact.expect("it was created").identities.is_empty());
}

#[test]
fn an_identity_that_comes_late_is_noticed_once() {
    let mut rows = check(&[(conversation(1, "open"), &[ConversationOpened])]);
    let identified = contact(Some(2), Some("jane@globex.example"));
    assert!(play(1, &identified, &mut rows).gained_identity);
    assert!(!play(2, &identified, &mut rows).gained_identity);
}

#[test]
fn a_contact_that_is_new_and_known_by_name_gained_nothing() {
    let mut rows = Rows::default();
    let identified = contact(None, Some("jane@globex.example"));
    assert!(!play(0, &identified, &mut rows).gained_identity);
}

#[test]
fn an_inbox_is_noticed_even_in_an_old_event() {
    let mut rows = check(&[(conversation(5, "open"), &[ConversationOpened])]);
    let mut elsewhere = conversation(4, "open");
    if let Some(conversation) = &mut elsewhere.conversation {
        conversation.inbox_id = "14".into();
    }
    let advance = play(1, &elsewhere, &mut rows);
    assert!(advance.is_stale && advance.gained_inbox);
    assert_eq!(rows.contact.expect("it was named").inboxes.len(), 2);
}

#[test]
fn a_conversation_follows_its_contact_into_a_merge() {
    let mut merged = conversation(2, "open");
    merged.contact = Some(Contact {
        id: "8".into(),
        ..Contact::default()
    });
    let mut rows = check(&[(conversation(1, "open"), &[ConversationOpened])]);
    rows.contact = None;
    play(1, &merged, &mut rows);
    let row = rows.conversation.expect("it was opened");
    assert_eq!(row.contact.as_deref(), Some("8"));
}
