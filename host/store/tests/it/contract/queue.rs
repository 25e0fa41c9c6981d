//! What operators do with deliveries and lanes.

use std::time::Duration;

use gladhand_core::attempt::Changes;
use gladhand_core::clock::Clock;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::event::EventKind;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::{ConnectionId, DeliveryId};
use gladhand_core::lane::Priority;
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_store::deliveries::{Claimed, DeliveryFilter, Settlement};
use gladhand_store::queue::{Asked, HeldFilter, HeldLane, Selection};
use gladhand_store::retention::Keep;

use crate::bed::{Backend, Bed, LEASE};
use crate::events::{Tick, contact};

const JANE: Option<&str> = Some("jane@example.com");

impl Bed {
    pub(super) async fn die(&self, claimed: &Claimed, kind: FailureKind, holds_lane: bool) {
        let settlement = Settlement {
            failure: Some(Failure::new(kind, "it cannot be")),
            holds_lane,
            ..self.ended(DeliveryState::Dead)
        };
        self.settle(&claimed.lease, Changes::default(), settlement)
            .await
            .expect("the lease holds");
    }

    pub(super) async fn retry(&self, id: DeliveryId) -> Asked {
        self.store
            .retry(id, self.clock.now())
            .await
            .expect("an answer")
    }
}

#[track_caller]
pub(super) fn done(asked: Asked) -> Delivery {
    match asked {
        Asked::Done(delivery) => delivery,
        other => panic!("{other:?}"),
    }
}

pub async fn a_delivery_that_waits_runs_now(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let claimed = bed.claim_one().await;
    bed.retry_after(&claimed, Duration::from_hours(1), true)
        .await;
    assert!(bed.claim(1).await.is_empty());
    done(bed.retry(claimed.delivery.id).await);
    let again = bed.claim_one().await;
    assert_eq!(again.delivery.attempts, 2, "what was tried still counts");
    bed.succeed(&again).await;
}

pub async fn one_that_came_last_is_not_lost_with_the_lane_that_runs(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(5)))
        .await;
    // Comes in last and happened first.
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let last = bed.claim_one().await;
    assert_eq!(last.delivery.kind, Some(EventKind::ContactChanged));
    bed.die(&last, FailureKind::Invalid, false).await;
    bed.succeed(&bed.claim_one().await).await;
    // Now nothing else waits, as far as the claim can see.
    let message = bed.claim_one().await;
    done(bed.retry(last.delivery.id).await);
    bed.succeed(&message).await;
    let again = bed.claim_one().await;
    assert_eq!(again.delivery.id, last.delivery.id);
    bed.succeed(&again).await;
}

pub async fn one_that_runs_is_not_touched(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let claimed = bed.claim_one().await;
    let id = claimed.delivery.id;
    let now = bed.clock.now();
    assert!(matches!(bed.retry(id).await, Asked::Refused(delivery) if delivery.id == id));
    let skipped = bed.store.skip(id, "because", now).await;
    assert!(matches!(skipped, Ok(Asked::Refused(_))));
    bed.succeed(&claimed).await;
    let skipped = bed.store.skip(id, "because", now).await;
    assert!(matches!(skipped, Ok(Asked::Refused(_))), "it has succeeded");
}

pub async fn a_skipped_head_lets_its_lane_go_on(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(1)))
        .await;
    let opened = bed.claim_one().await;
    bed.retry_after(&opened, Duration::from_hours(1), true)
        .await;
    let now = bed.clock.now();
    let skipped = bed.store.skip(opened.delivery.id, "not needed", now).await;
    let skipped = done(skipped.expect("an answer"));
    let expect = Outcome::Skipped {
        code: SkipCode::ByOperator,
        reason: "not needed".into(),
    };
    assert_eq!(skipped.outcome, Some(expect));
    assert_eq!(
        bed.claim_one().await.delivery.kind,
        Some(EventKind::MessageCreated)
    );
}

