//! Deliveries as they are told: what is now, and what was before.

use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::ids::ConnectionId;
use gladhand_store::deliveries::DeliveryDetail;
use uuid::Uuid;

use super::scene::records::{ago, delivery, told, unavailable};
use crate::admin::explain::ExplainedDelivery;
use crate::admin::{ConnectionNote, ShownAttempt};
use crate::cli::story::of_delivery;

fn story(detail: DeliveryDetail) -> String {
    let connection = ConnectionNote {
        name: "main".to_owned(),
        paused_because: None,
    };
    let attempts = detail.attempts.into_iter();
    let attempts = attempts.map(|record| ShownAttempt::of(record, &[]));
    let (attempts, effects) = (attempts.collect(), detail.effects);
    of_delivery(&ExplainedDelivery::of(
        detail.delivery,
        &connection,
        None,
        attempts,
        effects,
    ))
}

fn connection() -> ConnectionId {
    ConnectionId::from_uuid(Uuid::nil())
}

#[test]
fn what_went_wrong_before_is_not_told_of_what_runs() {
    let running = Delivery {
        failure: Some(unavailable()),
        ..delivery(6, connection(), DeliveryState::Running)
    };
    let story = story(told(running));
    let line =
        "  runs at this moment; its last attempt ended with unavailable: the CRM answers 503\n";
    assert!(story.contains(line), "{story}");
}

#[test]
fn attempts_are_counted_on_where_a_delivery_was_queued_again() {
    let mut detail = told(Delivery {
        queued_at: ago(57),
        ..delivery(1, connection(), DeliveryState::Succeeded)
    });
    detail.attempts[1].number = 1;
    let story = story(detail);
    let places = [
        "attempt 1, ",
        "  was queued again at 2026-11-20 11:03:00\n",
        "attempt 2, ",
    ];
    let places = places.map(|told| story.find(told));
    assert!(places.is_sorted() && !places.contains(&None), "{story}");
}

#[test]
fn a_sync_is_told_as_what_an_operator_asked_for() {
    let sync = Delivery {
        is_sync: true,
        ..delivery(1, connection(), DeliveryState::Pending)
    };
    let story = story(told(sync));
    let line = "an operator asked for a sync, on what contact_updated had said before\n";
    assert!(
        story.contains(line) && !story.contains("came in"),
        "{story}"
    );
}
