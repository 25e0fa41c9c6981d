//! What runs again, and what the deliveries behind it are told of those that went before.

use std::time::Duration;

use gladhand_core::attempt::{Changes, Unsettled};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::failure::FailureKind;
use gladhand_core::ids::DeliveryId;
use gladhand_store::deliveries::Settlement;
use gladhand_store::queue::Asked;
use gladhand_store::retention::Keep;

use super::queue::done;
use crate::bed::{Backend, Bed};
use crate::events::{Tick, contact};

const JANE: Option<&str> = Some("jane@example.com");

pub async fn a_dead_letter_runs_again_on_the_newest_state(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let first = bed.claim_one().await;
    bed.die(&first, FailureKind::Invalid, false).await;
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    let second = bed.claim_one().await;
    bed.succeed(&second).await;

    let again = done(bed.retry(first.delivery.id).await);
    assert_eq!(again.state, DeliveryState::Pending);
    assert_eq!(
        (again.attempts, again.failure, again.settled_at),
        (0, None, None)
    );
    let claimed = bed.claim_one().await;
    assert_eq!(claimed.delivery.id, first.delivery.id);
    assert_eq!(
        claimed.body, b"contact 7 at 2",
        "old state is never written over new"
    );
    bed.succeed(&claimed).await;
    let unknown = DeliveryId::new(&*bed.given.ids);
    assert_eq!(bed.retry(unknown).await, Asked::Unknown);
}

pub async fn a_retried_transition_knows_that_a_later_one_succeeded(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(1)))
        .await;
    let opened = bed.claim_one().await;
    bed.die(&opened, FailureKind::Invalid, false).await;
    bed.succeed(&bed.claim_one().await).await;
    done(bed.retry(opened.delivery.id).await);
    let again = bed.claim_one().await;
    assert!(
        !again.is_overtaken,
        "a message makes no transition wrong: {again:?}"
    );
    bed.die(&again, FailureKind::Invalid, false).await;

    let resolved = bed.conversation("9", contact("7", JANE), "resolved", Tick(2));
    bed.take(resolved).await;
    bed.succeed(&bed.claim_one().await).await;
    done(bed.retry(opened.delivery.id).await);
    assert!(bed.claim_one().await.is_overtaken);
}

pub async fn a_transition_of_the_same_moment_is_later_by_its_arrival(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.conversation("9", contact("7", JANE), "open", Tick(1)))
        .await;
    let opened = bed.claim_one().await;
    assert_eq!(opened.delivery.kind, Some(EventKind::ConversationOpened));
    bed.die(&opened, FailureKind::Invalid, false).await;
    let resolved = bed.conversation("9", contact("7", JANE), "resolved", Tick(1));
    bed.take(resolved).await;
    let resolved = bed.claim_one().await;
    assert_eq!(
        resolved.delivery.kind,
        Some(EventKind::ConversationResolved)
    );
    bed.succeed(&resolved).await;
    done(bed.retry(opened.delivery.id).await);
    assert!(bed.claim_one().await.is_overtaken);
}

pub async fn what_is_left_on_its_way_is_told_until_it_has_arrived(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    for tick in 1..=4 {
        bed.take(bed.message("9", contact("7", JANE), Tick(tick)))
            .await;
    }
    let first = bed.claim_one().await;
    assert_eq!(first.unsettled, []);
    let left = Unsettled {
        delivery: first.delivery.id,
        since: bed.clock.now(),
    };
    let settlement = Settlement {
        unsettled: Some(left),
        ..bed.ended(DeliveryState::Dead)
    };
    bed.settle(&first.lease, Changes::default(), settlement)
        .await
        .expect("the lease holds");
    let second = bed.claim_one().await;
    assert_eq!(second.unsettled, [left]);
    bed.succeed(&second).await;
    assert_eq!(bed.claim_one().await.unsettled, []);
}

pub async fn who_skips_what_has_sent_leaves_word_of_it(backend: Box<dyn Backend>) {
    let mut bed = Bed::new(backend).await;
    for tick in 1..=2 {
        bed.take(bed.message("9", contact("7", JANE), Tick(tick)))
            .await;
    }
    let first = bed.claim_one().await;
    bed.crash().await;
    let asked = bed
        .store
        .skip(first.delivery.id, "not wanted", bed.clock.now())
        .await;
    done(asked.expect("an answer"));
    let second = bed.claim_one().await;
    assert_ne!(second.delivery.id, first.delivery.id);
    let left: Vec<DeliveryId> = second.unsettled.iter().map(|left| left.delivery).collect();
    assert_eq!(left, [first.delivery.id]);
}

pub async fn a_dead_letter_keeps_its_place_though_its_lane_was_removed_meanwhile(
    backend: Box<dyn Backend>,
) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", None), Tick(1)))
        .await;
    while let Some(claimed) = bed.claim(1).await.first() {
        bed.skip_unidentified(claimed).await;
    }
    // What waited for the address comes back in a later turn of the lane.
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    let mut dead = None;
    while let Some(claimed) = bed.claim(1).await.first() {
        if claimed.delivery.kind == Some(EventKind::MessageCreated) {
            bed.die(claimed, FailureKind::Invalid, false).await;
            dead = Some(claimed.delivery.id);
        } else {
            bed.succeed(claimed).await;
        }
    }
    bed.clock.advance(Duration::from_hours(2));
    bed.sweep(&Keep::STANDARD, 100).await;

    bed.take(bed.message("9", contact("7", JANE), Tick(5)))
        .await;
    let dead = dead.expect("the message came back");
    done(bed.retry(dead).await);
    assert_eq!(bed.claim_one().await.delivery.id, dead);
}