pub async fn dead_letters_are_retried_and_discarded_by_what_they_are(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    for (contact, kind) in [
        ("1", FailureKind::Invalid),
        ("2", FailureKind::Invalid),
        ("3", FailureKind::Trap),
    ] {
        bed.take(bed.contact(contact, JANE, Tick(1))).await;
        let claimed = bed.claim_one().await;
        bed.clock.advance(Duration::from_mins(1));
        bed.die(&claimed, kind, false).await;
    }
    let now = bed.clock.now();
    let of = |kind| Selection {
        connection: Some(bed.connection),
        kind: Some(kind),
        ..Selection::default()
    };
    let late = Selection {
        since: Some(now.after(Duration::from_secs(1))),
        ..Selection::default()
    };
    let retried = bed.store.retry_dead(&late, 10, now).await;
    assert_eq!(retried.expect("an answer"), 0);
    let retried = bed
        .store
        .retry_dead(&of(FailureKind::Invalid), 1, now)
        .await;
    assert_eq!(retried.expect("an answer"), 1);
    let discarded = bed
        .store
        .discard_dead(&Selection::default(), "the contract ended", 10, now)
        .await;
    assert_eq!(discarded.expect("an answer"), 2);
    let again = bed.claim_one().await;
    assert_eq!(again.lease.contact, "1", "the oldest goes first");
    bed.succeed(&again).await;
    let counts = bed.store.counts().await.expect("a read").by_state;
    assert_eq!(
        counts,
        [(DeliveryState::Skipped, 2), (DeliveryState::Succeeded, 1)]
    );
}

pub async fn a_held_lane_runs_nothing_until_it_is_released(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let hold = |is_held| {
        bed.store
            .hold(bed.connection, "7", is_held, bed.clock.now())
    };
    assert!(hold(true).await.expect("an answer"));
    let claims = bed.claims(1).await;
    assert!(claims.claimed.is_empty() && claims.next_ready.is_none());
    assert!(hold(false).await.expect("an answer"));
    bed.succeed(&bed.claim_one().await).await;
    assert!(
        !hold(true).await.expect("an answer"),
        "nothing waits in it any more"
    );
    // A lane that is held while its last delivery runs stays held for what comes.
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    let running = bed.claim_one().await;
    assert!(hold(true).await.expect("an answer"));
    bed.succeed(&running).await;
    bed.take(bed.contact("7", JANE, Tick(3))).await;
    assert!(bed.claim(1).await.is_empty());
    assert!(hold(false).await.expect("an answer"));
    bed.succeed(&bed.claim_one().await).await;
}

/// A lane whose head is dead and holds it, with a message behind it.
async fn held_by_its_head(backend: Box<dyn Backend>) -> (Bed, DeliveryId) {
    let bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", JANE), Tick(1)))
        .await;
    let opened = bed.claim_one().await;
    bed.die(&opened, FailureKind::Invalid, true).await;
    assert!(bed.claim(1).await.is_empty(), "the message waits behind it");
    (bed, opened.delivery.id)
}

pub async fn a_dead_head_holds_its_lane_where_its_connection_says_so(backend: Box<dyn Backend>) {
    let (bed, head) = held_by_its_head(backend).await;
    done(bed.retry(head).await);
    let again = bed.claim_one().await;
    assert_eq!(again.delivery.id, head);
    bed.succeed(&again).await;
    bed.succeed(&bed.claim_one().await).await;
}

pub async fn a_held_lane_goes_on_when_its_head_is_skipped(backend: Box<dyn Backend>) {
    let (bed, head) = held_by_its_head(backend).await;
    let skipped = bed.store.skip(head, "seen", bed.clock.now()).await;
    done(skipped.expect("an answer"));
    assert_eq!(bed.drain().await, [EventKind::MessageCreated]);
}

