//! Contacts that become known later: what was skipped comes back, in order, and is told who the contact is.

use std::time::Duration;

use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::ids::ConnectionId;
use gladhand_store::deliveries::ClaimRequest;
use gladhand_store::retention::Keep;

use crate::bed::{Backend, Bed};
use crate::events::{Tick, contact};

const JANE: Option<&str> = Some("jane@example.com");

/// A nameless visitor's conversation, tried and skipped.
async fn skipped_conversation(bed: &Bed) {
    bed.take(bed.message("9", contact("7", None), Tick(1)))
        .await;
    for _ in 0..2 {
        let claimed = bed.claim_one().await;
        bed.skip_unidentified(&claimed).await;
        assert_eq!(bed.state(claimed.delivery.id).await, DeliveryState::Skipped);
    }
    assert!(bed.claim(10).await.is_empty());
}

pub async fn what_lacked_an_identity_comes_back_behind_what_waits_and_in_order(
    backend: Box<dyn Backend>,
) {
    let bed = Bed::new(backend).await;
    skipped_conversation(&bed).await;
    bed.take(bed.contact("7", JANE, Tick(9))).await;
    let expect = [
        EventKind::ContactChanged,
        EventKind::ConversationOpened,
        EventKind::MessageCreated,
    ];
    assert_eq!(bed.drain().await, expect);
}

pub async fn what_comes_later_stays_behind_what_came_back(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    skipped_conversation(&bed).await;
    bed.take(bed.contact("7", JANE, Tick(9))).await;
    bed.take(bed.conversation("9", contact("7", JANE), "resolved", Tick(10)))
        .await;
    let expect = [
        EventKind::ContactChanged,
        EventKind::ConversationOpened,
        EventKind::MessageCreated,
        EventKind::ConversationResolved,
    ];
    assert_eq!(bed.drain().await, expect);
}

pub async fn a_contact_that_became_known_during_the_attempt_is_tried_again(
    backend: Box<dyn Backend>,
) {
    let bed = Bed::new(backend).await;
    bed.take(bed.conversation("9", contact("7", None), "open", Tick(1)))
        .await;
    let claimed = bed.claim_one().await;
    assert!(claimed.contact_body.is_none());
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    bed.skip_unidentified(&claimed).await;
    assert_eq!(bed.state(claimed.delivery.id).await, DeliveryState::Pending);

    let known = bed.claim_one().await;
    assert_eq!(known.delivery.kind, Some(EventKind::ContactChanged));
    bed.succeed(&known).await;
    let again = bed.claim_one().await;
    assert_eq!(again.delivery.id, claimed.delivery.id);
    assert_eq!(again.contact_body.as_deref(), Some(&b"contact 7 at 2"[..]));
    // This time the connector knew: what it says counts.
    bed.skip_unidentified(&again).await;
    assert_eq!(bed.state(claimed.delivery.id).await, DeliveryState::Skipped);
    assert!(bed.claim(10).await.is_empty());
}

pub async fn a_contact_that_stays_unknown_is_not_tried_again(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    skipped_conversation(&bed).await;
    bed.take(bed.contact("7", None, Tick(9))).await;
    assert_eq!(bed.drain().await, [EventKind::ContactChanged]);
}

pub async fn what_waited_is_told_who_the_contact_is(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    // Waits in the lane without ever having run, and its own event does not say who it is.
    bed.take(bed.message("9", contact("7", None), Tick(1)))
        .await;
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    bed.take(bed.contact("7", Some("jane@example.org"), Tick(3)))
        .await;
    let claimed = bed.claim_one().await;
    assert_eq!(claimed.body, b"message of 9 at 1");
    assert_eq!(
        claimed.contact_body.as_deref(),
        Some(&b"contact 7 at 3"[..])
    );
}

pub async fn many_come_back_in_bounded_batches(backend: Box<dyn Backend>) {
    const MESSAGES: usize = 450;
    let bed = Bed::new(backend).await;
    let mut tasks = tokio::task::JoinSet::new();
    for tick in 1..=MESSAGES {
        let tick = Tick(i64::try_from(tick).expect("small"));
        let event = bed.message("9", contact("7", None), tick);
        let store = std::sync::Arc::clone(&bed.store);
        tasks.spawn(async move { store.take(event).await.expect("an event is taken") });
    }
    tasks.join_all().await;
    while let Some(claimed) = bed.claim(1).await.first() {
        bed.skip_unidentified(claimed).await;
    }
    bed.take(bed.contact("7", JANE, Tick(9_000))).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(9_001)))
        .await;

    let first = bed.claim_one().await;
    assert_eq!(first.delivery.kind, Some(EventKind::ContactChanged));
    let counts = bed.store.counts().await.expect("a read").by_state;
    let pending = counts
        .iter()
        .find(|(state, _)| *state == DeliveryState::Pending);
    // One batch of 200 and the message of later.
    assert_eq!(pending.map(|(_, number)| *number), Some(201));
    bed.succeed(&first).await;

    let mut bodies = Vec::new();
    while let Some(claimed) = bed.claim(1).await.first() {
        if claimed.delivery.kind == Some(EventKind::MessageCreated) {
            bodies.push(String::from_utf8(claimed.body.clone()).expect("text"));
        }
        bed.succeed(claimed).await;
    }
    let expect: Vec<String> = (1..=MESSAGES)
        .chain([9_001])
        .map(|tick| format!("message of 9 at {tick}"))
        .collect();
    assert_eq!(bodies, expect);
}

pub async fn what_is_older_than_thirty_days_stays_skipped(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    skipped_conversation(&bed).await;
    bed.clock.advance(Duration::from_hours(31 * 24));
    bed.take(bed.contact("7", JANE, Tick(9))).await;
    assert_eq!(bed.drain().await, [EventKind::ContactChanged]);
}

pub async fn a_lane_that_is_marked_while_its_last_delivery_runs_is_not_empty(
    backend: Box<dyn Backend>,
) {
    let bed = Bed::new(backend).await;
    let second = ConnectionId::new(&*bed.given.ids);
    bed.add_connection(second, "second").await;
    bed.take(bed.message("9", contact("7", None), Tick(1)))
        .await;
    while let Some(claimed) = bed.claim(1).await.first() {
        bed.skip_unidentified(claimed).await;
    }
    bed.take(bed.contact("7", None, Tick(2))).await;
    let of_second = || {
        bed.store.claim(ClaimRequest {
            connections: vec![bed.wanted(second, 1)],
            ..bed.request(1)
        })
    };
    let last = of_second().await.expect("a claim").claimed.remove(0);
    assert_eq!(last.delivery.kind, Some(EventKind::ContactChanged));
    // What brings the address is delivered to the first connection alone.
    bed.forget_connection(second);
    bed.take(bed.contact("7", JANE, Tick(3))).await;
    bed.succeed(&last).await;
    bed.clock.advance(Duration::from_hours(2));
    bed.sweep(&Keep::STANDARD, 100).await;

    let mut kinds = Vec::new();
    while let Some(claimed) = of_second().await.expect("a claim").claimed.first() {
        kinds.extend(claimed.delivery.kind);
        bed.succeed(claimed).await;
    }
    let expect = [EventKind::ConversationOpened, EventKind::MessageCreated];
    assert_eq!(kinds, expect);
}
