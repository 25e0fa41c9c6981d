//! Budgets: respected before the provider has to say so.

use std::time::Duration;

use gladhand_core::attempt::End;
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::Intended;
use gladhand_core::failure::FailureKind;
use gladhand_egress::{Error, Request, Response};
use serde_json::{Value, json};

use crate::support::{Crm, START, Setting, World, answer, effect_id, once, reply};

fn world(url: &str, budget: &Value) -> World {
    let setting = Setting {
        descriptor: json!({ "budgets": [budget] }),
        ..Setting::default()
    };
    World::with(url, setting)
}

fn per_minute(limit: u32) -> Value {
    json!({ "name": "requests", "limit": limit, "window-ms": 60_000, "kind": "fixed", "remaining-header": "X-RateLimit-Remaining" })
}

#[track_caller]
fn assert_exhausted(result: Result<Response, Error>, expect: Timestamp) {
    match result {
        Err(Error::End(End::Deferred { until, failure })) => {
            assert_eq!(until, expect);
            assert_eq!(failure.kind, FailureKind::BudgetExhausted);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_empty_budget_defers_the_delivery_until_it_fills() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(2));
    for _ in 0..2 {
        world.send(Request::get("/x")).await.expect("a response");
    }
    let full = START.after(Duration::from_secs(61));
    assert_exhausted(world.send(Request::get("/x")).await, full);
    assert_eq!(crm.seen().len(), 2);
    world.clock.advance(Duration::from_secs(61));
    world.attempt.lease.until += Duration::from_mins(2);
    world.send(Request::get("/x")).await.expect("a response");
}

#[tokio::test]
async fn a_short_wait_happens_inside_the_attempt() {
    let crm = Crm::with(200, "").await;
    let budget = json!({ "name": "parallel", "limit": 1, "window-ms": 0, "kind": "concurrency" });
    let World {
        egress,
        target,
        journal,
        attempt: mut first,
        ..
    } = world(&crm.url, &budget);
    let mut second = crate::support::attempt(first.lease.until);
    let (one, other) = tokio::join!(
        egress.send(&target, &mut first, &journal, Request::get("/x")),
        egress.send(&target, &mut second, &journal, Request::get("/x")),
    );
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(first.waited, Duration::ZERO);
    assert!(
        second.waited >= Duration::from_millis(50),
        "it waited for the first to be answered"
    );
}

#[tokio::test]
async fn a_request_dearer_than_what_is_left_is_deferred() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(5));
    let mut request = Request::get("/x");
    request.costs = vec![("requests".into(), 3)];
    world
        .send(request.clone())
        .await
        .expect("four of five units");
    let full = START.after(Duration::from_secs(61));
    assert_exhausted(world.send(request).await, full);
    world
        .send(Request::get("/x"))
        .await
        .expect("the fifth unit");
}

#[tokio::test]
async fn a_budget_that_the_descriptor_does_not_have_is_refused() {
    let crm = Crm::with(200, "").await;
    let mut request = Request::get("/x");
    request.costs = vec![("credits".into(), 1)];
    let result = World::new(&crm.url).send(request).await;
    assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
}

#[tokio::test]
async fn the_remaining_header_empties_the_window() {
    let crm = Crm::answering(|_| reply(200, &[("x-ratelimit-remaining", "0")], "")).await;
    let mut world = world(&crm.url, &per_minute(60));
    world.send(Request::get("/x")).await.expect("a response");
    let full = START.after(Duration::from_secs(61));
    assert_exhausted(world.send(Request::get("/x")).await, full);
}

#[tokio::test]
async fn the_limit_header_tells_what_this_installation_allows() {
    let crm = Crm::answering(|_| reply(200, &[("x-ratelimit-limit", "3")], "")).await;
    let mut spec = per_minute(1);
    spec["limit-header"] = "X-RateLimit-Limit".into();
    let mut world = world(&crm.url, &spec);
    for _ in 0..3 {
        world.send(Request::get("/x")).await.expect("a response");
    }
    let full = START.after(Duration::from_secs(61));
    assert_exhausted(world.send(Request::get("/x")).await, full);
}

#[tokio::test]
async fn a_connectors_report_empties_the_window() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(60));
    let reset = Some(Duration::from_secs(9));
    world
        .egress
        .report_budget(&world.target, "unheard-of", None, Some(0), reset);
    world.send(Request::get("/x")).await.expect("a response");
    world
        .egress
        .report_budget(&world.target, "requests", None, Some(0), reset);
    let full = START.after(Duration::from_secs(9));
    assert_exhausted(world.send(Request::get("/x")).await, full);
}

#[tokio::test]
async fn a_rate_limited_account_is_left_alone_for_as_long_as_it_asked() {
    for hint in ["30", "Fri, 15 Jan 2027 08:00:30 GMT"] {
        let crm = Crm::answering(move |_| reply(429, &[("retry-after", hint)], "")).await;
        let mut world = World::new(&crm.url);
        let response = world.send(Request::get("/x")).await.expect("a response");
        assert_eq!(response.status, 429);
        let over = START.after(Duration::from_secs(30));
        assert_exhausted(world.send(Request::get("/x")).await, over);
        assert_eq!(crm.seen().len(), 1);
    }
}

#[tokio::test]
async fn what_the_journal_answers_costs_nothing() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(1));
    for _ in 0..3 {
        world
            .journal
            .then(Ok(Intended::Replay(effect_id(5), answer(201, ""))));
        world.send(once()).await.expect("a response");
    }
    world
        .send(Request::get("/x"))
        .await
        .expect("the one unit is left");
}

#[tokio::test]
async fn what_never_left_costs_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let mut world = world(&url, &per_minute(1));
    for _ in 0..2 {
        let result = world.send(Request::get("/x")).await;
        assert!(matches!(result, Err(Error::Unreachable(_))), "{result:?}");
    }
}

#[tokio::test]
async fn a_budget_belongs_to_the_account_and_not_to_the_attempt() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(1));
    world.send(Request::get("/x")).await.expect("a response");
    world.attempt = crate::support::attempt(world.attempt.lease.until);
    let full = START.after(Duration::from_secs(61));
    assert_exhausted(world.send(Request::get("/x")).await, full);
}
