//! What operators see.

use std::time::Duration;

use gladhand_core::attempt::{Changes, LinkChange, LogLine};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::{Intended, Verdict};
use gladhand_core::exchange::{Answer, Exchange};
use gladhand_core::ids::{ConnectionId, DeliveryId};
use gladhand_store::deliveries::{DeliveryFilter, Settlement};

use super::changes::{entity, link};
use super::journal::answered;
use crate::bed::{Backend, Bed, DIGEST, STATE};
use crate::events::{Tick, contact};

async fn list(bed: &Bed, filter: DeliveryFilter) -> Vec<DeliveryId> {
    let found = bed.store.list(filter).await.expect("a read");
    found.into_iter().map(|delivery| delivery.id).collect()
}

fn page(limit: u32) -> DeliveryFilter {
    DeliveryFilter {
        limit,
        ..DeliveryFilter::default()
    }
}

pub async fn deliveries_are_listed_newest_first_page_by_page(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    for tick in 1..=5 {
        bed.take(bed.message("9", contact("7", None), Tick(tick)))
            .await;
    }
    let all = list(&bed, page(100)).await;
    assert_eq!(all.len(), 6);
    let first = list(&bed, page(4)).await;
    let before = first.last().copied();
    let rest = list(&bed, DeliveryFilter { before, ..page(4) }).await;
    assert_eq!([first, rest].concat(), all);
    let mut sorted = all.clone();
    sorted.sort_by(|one, other| other.cmp(one));
    assert_eq!(all, sorted, "the test's ids count up");
}

pub async fn a_listing_is_filtered(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let settled = bed.claim_one().await;
    bed.succeed(&settled).await;
    bed.clock.advance(Duration::from_secs(1));
    bed.take(bed.contact("8", None, Tick(1))).await;
    let by = |filter: DeliveryFilter| list(&bed, filter);
    let of_seven = by(DeliveryFilter {
        contact: Some("7".into()),
        ..page(9)
    })
    .await;
    assert_eq!(of_seven, [settled.delivery.id]);
    let succeeded = by(DeliveryFilter {
        state: Some(DeliveryState::Succeeded),
        ..page(9)
    })
    .await;
    assert_eq!(succeeded, of_seven);
    let pending = by(DeliveryFilter {
        state: Some(DeliveryState::Pending),
        ..page(9)
    })
    .await;
    assert_eq!(pending.len(), 1);
    let recent = by(DeliveryFilter {
        since: Some(bed.clock.now()),
        ..page(9)
    })
    .await;
    assert_eq!(recent, pending);
    let of_connection = by(DeliveryFilter {
        connection: Some(bed.connection),
        ..page(9)
    })
    .await;
    assert_eq!(of_connection.len(), 2);
    let dead = by(DeliveryFilter {
        state: Some(DeliveryState::Dead),
        ..page(9)
    })
    .await;
    assert!(dead.is_empty());
}

pub async fn what_waits_of_a_paused_connection_is_listed_as_paused(backend: Box<dyn Backend>) {
    use DeliveryState::{Paused, Pending, Succeeded, Waiting};
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    bed.take(bed.contact("8", None, Tick(1))).await;
    let [succeeds, waits] = &bed.claim(2).await[..] else {
        panic!("two lanes")
    };
    bed.succeed(succeeds).await;
    bed.retry_after(waits, Duration::from_hours(1), true).await;
    bed.take(bed.contact("9", None, Tick(1))).await;
    let count = async |state, paused: &[ConnectionId]| {
        let filter = DeliveryFilter {
            state: Some(state),
            paused: paused.to_vec(),
            ..page(9)
        };
        list(&bed, filter).await.len()
    };
    let counts = async |paused: &[ConnectionId]| {
        [
            count(Pending, paused).await,
            count(Waiting, paused).await,
            count(Succeeded, paused).await,
            count(Paused, paused).await,
        ]
    };
    let another = ConnectionId::new(&*bed.given.ids);
    assert_eq!(counts(&[]).await, [1, 1, 1, 0]);
    assert_eq!(counts(&[another]).await, [1, 1, 1, 0]);
    assert_eq!(counts(&[another, bed.connection]).await, [0, 0, 1, 2]);
}

