//! Deliveries as they are told: what is now, and what was before.

use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::ids::ConnectionId;
use gladhand_store::deliveries::DeliveryDetail;
use uuid::Uuid;

use super::scene::records::{delivery, told, unavailable};
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
