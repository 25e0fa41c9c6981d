//! Bounds of an attempt: calls, bytes, and the lease.

use std::time::Duration;

use gladhand_core::attempt::End;
use gladhand_core::effect::Verdict;
use gladhand_core::failure::FailureKind;
use gladhand_egress::{Config, Error, Request};

use crate::support::{Crm, Setting, World, once, set};

#[tokio::test]
async fn an_attempt_makes_so_many_calls_and_no_more() {
    let crm = Crm::with(200, "").await;
    let config = Config {
        http_calls: 3,
        ..Config::default()
    };
    let setting = Setting {
        config,
        ..Setting::default()
    };
    let mut world = World::with(&crm.url, setting);
    for _ in 0..3 {
        world.send(Request::get("/x")).await.expect("a response");
    }
    let result = world.send(Request::get("/x")).await;
    assert!(
        matches!(result, Err(Error::End(End::TooManyCalls(3)))),
        "{result:?}"
    );
    assert_eq!(crm.seen().len(), 3);
}

#[tokio::test]
async fn a_giant_request_is_refused() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    let mut request = once();
    request.body = Some(vec![b' '; (1 << 20) + 1]);
    let result = world.send(request).await;
    assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
    let recorded = world.last_exchange().request.len();
    assert!(recorded <= 256 << 10, "{recorded}");
}

#[tokio::test]
async fn a_lease_that_is_nearly_over_lets_nothing_leave() {
    let crm = Crm::with(200, "").await;
    for request in [Request::get("/x"), set("person", "{}"), once()] {
        let mut world = World::new(&crm.url);
        // Enough for the answer, not for what follows it.
        world.leave(Duration::from_secs(15));
        match world.send(request).await {
            Err(Error::End(End::Deferred { failure, .. })) => {
                assert_eq!(failure.kind, FailureKind::Unavailable);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn an_intent_whose_request_never_left_is_not_done() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.leave(Duration::from_secs(15));
    world.send(once()).await.expect_err("too late");
    let [(_, intent)] = world.journal.asked().try_into().expect("one intent");
    let answered = world.attempt.changes.answers.last().expect("an answer");
    assert_eq!(
        (answered.effect, answered.verdict),
        (intent.id, Verdict::NotDone)
    );
}

#[tokio::test]
async fn a_lease_that_is_over_lets_nothing_leave() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.clock.advance(Duration::from_mins(1));
    let result = world.send(Request::get("/x")).await;
    // Whether somebody else has the lane by now is the store's to say, when it is settled.
    assert!(
        matches!(result, Err(Error::End(End::Deferred { .. }))),
        "{result:?}"
    );
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn a_short_timeout_fits_into_a_short_lease() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.leave(Duration::from_secs(15));
    let mut request = Request::get("/x");
    request.timeout = Some(Duration::from_secs(5));
    world.send(request).await.expect("a response");
}
