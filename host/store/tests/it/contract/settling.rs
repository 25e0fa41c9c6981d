//! How attempts end, and what their lane does then.

use std::time::Duration;

use gladhand_core::attempt::Changes;
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::LeaseToken;
use gladhand_store::Error;
use gladhand_store::deliveries::Settlement;

use crate::bed::{Backend, Bed};
use crate::events::{Tick, contact};

const JANE: Option<&str> = Some("jane@example.com");

pub async fn a_settled_lane_goes_on_with_what_came_meanwhile(backend: Box<dyn Backend>) {
    let bed = Bed::with_hold(backend, Duration::from_secs(5)).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    bed.clock.advance(Duration::from_secs(5));
    let first = bed.claim_one().await;
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    bed.succeed(&first).await;
    assert_eq!(bed.state(first.delivery.id).await, DeliveryState::Succeeded);

    // The lane was not empty, so nothing is held.
    let second = bed.claim_one().await;
    assert_eq!(second.body, b"contact 7 at 2");
    bed.succeed(&second).await;

    // Now it was.
    bed.take(bed.contact("7", JANE, Tick(3))).await;
    assert!(bed.claim(10).await.is_empty());
}

pub async fn a_waiting_head_holds_its_lane_and_no_other(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(1)))
        .await;
    let claimed = bed.claim_one().await;
    bed.retry_after(&claimed, Duration::from_secs(30), true)
        .await;
    bed.take(bed.contact("8", JANE, Tick(1))).await;

    let claims = bed.claims(10).await;
    assert_eq!(claims.claimed.len(), 1);
    assert_eq!(claims.claimed[0].lease.contact, "8");
    assert_eq!(
        claims.next_ready,
        Some(bed.clock.now().after(Duration::from_secs(30)))
    );
    let waiting = bed.show(claimed.delivery.id).await.delivery;
    assert_eq!(waiting.state, DeliveryState::Waiting);
    assert_eq!(waiting.not_before, claims.next_ready);
    assert_eq!(
        waiting.failure.expect("what went wrong").kind,
        FailureKind::Unavailable
    );

    bed.clock.advance(Duration::from_secs(30));
    let again = bed.claim_one().await;
    assert_eq!(again.delivery.id, claimed.delivery.id);
    assert_eq!(again.delivery.attempts, 2);
}

pub async fn a_dead_head_does_not_hold_its_lane(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(1)))
        .await;
    let opened = bed.claim_one().await;
    let settlement = Settlement {
        failure: Some(Failure::new(
            FailureKind::Invalid,
            "the field `name` is too long",
        )),
        ..bed.ended(DeliveryState::Dead)
    };
    bed.settle(&opened.lease, Changes::default(), settlement)
        .await
        .expect("the lease holds");
    let dead = bed.show(opened.delivery.id).await.delivery;
    assert_eq!(
        (dead.state, dead.settled_at),
        (DeliveryState::Dead, Some(bed.clock.now()))
    );
    assert_eq!(bed.drain().await, [EventKind::MessageCreated]);
}

pub async fn a_deferral_is_no_attempt_and_is_never_superseded(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let first = bed.claim_one().await;
    assert_eq!(first.delivery.attempts, 1);
    bed.retry_after(&first, Duration::from_secs(1), false).await;
    assert_eq!(bed.show(first.delivery.id).await.delivery.attempts, 0);
    bed.take(bed.contact("7", JANE, Tick(2))).await;

    bed.clock.advance(Duration::from_secs(1));
    let again = bed.claim_one().await;
    assert_eq!(
        (again.delivery.id, again.delivery.attempts),
        (first.delivery.id, 1)
    );
    bed.succeed(&again).await;
    assert_eq!(bed.drain().await, [EventKind::ContactChanged]);
}

pub async fn a_stale_lease_settles_nothing(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let claimed = bed.claim_one().await;
    let mut stale = claimed.lease.clone();
    stale.token = LeaseToken::new(&*bed.given.ids);
    let settled = bed
        .settle(
            &stale,
            Changes::default(),
            bed.ended(DeliveryState::Succeeded),
        )
        .await;
    assert!(matches!(settled, Err(Error::LeaseLost)), "{settled:?}");
    assert_eq!(bed.state(claimed.delivery.id).await, DeliveryState::Running);

    bed.succeed(&claimed).await;
    let twice = bed
        .settle(
            &claimed.lease,
            Changes::default(),
            bed.ended(DeliveryState::Dead),
        )
        .await;
    // Whoever asks twice did not hear the first answer.
    twice.expect("it is settled");
    assert_eq!(
        bed.state(claimed.delivery.id).await,
        DeliveryState::Succeeded
    );
}

pub async fn a_head_that_is_not_due_parks_its_lane(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(5)))
        .await;
    let opened = bed.claim_one().await;
    bed.retry_after(&opened, Duration::from_mins(1), true).await;
    bed.clock.advance(Duration::from_mins(1));

    // Something that happened before comes in late, runs first and succeeds; then the head waits again.
    bed.take(bed.message("9", contact("7", JANE), Tick(1)))
        .await;
    let earlier = bed.claim_one().await;
    assert_eq!(earlier.delivery.kind, Some(EventKind::MessageCreated));
    bed.succeed(&earlier).await;
    let again = bed.claim_one().await;
    assert_eq!(again.delivery.id, opened.delivery.id);
    bed.take(bed.message("9", contact("7", JANE), Tick(2)))
        .await;
    bed.retry_after(&again, Duration::from_mins(1), true).await;
    assert!(
        bed.claim(10).await.is_empty(),
        "a waiting delivery holds its lane"
    );
    bed.clock.advance(Duration::from_mins(1));
    let late = bed.claim_one().await;
    assert_eq!(late.body, b"message of 9 at 2");
    bed.succeed(&late).await;
    assert_eq!(bed.claim_one().await.delivery.id, opened.delivery.id);
}
