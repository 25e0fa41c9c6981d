//! Lanes: one contact's deliveries of one connection, one at a time and in order.

use serde::{Deserialize, Serialize};

use crate::event::EventKind;
use crate::ids::DeliveryId;
use crate::outcome::closed_set;

closed_set!(
    /// What goes first where the provider does not let everything through.
    Priority {
        /// Somebody just did something.
        Live = "live",
        /// Records that exist already are brought over.
        Bulk = "bulk",
    }
);

/// A delivery that waits in a lane, as far as ordering needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub id: DeliveryId,
    /// As what it is handed over.
    pub kind: EventKind,
    /// The entity whose state it carries.
    pub entity: (String, String),
    /// It was claimed before: it may have written, so it is never superseded.
    pub was_claimed: bool,
}

/// What a claim does with a lane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LanePlan {
    /// What runs next.
    pub head: Option<DeliveryId>,
    /// What a newer state of the same entity replaces.
    pub superseded: Vec<DeliveryId>,
}

/// Chooses the head of a lane whose deliveries are given in order.
///
/// Every older state delivery of an entity gives way to its newest, whatever lies between, unless it was ever claimed.
/// Messages and transitions are never superseded.
pub fn plan(waiting: &[Waiting]) -> LanePlan {
    let is_superseded = |index: usize| {
        let delivery = &waiting[index];
        delivery.kind.is_state()
            && !delivery.was_claimed
            && waiting[index + 1..]
                .iter()
                .any(|newer| newer.kind == delivery.kind && newer.entity == delivery.entity)
    };
    let (superseded, left): (Vec<usize>, Vec<usize>) =
        (0..waiting.len()).partition(|index| is_superseded(*index));
    LanePlan {
        head: left.first().map(|index| waiting[*index].id),
        superseded: superseded
            .into_iter()
            .map(|index| waiting[index].id)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn waiting(id: u128, kind: EventKind, entity: &str, was_claimed: bool) -> Waiting {
        Waiting {
            id: DeliveryId::from_uuid(Uuid::from_u128(id)),
            kind,
            entity: ("contact".into(), entity.into()),
            was_claimed,
        }
    }

    #[track_caller]
    fn check(lane: &[Waiting], head: u128, superseded: &[u128]) {
        let plan = plan(lane);
        assert_eq!(
            plan.head,
            Some(DeliveryId::from_uuid(Uuid::from_u128(head)))
        );
        let superseded: Vec<_> = superseded
            .iter()
            .map(|id| DeliveryId::from_uuid(Uuid::from_u128(*id)))
            .collect();
        assert_eq!(plan.superseded, superseded);
    }

    #[test]
    fn an_older_state_gives_way_to_the_newest_whatever_lies_between() {
        use EventKind::{ContactChanged, MessageCreated};
        check(
            &[
                waiting(1, ContactChanged, "7", false),
                waiting(2, MessageCreated, "7", false),
                waiting(3, ContactChanged, "7", false),
            ],
            2,
            &[1],
        );
    }

    #[test]
    fn a_claimed_state_is_never_superseded() {
        use EventKind::ContactChanged;
        check(
            &[
                waiting(1, ContactChanged, "7", true),
                waiting(2, ContactChanged, "7", false),
            ],
            1,
            &[],
        );
    }

    #[test]
    fn another_entity_supersedes_nothing() {
        use EventKind::ContactChanged;
        check(
            &[
                waiting(1, ContactChanged, "7", false),
                waiting(2, ContactChanged, "8", false),
            ],
            1,
            &[],
        );
    }

    #[test]
    fn transitions_and_messages_are_never_superseded() {
        use EventKind::{ConversationResolved, MessageCreated};
        check(
            &[
                waiting(1, ConversationResolved, "7", false),
                waiting(2, ConversationResolved, "7", false),
            ],
            1,
            &[],
        );
        check(
            &[
                waiting(1, MessageCreated, "7", false),
                waiting(2, MessageCreated, "7", false),
            ],
            1,
            &[],
        );
    }
}
