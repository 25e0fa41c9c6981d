//! Taking events in.

use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::ids::SourceId;
use gladhand_core::intake::IncomingEvent;
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_store::deliveries::DeliveryFilter;
use gladhand_store::intake::Taken;

use crate::bed::{Backend, Bed};
use crate::configured::test_source;
use crate::events::{Tick, contact};

fn named(event: IncomingEvent, delivery: Option<&str>, semantic: Option<&str>) -> IncomingEvent {
    IncomingEvent {
        delivery_key: delivery.map(Into::into),
        semantic_key: semantic.map(Into::into),
        ..event
    }
}

async fn taken(bed: &Bed, event: IncomingEvent) -> Taken {
    bed.store.take(event).await.expect("an event is taken")
}

async fn stored(bed: &Bed) -> usize {
    let all = DeliveryFilter {
        limit: 1_000,
        ..DeliveryFilter::default()
    };
    bed.store.list(all).await.expect("a read").len()
}

pub async fn an_event_is_taken_once_by_its_delivery_key(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let first = named(bed.contact("7", None, Tick(1)), Some("d1"), Some("s1"));
    let again = named(bed.contact("7", None, Tick(2)), Some("d1"), Some("s2"));
    assert_eq!(taken(&bed, first).await, Taken::Stored);
    assert_eq!(taken(&bed, again).await, Taken::Duplicate);
    assert_eq!(stored(&bed).await, 1);
}

pub async fn an_event_is_taken_once_by_what_happened(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let first = named(bed.contact("7", None, Tick(1)), None, Some("s1"));
    let again = named(bed.contact("7", None, Tick(2)), Some("d2"), Some("s1"));
    assert_eq!(taken(&bed, first).await, Taken::Stored);
    assert_eq!(taken(&bed, again).await, Taken::Duplicate);
    // A duplicate leaves nothing behind: its own delivery key is still free.
    let other = named(bed.contact("7", None, Tick(3)), Some("d2"), Some("s3"));
    assert_eq!(taken(&bed, other).await, Taken::Stored);
    assert_eq!(stored(&bed).await, 2);
}

pub async fn keys_of_another_source_are_others(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let other = SourceId::new(&*bed.given.ids);
    bed.store
        .put_source(&test_source(other, "sales"))
        .await
        .expect("a new source");
    let first = named(bed.contact("7", None, Tick(1)), Some("d1"), Some("s1"));
    let elsewhere = IncomingEvent {
        source: other,
        ..named(bed.contact("7", None, Tick(1)), Some("d1"), Some("s1"))
    };
    assert_eq!(taken(&bed, first).await, Taken::Stored);
    assert_eq!(taken(&bed, elsewhere).await, Taken::Stored);
}

pub async fn twins_in_one_batch_are_one_event(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let mut tasks = tokio::task::JoinSet::new();
    for tick in 1..=40 {
        let event = named(bed.contact("7", None, Tick(tick)), None, Some("the same"));
        let store = std::sync::Arc::clone(&bed.store);
        tasks.spawn(async move { store.take(event).await.expect("an event is taken") });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|taken| **taken == Taken::Stored)
            .count(),
        1
    );
    assert_eq!(stored(&bed).await, 1);
}

pub async fn concurrent_events_of_one_contact_see_each_other(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let mut tasks = tokio::task::JoinSet::new();
    for tick in 1..=100 {
        let who = contact("7", Some("jane@example.com"));
        let event = bed.conversation("9", who, "resolved", Tick(tick));
        let store = std::sync::Arc::clone(&bed.store);
        tasks.spawn(async move { store.take(event).await.expect("an event is taken") });
    }
    tasks.join_all().await;
    let kinds: Vec<_> = bed
        .store
        .list(DeliveryFilter {
            limit: 1_000,
            ..DeliveryFilter::default()
        })
        .await
        .expect("a read")
        .into_iter()
        .filter_map(|delivery| delivery.kind)
        .collect();
    // However they fell into batches, the conversation opened once and was resolved once.
    for kind in [
        EventKind::ConversationOpened,
        EventKind::ConversationResolved,
    ] {
        assert_eq!(
            kinds.iter().filter(|seen| **seen == kind).count(),
            1,
            "{kind:?}"
        );
    }
}

pub async fn what_is_skipped_at_intake_makes_no_lane(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.noise("7")).await;
    let claims = bed.claims(10).await;
    assert!(claims.claimed.is_empty() && claims.next_ready.is_none());
    let listed = bed
        .store
        .list(DeliveryFilter {
            limit: 10,
            ..DeliveryFilter::default()
        })
        .await
        .expect("a read");
    assert_eq!(listed[0].state, DeliveryState::Skipped);
    assert!(listed[0].settled_at.is_some());
    assert!(matches!(
        listed[0].outcome,
        Some(Outcome::Skipped {
            code: SkipCode::Noise,
            ..
        })
    ));
}

pub async fn what_nobody_understands_is_kept(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let event = named(bed.unreadable(), Some("d1"), None);
    assert_eq!(taken(&bed, event.clone()).await, Taken::Stored);
    assert_eq!(taken(&bed, event).await, Taken::Duplicate);
}
