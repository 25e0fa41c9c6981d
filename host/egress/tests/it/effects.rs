//! Reads, sets and onces: what the journal is asked, what leaves, what is known afterwards.

use std::time::Duration;

use gladhand_core::attempt::{Conclusion, End, Unsettled};
use gladhand_core::clock::Timestamp;
use gladhand_core::connection::Mode;
use gladhand_core::effect::{Effect, Intended, Verdict};
use gladhand_core::failure::FailureKind;
use gladhand_core::ids::DeliveryId;
use gladhand_core::port;
use gladhand_egress::{Error, Request};
use uuid::Uuid;

use crate::support::{
    Crm, START, World, answer, doubt, earlier_set, effect_id, keys, once, rude_server, set, text,
};

const LOOKUP_AFTER: Duration = Duration::from_mins(1);

#[track_caller]
fn assert_deferred(result: Result<gladhand_egress::Response, Error>, expect: Timestamp) {
    match result {
        Err(Error::End(End::Deferred { until, failure })) => {
            assert_eq!(until, expect);
            assert_eq!(failure.kind, FailureKind::Indeterminate);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_read_is_recorded_and_not_journalled() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.send(Request::get("/x")).await.expect("a response");
    assert_eq!(world.journal.asked().len(), 0);
    assert_eq!(world.attempt.changes.answers, []);
    assert_eq!(world.last_exchange().effect, "read");
}

#[tokio::test]
async fn a_once_is_intended_with_what_the_attempt_knows_before_it_leaves() {
    let crm = Crm::with(200, r#"{"id":1}"#).await;
    let mut world = World::new(&crm.url);
    world
        .send(Request::get("/search"))
        .await
        .expect("a response");
    world.send(once()).await.expect("a response");
    let [(changes, intent)] = world.journal.asked().try_into().expect("one intent");
    assert_eq!(changes.exchanges.len(), 1, "the read before it");
    assert_eq!(intent.keys, keys());
    assert_eq!(intent.at, START);
    let [answered] = world.attempt.changes.answers.as_slice() else {
        panic!("one answer is held");
    };
    assert_eq!(
        (answered.effect, answered.verdict),
        (intent.id, Verdict::Done)
    );
    assert_eq!(answered.set, None);
    let held = answered.answer.as_ref().expect("an answer");
    assert_eq!(held.body, br#"{"id":1}"#);
}

#[tokio::test]
async fn a_once_whose_keys_are_not_locked_is_refused() {
    let crm = Crm::with(200, "").await;
    for locks in [None, Some(keys()[..1].to_vec())] {
        let mut world = World::new(&crm.url);
        world.attempt.locks = locks;
        match world.send(once()).await {
            Err(Error::Refused(reason)) => assert!(reason.contains("locks.acquire"), "{reason}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.journal.asked().len(), 0);
    }
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn keys_without_bounds_are_refused() {
    let crm = Crm::with(200, "").await;
    let many: Vec<_> = (0..17).map(|n| n.to_string()).collect();
    for keys in [vec![], vec![String::new()], vec!["x".repeat(501)], many] {
        let mut world = World::new(&crm.url);
        world.attempt.locks = Some(keys.clone());
        let mut request = once();
        request.effect = Effect::Once(keys);
        let result = world.send(request).await;
        assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
    }
}

#[tokio::test]
async fn the_status_proposes_the_verdict_and_the_connector_corrects_it() {
    for (status, verdict) in [
        (200, Verdict::Done),
        (422, Verdict::NotDone),
        (302, Verdict::Unknown),
        (500, Verdict::Unknown),
    ] {
        let crm = Crm::with(status, "").await;
        let mut world = World::new(&crm.url);
        world.send(once()).await.expect("a response");
        assert_eq!(world.last_verdict(), verdict, "{status}");
        assert!(world.attempt.conclude(&keys()[1], Verdict::Done));
        assert_eq!(world.last_verdict(), Verdict::Done);
    }
}

#[tokio::test]
async fn a_once_that_was_done_is_answered_and_not_sent() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    world
        .journal
        .then(Ok(Intended::Replay(effect_id(5), answer(201, "before"))));
    let response = world.send(once()).await.expect("a response");
    assert!(response.is_replayed);
    assert_eq!((response.status, text(&response)), (201, "before"));
    assert!(world.last_exchange().is_replayed);
    assert_eq!(world.attempt.changes.answers, []);
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn a_young_doubt_parks_the_lane_until_looking_proves_something() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    for waited in [0, 59_999] {
        world
            .journal
            .then(Ok(Intended::InDoubt(doubt(Verdict::Open, START))));
        world.clock.advance(Duration::from_millis(waited));
        let result = world.send(once()).await;
        assert_deferred(result, START.after(LOOKUP_AFTER));
    }
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn an_old_doubt_is_shown_and_not_done_lets_the_next_one_leave() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    world
        .show_until_old(&doubt(Verdict::Unknown, START), LOOKUP_AFTER)
        .await;
    assert!(world.attempt.conclude(&keys()[0], Verdict::NotDone));
    world.send(once()).await.expect("a response");
    let asked = world.journal.asked();
    let conclusion = Conclusion {
        effect: effect_id(5),
        shown: Verdict::Unknown,
        verdict: Verdict::NotDone,
    };
    assert_eq!(
        asked[2].0.conclusions,
        [conclusion],
        "it travels with the next intent"
    );
    assert_eq!(crm.seen().len(), 1);
}

#[tokio::test]
async fn a_journal_that_does_not_answer_lets_nothing_leave() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.journal.then(Err(port::Error::LeaseLost));
    let result = world.send(once()).await;
    assert!(
        matches!(result, Err(Error::End(End::LeaseLost))),
        "{result:?}"
    );
    world
        .journal
        .then(Err(port::Error::Unavailable("disk full".into())));
    let result = world.send(once()).await;
    assert!(
        matches!(result, Err(Error::End(End::Store(_)))),
        "{result:?}"
    );
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn a_set_needs_no_intent_and_its_row_begins_with_its_answer() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.send(set("person", "{}")).await.expect("a response");
    assert_eq!(world.journal.asked().len(), 0);
    let answered = world.attempt.changes.answers.last().expect("an answer");
    let row = answered.set.as_ref().expect("of a set");
    assert_eq!((&*row.key, row.at), ("person", START));
    assert_eq!(answered.verdict, Verdict::Done);
    assert!(world.attempt.conclude("person", Verdict::NotDone));
}

/// The digest that egress gives a `set` with this body.
async fn digest_of(body: &str) -> [u8; 32] {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.send(set("person", body)).await.expect("a response");
    let answered = world.attempt.changes.answers.last().expect("an answer");
    answered.set.as_ref().expect("of a set").digest
}

#[tokio::test]
async fn a_set_that_was_done_with_equal_content_is_answered_and_not_sent() {
    let crm = Crm::with(200, "now").await;
    let mut world = World::new(&crm.url);
    world.attempt.journalled = vec![earlier_set(digest_of("same").await, Verdict::Done)];
    let replayed = world.send(set("person", "same")).await.expect("a response");
    assert_eq!((text(&replayed), replayed.is_replayed), ("before", true));
    let sent = world
        .send(set("person", "other"))
        .await
        .expect("a response");
    assert_eq!((text(&sent), sent.is_replayed), ("now", false));
    // The CRM says `other` by now, so `same` is news again.
    let sent = world.send(set("person", "same")).await.expect("a response");
    assert_eq!((text(&sent), sent.is_replayed), ("now", false));
}

#[tokio::test]
async fn a_set_that_another_delivery_did_is_sent() {
    let crm = Crm::with(200, "now").await;
    let mut world = World::new(&crm.url);
    let mut earlier = earlier_set(digest_of("same").await, Verdict::Done);
    earlier.delivery = DeliveryId::from_uuid(Uuid::from_u128(8));
    world.attempt.journalled = vec![earlier];
    let sent = world.send(set("person", "same")).await.expect("a response");
    assert!(!sent.is_replayed);
}

#[tokio::test]
async fn no_set_leaves_while_an_earlier_one_could_land_over_it() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    world.attempt.journalled = vec![earlier_set([0; 32], Verdict::Unknown)];
    assert_deferred(
        world.send(set("lead", "{}")).await,
        START.after(LOOKUP_AFTER),
    );
    assert_eq!(crm.seen().len(), 0);
    world.clock.advance(LOOKUP_AFTER);
    world.send(set("lead", "{}")).await.expect("a response");
}

#[tokio::test]
async fn no_set_leaves_while_one_of_an_unsettled_attempt_could_land_over_it() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    world.attempt.unsettled = vec![Unsettled {
        delivery: world.attempt.lease.delivery,
        since: START,
    }];
    // It may have sent until its own deadline.
    let quiet = START.after(LOOKUP_AFTER + Duration::from_secs(30));
    assert_deferred(world.send(set("lead", "{}")).await, quiet);
    world.clock.advance(quiet.since(START));
    world.send(set("lead", "{}")).await.expect("a response");
}

#[tokio::test]
async fn no_set_leaves_while_one_of_an_earlier_delivery_could_land_over_it() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    let earlier = Unsettled {
        delivery: DeliveryId::from_uuid(Uuid::from_u128(8)),
        since: START,
    };
    world.attempt.unsettled = vec![earlier];
    let quiet = START.after(LOOKUP_AFTER + Duration::from_secs(30));
    assert_deferred(world.send(set("lead", "{}")).await, quiet);
    assert_eq!(world.attempt.leaves(true), Some(earlier));
    world.clock.advance(quiet.since(START));
    world.send(set("lead", "{}")).await.expect("a response");
    assert_eq!(world.attempt.leaves(true), None);
}

#[tokio::test]
async fn an_unclear_set_is_left_to_what_comes_behind_unless_the_connector_knows_better() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    world.send(set("person", "{}")).await.expect("a response");
    let left = world.attempt.leaves(true).expect("it may have been done");
    assert_eq!(left.delivery, world.attempt.lease.delivery);
    assert!(world.attempt.conclude("person", Verdict::NotDone));
    assert_eq!(world.attempt.leaves(true), None);
}

#[tokio::test]
async fn an_unclear_answer_of_the_same_attempt_does_not_hold_its_next_set() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    for key in ["person", "lead"] {
        world.send(set(key, "{}")).await.expect("a response");
    }
    assert_eq!(crm.seen().len(), 2);
}