pub async fn a_held_lane_goes_on_when_its_head_is_discarded(backend: Box<dyn Backend>) {
    let (bed, _) = held_by_its_head(backend).await;
    let now = bed.clock.now();
    let discarded = bed
        .store
        .discard_dead(&Selection::default(), "seen", 10, now)
        .await;
    assert_eq!(discarded.expect("an answer"), 1);
    assert_eq!(bed.drain().await, [EventKind::MessageCreated]);
}

pub async fn a_held_lane_goes_on_when_it_is_released(backend: Box<dyn Backend>) {
    let (bed, head) = held_by_its_head(backend).await;
    let released = bed
        .store
        .hold(bed.connection, "7", false, bed.clock.now())
        .await;
    assert!(released.expect("an answer"));
    assert_eq!(bed.drain().await, [EventKind::MessageCreated]);
    assert_eq!(bed.state(head).await, DeliveryState::Dead);
}

pub async fn what_happens_to_others_lets_no_lane_go_on_that_its_head_holds(
    backend: Box<dyn Backend>,
) {
    let (bed, head) = held_by_its_head(backend).await;
    let pending = DeliveryFilter {
        state: Some(DeliveryState::Pending),
        limit: 9,
        ..DeliveryFilter::default()
    };
    let behind = bed.store.list(pending).await.expect("a read");
    done(bed.retry(behind[0].id).await);
    let skipped = bed
        .store
        .skip(behind[0].id, "not needed", bed.clock.now())
        .await;
    done(skipped.expect("an answer"));
    bed.take(bed.message("9", contact("7", JANE), Tick(2)))
        .await;
    assert!(bed.claim(1).await.is_empty());
    done(bed.retry(head).await);
    assert_eq!(bed.claim_one().await.delivery.id, head);
}

pub async fn a_dead_head_holds_what_comes_later_though_nothing_waited(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    let claimed = bed.claim_one().await;
    bed.die(&claimed, FailureKind::Invalid, true).await;
    bed.take(bed.contact("7", JANE, Tick(2))).await;
    assert!(bed.claim(1).await.is_empty());
    let keep = Keep {
        events: Duration::ZERO,
        dead: Duration::ZERO,
        ..Keep::STANDARD
    };
    let later = bed.clock.now().after(Duration::from_hours(1));
    while !bed
        .store
        .sweep(&keep, 100, later)
        .await
        .expect("a sweep")
        .is_done
    {}
    assert_eq!(
        bed.state(claimed.delivery.id).await,
        DeliveryState::Dead,
        "what holds a lane is kept until somebody has looked"
    );
    done(bed.retry(claimed.delivery.id).await);
    assert_eq!(bed.claim_one().await.delivery.id, claimed.delivery.id);
}

pub async fn held_lanes_are_listed_with_who_holds_them(backend: Box<dyn Backend>) {
    let (bed, head) = held_by_its_head(backend).await;
    let died_at = bed.clock.now();
    bed.take(bed.contact("8", JANE, Tick(1))).await;
    bed.take(bed.contact("9", JANE, Tick(1))).await;
    bed.clock.advance(Duration::from_mins(1));
    let held_at = bed.clock.now();
    for _ in 0..2 {
        let asked = bed.store.hold(bed.connection, "8", true, bed.clock.now());
        assert!(asked.await.expect("an answer"));
        bed.clock.advance(Duration::from_mins(1));
    }
    let lane = |contact: &str, holder, since| HeldLane {
        connection: bed.connection,
        contact: contact.into(),
        holder,
        since,
    };
    let by_head = lane("7", Some(head), died_at);
    let by_person = lane("8", None, held_at);
    let list = |after: Option<&HeldLane>, limit| {
        let after = after.map(|lane| (lane.connection, lane.contact.clone()));
        let connection = Some(bed.connection);
        let filter = HeldFilter {
            connection,
            after,
            limit,
            ..HeldFilter::default()
        };
        async { bed.store.held(filter).await.expect("a read") }
    };
    assert_eq!(list(None, 9).await, [by_head.clone(), by_person.clone()]);
    assert_eq!(list(None, 1).await, std::slice::from_ref(&by_head));
    assert_eq!(
        list(Some(&by_head), 9).await,
        std::slice::from_ref(&by_person)
    );
    let of_another = HeldFilter {
        connection: Some(ConnectionId::new(&*bed.given.ids)),
        limit: 9,
        ..HeldFilter::default()
    };
    assert_eq!(bed.store.held(of_another).await.expect("a read"), []);
    let of_contacts = HeldFilter {
        contacts: vec!["8".into(), "9".into()],
        limit: 9,
        ..HeldFilter::default()
    };
    let of_both = bed.store.held(of_contacts).await.expect("a read");
    assert_eq!(of_both, std::slice::from_ref(&by_person));
    done(bed.retry(head).await);
    let released = bed.store.hold(bed.connection, "8", false, held_at).await;
    assert!(released.expect("an answer"));
    assert_eq!(list(None, 9).await, []);
}

