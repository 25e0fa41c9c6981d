//! The breaker: after so much trouble nothing leaves, then one delivery finds out.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::attempt::{End, LastRequest};
use gladhand_core::breaker::Admission;
use gladhand_core::clock::ManualClock;
use gladhand_core::failure::FailureKind;
use gladhand_core::port::Standings as _;
use gladhand_egress::{Error, Request, Verdict};

use crate::support::{Board, Crm, START, Setting, World, rude_server};

const OPEN: Duration = Duration::from_secs(15);

fn hosts(url: &str) -> [World; 2] {
    let (standings, clock) = (Arc::<Board>::default(), Arc::new(ManualClock::new(START)));
    [(); 2].map(|()| {
        let setting = Setting {
            standings: standings.clone(),
            clock: clock.clone(),
            ..Setting::default()
        };
        World::with(url, setting)
    })
}

async fn fail(world: &World, times: u32) {
    for _ in 0..times {
        let judged = world.egress.judge(&world.target, Verdict::Trouble, false);
        judged.await.expect("the store is up");
    }
}

async fn told(world: &World) {
    let all = world.standings.all().await.expect("it is up");
    world.egress.learn(&all);
}

#[tokio::test]
async fn an_open_breaker_lets_nothing_leave_and_defers_the_delivery() {
    let crm = Crm::with(200, "").await;
    let [mut world, _] = hosts(&crm.url);
    fail(&world, 4).await;
    world.send(Request::get("/x")).await.expect("not yet open");
    fail(&world, 1).await;
    match world.send(Request::get("/x")).await {
        Err(Error::End(End::Deferred { until, failure })) => {
            assert_eq!(until, START.after(OPEN));
            assert_eq!(failure.kind, FailureKind::BreakerOpen);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(crm.seen().len(), 1);
}

#[tokio::test]
async fn it_is_open_for_every_host_and_one_of_them_finds_out() {
    let crm = Crm::with(200, "").await;
    let [mut one, other] = hosts(&crm.url);
    let account = one.target.account().id;
    fail(&one, 5).await;
    told(&other).await;
    let until = START.after(OPEN);
    assert_eq!(other.egress.admits(account), Admission::Nothing(until));
    one.clock.advance(OPEN);
    assert_eq!(one.egress.admits(account), Admission::Probe);
    assert_eq!(other.egress.admits(account), Admission::Probe);
    assert!(one.egress.probe(account).await.expect("the store is up"));
    assert!(!other.egress.probe(account).await.expect("the store is up"));
    one.attempt.is_probe = true;
    one.send(Request::get("/x")).await.expect("it may ask");
    let judged = one.egress.judge(&one.target, Verdict::Well, true);
    assert_eq!(judged.await.expect("the store is up"), None);
    told(&other).await;
    assert_eq!(other.egress.admits(account), Admission::Everything);
}

#[tokio::test]
async fn a_probe_that_fails_waits_longer_than_before() {
    let crm = Crm::with(200, "").await;
    let [world, _] = hosts(&crm.url);
    fail(&world, 5).await;
    world.clock.advance(OPEN);
    let account = world.target.account().id;
    assert!(world.egress.probe(account).await.expect("the store is up"));
    let judged = world.egress.judge(&world.target, Verdict::Trouble, true);
    let until = START.after(3 * OPEN);
    assert_eq!(judged.await.expect("the store is up"), Some(until));
    assert_eq!(world.egress.admits(account), Admission::Nothing(until));
}

#[tokio::test]
async fn how_the_last_request_ended_is_known() {
    let broken = rude_server(|stream| async move { drop(stream) }).await;
    for (url, expect) in [
        (Crm::with(200, "").await.url, LastRequest::Answered),
        (Crm::with(429, "").await.url, LastRequest::Answered),
        (Crm::with(503, "").await.url, LastRequest::Troubled),
        (broken, LastRequest::Troubled),
    ] {
        let [mut world, _] = hosts(&url);
        assert_eq!(world.attempt.last_request, LastRequest::None);
        let _answered_or_not = world.send(Request::get("/x")).await;
        assert_eq!(world.attempt.last_request, expect, "{url}");
    }
}