#[tokio::test]
async fn a_write_of_an_attempt_that_is_cut_off_stays_unknown() {
    for request in [once(), set("person", "{}")] {
        let (arrived, mut arrival) = tokio::sync::mpsc::channel(1);
        let url = rude_server(move |stream| {
            let arrived = arrived.clone();
            async move {
                arrived.send(()).await.expect("somebody waits");
                std::future::pending::<()>().await;
                drop(stream);
            }
        })
        .await;
        let mut world = World::new(&url);
        tokio::select! {
            result = world.send(request) => panic!("{result:?}"),
            _ = arrival.recv() => {}
        }
        assert_eq!(world.last_verdict(), Verdict::Unknown);
        let exchange = world.last_exchange();
        assert!(exchange.answer.is_none() && exchange.error.is_some());
    }
}

#[tokio::test]
async fn a_connection_that_observes_reads_and_writes_nothing() {
    let crm = Crm::with(200, "").await;
    for request in [once(), set("person", "{}")] {
        let mut world = World::new(&crm.url);
        world.attempt.mode = Mode::Observe;
        world.send(Request::get("/x")).await.expect("a response");
        match world.send(request).await {
            Err(Error::End(End::Observed(summary))) => {
                assert!(summary.contains("/api/persons"), "{summary}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(world.journal.asked().len(), 0);
        assert!(
            !world.last_exchange().request.is_empty(),
            "what would have been sent"
        );
    }
    assert!(crm.seen().iter().all(|seen| seen.method == "GET"));
}

#[tokio::test]
async fn what_the_store_did_not_take_is_kept_for_the_settle() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    world.send(set("person", "{}")).await.expect("a response");
    world
        .journal
        .then(Err(port::Error::Unavailable("no database".into())));
    let result = world.send(once()).await;
    assert!(
        matches!(result, Err(Error::End(End::Store(_)))),
        "{result:?}"
    );
    let [sent] = world.attempt.changes.answers.as_slice() else {
        panic!("what was sent and is not committed is not forgotten");
    };
    assert_eq!(sent.verdict, Verdict::Unknown);
    assert_eq!(world.attempt.changes.exchanges.len(), 2);
}

#[tokio::test]
async fn a_doubt_is_unresolved_until_it_is_concluded() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(LOOKUP_AFTER);
    let long_ago = Timestamp(START.0 - 600_000);
    let shown = doubt(Verdict::Unknown, long_ago);
    world.show_until_old(&shown, LOOKUP_AFTER).await;
    assert!(world.attempt.unresolved.contains(&shown.effect));
    assert!(world.attempt.conclude(&keys()[0], Verdict::NotDone));
    assert!(world.attempt.unresolved.is_empty());
}
