//! Which lane is claimed when, and what runs next in it.

use std::time::Duration;

use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::ids::ConnectionId;
use gladhand_store::deliveries::{ClaimRequest, DeliveryFilter};

use crate::bed::{Backend, Bed, LEASE, START};
use crate::events::{Tick, contact};

const JANE: Option<&str> = Some("jane@example.com");

pub async fn a_lane_that_was_empty_is_held_and_others_keep_their_time(backend: Box<dyn Backend>) {
    let hold = Duration::from_millis(500);
    let bed = Bed::with_hold(backend, hold).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    bed.clock.advance(Duration::from_millis(300));
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    bed.take(bed.contact("8", None, Tick(2))).await;

    let claims = bed.claims(10).await;
    assert!(claims.claimed.is_empty());
    assert_eq!(claims.next_ready, Some(START.after(hold)));

    bed.clock.advance(Duration::from_millis(200));
    let claims = bed.claims(10).await;
    let lanes: Vec<_> = claims
        .claimed
        .iter()
        .map(|claimed| claimed.lease.contact.as_str())
        .collect();
    assert_eq!(lanes, ["7"]);
    assert_eq!(
        claims.next_ready,
        Some(START.after(Duration::from_millis(800)))
    );
}

pub async fn a_lane_runs_one_at_a_time_in_the_order_in_which_things_happened(
    backend: Box<dyn Backend>,
) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(5)))
        .await;
    bed.take(bed.message("9", contact("7", JANE), Tick(3)))
        .await;
    bed.take(bed.message("9", contact("7", JANE), Tick(4)))
        .await;

    let mut bodies = Vec::new();
    for _ in 0..4 {
        let claimed = bed.claim_one().await;
        assert!(bed.claim(10).await.is_empty(), "the lane is leased");
        bodies.push(String::from_utf8(claimed.body.clone()).expect("text"));
        bed.succeed(&claimed).await;
    }
    let expect = [
        "message of 9 at 3",
        "message of 9 at 4",
        "message of 9 at 5",
        "message of 9 at 5",
    ];
    // The first message to arrive opened the conversation, and both of its deliveries happened at its time.
    assert_eq!(bodies, expect);
    assert!(bed.claim(10).await.is_empty());
}

pub async fn lanes_of_two_contacts_run_side_by_side(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    bed.take(bed.contact("8", None, Tick(1))).await;
    assert_eq!(bed.claim(10).await.len(), 2);
}

pub async fn a_newer_state_replaces_an_older_one_that_never_ran(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    for tick in 1..=3 {
        bed.take(bed.contact("7", JANE, Tick(tick))).await;
    }
    let claimed = bed.claim_one().await;
    assert_eq!(claimed.body, b"contact 7 at 3");
    bed.succeed(&claimed).await;
    assert!(bed.claim(10).await.is_empty());
    let superseded = DeliveryFilter {
        state: Some(DeliveryState::Superseded),
        limit: 10,
        ..DeliveryFilter::default()
    };
    assert_eq!(bed.store.list(superseded).await.expect("a read").len(), 2);
}

pub async fn a_state_runs_on_the_newest_body(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let claimed = bed.claim_one().await;
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    bed.retry_after(&claimed, Duration::ZERO, true).await;
    let again = bed.claim_one().await;
    assert_eq!(again.delivery.id, claimed.delivery.id);
    assert_eq!(again.body, b"contact 7 at 2");
}

pub async fn a_claim_respects_every_limit_in_order(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let second = ConnectionId::new(&*bed.given.ids);
    bed.add_connection(second, "second").await;
    for id in 1..=5 {
        bed.take(bed.contact(&id.to_string(), None, Tick(id))).await;
    }
    let request = |lanes: u32, of_second: u32, of_first: u32| ClaimRequest {
        connections: vec![
            bed.wanted(second, of_second),
            bed.wanted(bed.connection, of_first),
        ],
        lanes,
        now: bed.clock.now(),
        monotonic: bed.clock.monotonic(),
        lease: LEASE,
    };
    let counted = async |request: ClaimRequest| {
        let claimed = bed.store.claim(request).await.expect("a claim").claimed;
        let of = |id| {
            claimed
                .iter()
                .filter(|claimed| claimed.lease.connection == id)
                .count()
        };
        (of(second), of(bed.connection))
    };
    // They are one account's: together they get no more than one of them may.
    assert_eq!(counted(request(9, 1, 1)).await, (1, 0));
    assert_eq!(counted(request(4, 2, 3)).await, (2, 1));
    assert_eq!(counted(request(9, 0, 2)).await, (0, 2));
    assert_eq!(counted(request(0, 9, 9)).await, (0, 0));
    assert_eq!(counted(request(9, 9, 9)).await, (2, 2));
}