pub async fn a_contact_is_queued_as_it_is_now(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.add_connection(ConnectionId::new(&*bed.given.ids), "second")
        .await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    bed.drain().await;
    bed.clock.advance(Duration::from_secs(1));
    let now = bed.clock.now();
    let queued = bed.store.sync_contact(bed.source, "7", now).await;
    assert_eq!(queued.expect("an answer"), Some(2));
    let claimed = bed.claim(10).await;
    assert_eq!(claimed.len(), 2);
    for claimed in &claimed {
        assert_eq!(claimed.body, b"contact 7 at 1");
        assert!(claimed.delivery.is_sync, "nothing came in");
        bed.succeed(claimed).await;
    }
    let unknown = bed.store.sync_contact(bed.source, "8", now).await;
    assert_eq!(unknown.expect("an answer"), None);
    for (contact, is_known) in [("7", true), ("8", false)] {
        let known = bed.store.knows_contact(bed.source, contact).await;
        assert_eq!(known.expect("an answer"), is_known);
    }
}

pub async fn a_contact_is_queued_that_only_its_conversations_named(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    for tick in 1..=2 {
        let person = contact("7", JANE);
        bed.take(bed.conversation("9", person, "open", Tick(tick)))
            .await;
    }
    bed.drain().await;
    let now = bed.clock.now();
    let queued = bed.store.sync_contact(bed.source, "7", now).await;
    assert_eq!(queued.expect("an answer"), Some(1));
    let claimed = bed.claim_one().await;
    assert_eq!(claimed.delivery.kind, Some(EventKind::ContactChanged));
    assert_eq!(claimed.body, b"conversation 9 at 2");
    bed.succeed(&claimed).await;
}

pub async fn what_is_live_goes_before_bulk(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    for (id, name) in [("1", "bulk"), ("2", "contact_updated"), ("3", "bulk")] {
        let mut event = bed.contact(id, JANE, Tick(1));
        event.name = name.into();
        bed.take(event).await;
        bed.clock.advance(Duration::from_secs(1));
    }
    let mut order = Vec::new();
    for _ in 0..3 {
        let claimed = bed.claim(1).await.remove(0);
        order.push((claimed.lease.contact.clone(), claimed.priority));
        bed.succeed(&claimed).await;
    }
    let expect = [
        ("2", Priority::Live),
        ("1", Priority::Bulk),
        ("3", Priority::Bulk),
    ];
    assert_eq!(
        order,
        expect.map(|(id, priority)| (id.to_owned(), priority))
    );
}

pub async fn a_lease_is_renewed_while_it_holds(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", JANE, Tick(1))).await;
    bed.take(bed.contact("8", JANE, Tick(1))).await;
    let claimed = bed.claim(2).await;
    bed.succeed(&claimed[0]).await;
    let leases: Vec<_> = claimed
        .iter()
        .map(|claimed| claimed.lease.clone())
        .collect();
    let renewed = bed.store.renew(&leases, LEASE).await;
    assert_eq!(renewed.expect("an answer"), [false, true]);
}
