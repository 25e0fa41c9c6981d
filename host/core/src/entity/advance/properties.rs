//! What holds whatever the order and however often a conversation's or a contact's webhooks arrive.
//!
//! A history is a list of true states. A webhook tells any one of them; what arrives is any shuffle of webhooks with
//! repetitions, as a source without order, sequence or retry sends them.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const STATUSES: [&str; 4] = ["open", "pending", "snoozed", "resolved"];

/// One true state of a conversation.
#[derive(Debug, Clone)]
struct State {
    status: &'static str,
    is_answered: bool,
}

/// A webhook: which state it tells, and whether as a message's conversation.
type Webhook = (usize, bool);

fn histories() -> impl Strategy<Value = Vec<State>> {
    (
        prop::collection::vec(prop::sample::select(&STATUSES[..]), 1..8),
        0_usize..10,
    )
        .prop_map(|(statuses, answered_from)| {
            let state = |(index, status)| State {
                status,
                is_answered: index >= answered_from,
            };
            statuses.into_iter().enumerate().map(state).collect()
        })
}

/// A history, and arrivals that tell each of its states at least once, in any order.
fn arrivals() -> impl Strategy<Value = (Vec<State>, Vec<Webhook>)> {
    histories().prop_flat_map(|history| {
        let states = history.len();
        let repeats = prop::collection::vec((0..states, any::<bool>()), 0..12);
        let forms = prop::collection::vec(any::<bool>(), states);
        let webhooks = (forms, repeats)
            .prop_map(|(forms, repeats)| {
                let each = forms.into_iter().enumerate();
                each.chain(repeats).collect::<Vec<Webhook>>()
            })
            .prop_shuffle();
        (Just(history), webhooks)
    })
}

fn snapshot(history: &[State], (index, is_message): Webhook) -> Snapshot {
    let state = &history[index];
    let tell = if is_message {
        sample::message
    } else {
        sample::conversation
    };
    let snapshot = tell(version(index), state.status);
    if state.is_answered {
        sample::answered(snapshot)
    } else {
        snapshot
    }
}

fn version(index: usize) -> i64 {
    i64::try_from(index).expect("a short history")
}

/// What each webhook meant, and the row that is left.
fn play(history: &[State], webhooks: &[Webhook]) -> (Vec<Vec<EventKind>>, EntityRow) {
    let mut rows = Rows::default();
    let meant = webhooks
        .iter()
        .map(|webhook| take(&snapshot(history, *webhook), &mut rows).kinds)
        .collect();
    (meant, rows.conversation.expect("at least one webhook"))
}

fn take(snapshot: &Snapshot, rows: &mut Rows) -> Advance {
    let id = Uuid::from_u128(1);
    advance(
        SourceId::from_uuid(id),
        EventId::from_uuid(id),
        snapshot,
        rows,
    )
}

fn count(meant: &[Vec<EventKind>], kind: EventKind) -> usize {
    meant.iter().flatten().filter(|own| **own == kind).count()
}

fn in_order(history: &[State]) -> Vec<Webhook> {
    (0..history.len()).map(|index| (index, false)).collect()
}

const TRANSITIONS: [EventKind; 4] = [
    EventKind::ConversationOpened,
    EventKind::ConversationFirstResponse,
    EventKind::ConversationResolved,
    EventKind::ConversationReopened,
];

proptest! {
    #[test]
    fn no_order_of_arrival_invents_a_transition((history, webhooks) in arrivals()) {
        let (truth, _) = play(&history, &in_order(&history));
        let (meant, _) = play(&history, &webhooks);
        for kind in TRANSITIONS {
            prop_assert!(count(&meant, kind) <= count(&truth, kind), "{:?} in {:?}", kind, meant);
        }
    }

    #[test]
    fn any_order_of_arrival_ends_in_the_newest_state((history, webhooks) in arrivals()) {
        let newest = history.last().expect("not empty");
        let (meant, row) = play(&history, &webhooks);
        prop_assert_eq!(row.version, Some(version(history.len() - 1)));
        prop_assert_eq!(row.status.as_deref(), Some(newest.status));

        prop_assert_eq!(count(&meant, EventKind::ConversationOpened), 1);
        let responses = count(&meant, EventKind::ConversationFirstResponse);
        prop_assert_eq!(responses, usize::from(newest.is_answered));
        let resolved = count(&meant, EventKind::ConversationResolved);
        let reopened = count(&meant, EventKind::ConversationReopened);
        prop_assert_eq!(resolved, reopened + usize::from(newest.status == "resolved"));
    }

    #[test]
    fn the_newest_state_is_always_handed_over((history, webhooks) in arrivals()) {
        let newest = history.len() - 1;
        let first = webhooks.iter().position(|(index, _)| *index == newest).expect("each is told");
        let (meant, _) = play(&history, &webhooks);
        let is_of_conversation = |kind: &EventKind| *kind != EventKind::MessageCreated;
        prop_assert!(meant[first].iter().any(is_of_conversation));
        prop_assert!(!meant[first + 1..].iter().flatten().any(is_of_conversation));
    }

    #[test]
    fn every_message_is_handed_over((history, webhooks) in arrivals()) {
        let (meant, _) = play(&history, &webhooks);
        let messages = webhooks.iter().filter(|(_, is_message)| *is_message).count();
        prop_assert_eq!(count(&meant, EventKind::MessageCreated), messages);
    }

    #[test]
    fn kinds_come_in_the_documented_order((history, webhooks) in arrivals()) {
        let (meant, _) = play(&history, &webhooks);
        for kinds in meant {
            prop_assert!(kinds.is_sorted(), "{:?}", kinds);
        }
    }

    #[test]
    fn a_contact_ends_with_the_identities_of_its_newest_change(
        emails in prop::collection::vec(prop::option::of("[a-z]{1,6}@globex\\.example"), 1..6),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let all = 0..emails.len();
        let mut rows = Rows::default();
        for index in order.iter().map(|index| index.index(emails.len())).chain(all) {
            take(&sample::contact(Some(version(index)), emails[index].as_deref()), &mut rows);
        }
        take(&sample::contact(None, None), &mut rows);

        let row = rows.contact.expect("at least one event");
        let newest = sample::contact(None, emails.last().expect("not empty").as_deref());
        let expected = newest.contact.expect("it is about a contact").identities();
        prop_assert_eq!(row.version, Some(version(emails.len() - 1)));
        prop_assert_eq!(row.identities, expected);
    }
}