pub async fn a_paused_connection_and_one_without_a_route_are_not_claimed(
    backend: Box<dyn Backend>,
) {
    let bed = Bed::new(backend).await;
    let unrouted = ConnectionId::new(&*bed.given.ids);
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let mut connection = bed.test_connection(bed.connection, "first");
    connection.is_paused = true;
    bed.store
        .put_connection(&connection)
        .await
        .expect("a change");
    bed.store
        .put_connection(&bed.test_connection(unrouted, "unrouted"))
        .await
        .expect("a new connection");
    let mut request = bed.request(10);
    request.connections.push(bed.wanted(unrouted, 10));
    let claims = bed.store.claim(request.clone()).await.expect("a claim");
    assert!(claims.claimed.is_empty() && claims.next_ready.is_none());

    connection.is_paused = false;
    bed.store
        .put_connection(&connection)
        .await
        .expect("a change");
    assert_eq!(
        bed.store
            .claim(request)
            .await
            .expect("a claim")
            .claimed
            .len(),
        1
    );
}

pub async fn two_claims_never_get_the_same_lane(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    for id in 1..=30 {
        bed.take(bed.contact(&id.to_string(), None, Tick(1))).await;
    }
    let (first, second, third) = tokio::join!(bed.claim(20), bed.claim(20), bed.claim(20));
    let mut lanes: Vec<_> = [first, second, third]
        .concat()
        .into_iter()
        .map(|claimed| claimed.lease.contact)
        .collect();
    assert_eq!(lanes.len(), 30);
    lanes.sort();
    lanes.dedup();
    assert_eq!(lanes.len(), 30);
}

pub async fn a_claim_that_nobody_waits_for_leases_nothing_for_long(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    // Polled once, so that the request is on its way, then dropped.
    let mut claim = Box::pin(bed.store.claim(bed.request(1)));
    let polled =
        std::future::poll_fn(|context| std::task::Poll::Ready(claim.as_mut().poll(context)));
    assert!(polled.await.is_pending());
    drop(claim);
    // The writer answers in order, so by now it is decided what became of the first.
    bed.take(bed.contact("8", JANE, Tick(1))).await;
    let claimed = bed.claim(10).await;
    assert_eq!(claimed.len(), 2);
    assert!(claimed.iter().all(|claimed| claimed.delivery.attempts == 1));
}

pub async fn an_intake_and_an_operator_wake_the_claimer(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    // It happened before anybody waited, and is not missed.
    bed.store.changed().await;
    let claimed = bed.claim_one().await;
    bed.succeed(&claimed).await;
    bed.retry(claimed.delivery.id).await;
    bed.store.changed().await;
    assert_eq!(bed.claim(10).await.len(), 1);
}

pub async fn a_long_lane_is_worked_off_in_order(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let mut tasks = tokio::task::JoinSet::new();
    for tick in 1..=300 {
        let event = bed.message("9", contact("7", JANE), Tick(tick));
        let store = std::sync::Arc::clone(&bed.store);
        tasks.spawn(async move { store.take(event).await.expect("an event is taken") });
    }
    tasks.join_all().await;
    let mut times: Vec<Timestamp> = Vec::new();
    loop {
        let claimed = bed.claim(1).await;
        let Some(claimed) = claimed.first() else {
            break;
        };
        if claimed.delivery.kind == Some(EventKind::MessageCreated) {
            let text = String::from_utf8(claimed.body.clone()).expect("text");
            let tick = text
                .rsplit(' ')
                .next()
                .and_then(|tick| tick.parse().ok())
                .expect("a tick");
            times.push(Timestamp(tick));
        }
        bed.succeed(claimed).await;
    }
    assert_eq!(times, (1..=300).map(Timestamp).collect::<Vec<_>>());
}

pub async fn a_lane_that_is_empty_begins_again_as_if_it_were_new(backend: Box<dyn Backend>) {
    let hold = Duration::from_millis(500);
    let bed = Bed::with_hold(backend, hold).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    bed.clock.advance(hold);
    bed.succeed(&bed.claim_one().await).await;
    bed.clock.advance(Duration::from_mins(1));
    let claims = bed.claims(10).await;
    assert!(claims.claimed.is_empty() && claims.next_ready.is_none());

    // It was live before, and is not any more.
    let mut bulk = bed.contact("7", JANE, Tick(2));
    bulk.name = "bulk".into();
    bed.take(bulk).await;
    let again = bed.clock.now().after(hold);
    bed.clock.advance(Duration::from_millis(100));
    bed.take(bed.contact("8", JANE, Tick(2))).await;
    let claims = bed.claims(10).await;
    assert!(claims.claimed.is_empty());
    assert_eq!(claims.next_ready, Some(again));
    bed.clock.advance(hold);
    let mut order = Vec::new();
    while let Some(claimed) = bed.claim(1).await.first() {
        order.push(claimed.lease.contact.clone());
        bed.succeed(claimed).await;
    }
    assert_eq!(order, ["8", "7"]);
}
