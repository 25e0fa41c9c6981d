//! Chatwoot's real sequences, read and compared with what was known: one change, one transition.

use gladhand_core::entity::{Rows, advance};
use gladhand_core::event::EventKind::{
    self, ConversationChanged, ConversationFirstResponse, ConversationOpened, ConversationReopened,
    ConversationResolved, MessageChanged, MessageCreated,
};
use gladhand_core::ids::{EventId, SourceId};
use uuid::Uuid;

use crate::fixture::{body, snapshot};

/// Plays fixtures of one conversation and compares what each of them meant.
#[track_caller]
fn check(events: &[(&str, &[EventKind])]) {
    let id = Uuid::from_u128(1);
    let mut rows = Rows::default();
    for (name, expected) in events {
        let snapshot = snapshot(&body("payloads", name));
        let advance = advance(
            SourceId::from_uuid(id),
            EventId::from_uuid(id),
            &snapshot,
            &mut rows,
        );
        assert_eq!(advance.kinds, *expected, "{name}");
    }
}

#[test]
fn a_conversation_runs_its_course_once() {
    check(&[
        ("conversation_created__whatsapp", &[ConversationOpened]),
        ("message_created__incoming__whatsapp", &[MessageCreated]),
        (
            "message_created__outgoing__agent",
            &[ConversationFirstResponse, MessageCreated],
        ),
        ("conversation_updated__first_reply", &[]),
        ("conversation_updated__assignee", &[ConversationChanged]),
        ("conversation_updated__labels", &[ConversationChanged]),
        (
            "conversation_status_changed__resolved",
            &[ConversationResolved],
        ),
        ("conversation_updated__status_resolved", &[]),
        ("conversation_status_changed__open", &[ConversationReopened]),
        ("conversation_updated__status_open", &[]),
    ]);
}

#[test]
fn it_makes_no_difference_which_twin_comes_first() {
    check(&[
        ("conversation_created__whatsapp", &[ConversationOpened]),
        (
            "conversation_updated__status_resolved",
            &[ConversationFirstResponse, ConversationResolved],
        ),
        ("conversation_status_changed__resolved", &[]),
    ]);
}

#[test]
fn a_message_that_comes_first_opens_its_conversation() {
    check(&[
        (
            "message_created__incoming__whatsapp",
            &[ConversationOpened, MessageCreated],
        ),
        ("conversation_created__whatsapp", &[]),
    ]);
}

#[test]
fn a_conversation_first_seen_resolved_has_run_its_course() {
    check(&[
        (
            "conversation_status_changed__resolved",
            &[
                ConversationOpened,
                ConversationFirstResponse,
                ConversationResolved,
            ],
        ),
        ("conversation_created__whatsapp", &[]),
        ("message_created__incoming__whatsapp", &[MessageCreated]),
    ]);
}

#[test]
fn what_bots_macros_and_automations_are_told_doubles_nothing() {
    check(&[
        ("conversation_created__whatsapp", &[ConversationOpened]),
        ("automation__conversation_created", &[]),
        (
            "conversation_updated__first_reply",
            &[ConversationFirstResponse],
        ),
        ("agent_bot__conversation_opened", &[]),
        ("macro__macro_executed", &[]),
    ]);
}

#[test]
fn a_macro_that_comes_first_loses_nothing() {
    check(&[
        ("conversation_created__whatsapp", &[ConversationOpened]),
        ("macro__macro_executed", &[ConversationFirstResponse]),
        ("conversation_updated__first_reply", &[]),
    ]);
}

#[test]
fn an_answered_survey_changes_its_message() {
    check(&[
        (
            "conversation_updated__first_reply",
            &[ConversationOpened, ConversationFirstResponse],
        ),
        ("message_updated__csat_submitted", &[MessageChanged]),
    ]);
}