pub async fn a_delivery_shows_everything_that_was_recorded(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.conversation("9", contact("7", None), "open", Tick(1)))
        .await;
    let claimed = bed.claim_one().await;
    let exchange = |sequence: u32| Exchange {
        sequence,
        call: "http.send".into(),
        method: "POST".into(),
        url: "https://crm.example.com/persons".into(),
        effect: "once".into(),
        request: b"{}".to_vec(),
        answer: Some(Answer {
            status: 201,
            headers: Vec::new(),
            body: b"{\"id\":5}".to_vec(),
        }),
        error: None,
        is_replayed: false,
        started_at: bed.clock.now(),
        duration_us: 90_000,
    };
    let intent = bed.intent(&["person/email:jane@example.com"]);
    let changes = Changes {
        exchanges: vec![exchange(0), exchange(1)],
        ..Changes::default()
    };
    let intended = bed
        .ports
        .journal
        .intend(&claimed.lease, bed.account, STATE, changes, intent.clone())
        .await;
    assert_eq!(intended.expect("the lease holds"), Intended::Send);
    let mut changes = answered(intent.id, Verdict::Done);
    changes.exchanges.push(exchange(2));
    changes.links = vec![
        LinkChange::Put(entity("contact", "7"), link("5")),
        LinkChange::Put(entity("conversation", "9"), link("6")),
        LinkChange::Put(entity("contact", "8"), link("7")),
    ];
    let line = LogLine {
        level: "info".into(),
        message: "made".into(),
        fields: vec![("id".into(), "5".into())],
    };
    let settlement = Settlement {
        log: vec![line.clone()],
        ..bed.ended(DeliveryState::Succeeded)
    };
    bed.settle(&claimed.lease, changes, settlement.clone())
        .await
        .expect("the lease holds");

    let detail = bed.show(claimed.delivery.id).await;
    assert_eq!(detail.delivery.version.as_deref(), Some(DIGEST));
    assert_eq!(detail.delivery.outcome, settlement.outcome);
    assert_eq!(detail.delivery.event_name, "conversation_updated");
    assert_eq!(detail.links, [link("5"), link("6")]);
    assert_eq!(detail.effects.len(), 1);
    assert_eq!(
        (detail.effects[0].verdict, &detail.effects[0].keys),
        (Verdict::Done, &intent.keys)
    );
    let [attempt] = &detail.attempts[..] else {
        panic!("one attempt, not {:?}", detail.attempts);
    };
    assert_eq!((attempt.id, attempt.number), (claimed.lease.attempt, 1));
    assert_eq!(attempt.exchanges, [exchange(0), exchange(1), exchange(2)]);
    assert_eq!(attempt.log, [line]);
    assert_eq!(attempt.cost, settlement.cost);
    assert_eq!(attempt.settled_at, Some(settlement.at));
    let none = bed
        .store
        .show(DeliveryId::new(&*bed.given.ids))
        .await
        .expect("a read");
    assert!(none.is_none());
}

pub async fn counts_follow_every_step(backend: Box<dyn Backend>) {
    use DeliveryState::{Pending, Running, Skipped, Succeeded, Superseded, Waiting};
    let bed = Bed::new(backend).await;
    let counts = async || {
        let mut counts = bed.store.counts().await.expect("a read");
        counts.by_state.sort();
        (counts.by_state, counts.oldest_waiting)
    };
    assert_eq!(counts().await, (vec![], None));
    let began = bed.clock.now();
    bed.take(bed.noise("7")).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    bed.clock.advance(Duration::from_secs(1));
    bed.take(bed.contact("7", None, Tick(2))).await;
    assert_eq!(
        counts().await,
        (vec![(Pending, 2), (Skipped, 1)], Some(began))
    );
    let claimed = bed.claim_one().await;
    let running = vec![(Running, 1), (Skipped, 1), (Superseded, 1)];
    assert_eq!(counts().await, (running, Some(bed.clock.now())));
    bed.retry_after(&claimed, Duration::ZERO, true).await;
    let waiting = vec![(Waiting, 1), (Skipped, 1), (Superseded, 1)];
    assert_eq!(counts().await.0, waiting);
    let claimed = bed.claim_one().await;
    bed.succeed(&claimed).await;
    let done = vec![(Succeeded, 1), (Skipped, 1), (Superseded, 1)];
    assert_eq!(counts().await, (done, None));
}

pub async fn lanes_that_nobody_works_on_are_counted(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let waiting = async || bed.store.lanes_waiting().await.expect("a read");
    assert_eq!(waiting().await, 0);
    for (contact, tick) in [("7", 1), ("7", 2), ("8", 1), ("9", 1)] {
        bed.take(bed.contact(contact, None, Tick(tick))).await;
    }
    assert_eq!(waiting().await, 3);
    let claimed = bed.claim(1).await;
    assert_eq!(waiting().await, 2, "a worker has one");
    bed.retry_after(&claimed[0], Duration::from_mins(1), true)
        .await;
    assert_eq!(waiting().await, 3, "what waits for its time waits");
    let in_another = ["7", "8", "9"]
        .into_iter()
        .find(|contact| *contact != claimed[0].lease.contact)
        .expect("there are three");
    bed.store
        .hold(bed.connection, in_another, true, bed.clock.now())
        .await
        .expect("a write");
    assert_eq!(waiting().await, 2, "somebody holds one");
}
