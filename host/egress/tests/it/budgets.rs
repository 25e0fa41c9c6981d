//! Budgets: respected before the provider has to say so.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gladhand_core::attempt::{Attempt, End};
use gladhand_core::clock::{Clock as _, ManualClock, Timestamp};
use gladhand_core::effect::Intended;
use gladhand_core::failure::FailureKind;
use gladhand_core::lane::Priority;
use gladhand_core::port::Standings as _;
use gladhand_egress::{Egress, Error, Request, Response, Target};
use serde_json::{Value, json};

use crate::support::{Board, Crm, START, Script, Setting, World, answer, effect_id, once, reply};

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

/// When what was taken of a minute is back: a second for requests under way, and one for slices.
const OVER: Duration = Duration::from_secs(62);

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
    let full = START.after(OVER);
    assert_exhausted(world.send(Request::get("/x")).await, full);
    assert_eq!(crm.seen().len(), 2);
    world.clock.advance(OVER);
    world.prolong(Duration::from_mins(2));
    world.send(Request::get("/x")).await.expect("a response");
}

/// Requests of several attempts of one account, and who was answered in which order.
struct Crowd {
    parts: Arc<(Egress, Target, Script)>,
    clock: Arc<ManualClock>,
    answered: Arc<Mutex<Vec<&'static str>>>,
    sent: usize,
}

impl Crowd {
    fn of(world: World) -> Self {
        Self {
            parts: Arc::new((world.egress, world.target, world.journal)),
            clock: world.clock,
            answered: Arc::default(),
            sent: 0,
        }
    }

    fn answered(&self) -> Vec<&'static str> {
        self.answered.lock().expect("no panic").clone()
    }

    /// Sends, and comes back when it is answered or waits.
    async fn send(&mut self, name: &'static str, mut attempt: Attempt) {
        let (parts, answered) = (self.parts.clone(), self.answered.clone());
        tokio::spawn(async move {
            let (egress, target, journal) = &*parts;
            let sent = egress.send(target, &mut attempt, journal, Request::get("/x"));
            sent.await.expect("it waits and is sent");
            answered.lock().expect("no panic").push(name);
        });
        self.sent += 1;
        self.rest().await;
    }

    /// Lets time pass until everybody is answered.
    async fn finish(&self) -> Vec<&'static str> {
        while self.answered().len() < self.sent {
            self.clock.advance(Duration::from_millis(200));
            self.rest().await;
        }
        self.answered()
    }

    /// Waits until everybody is answered or waits for a time that has not come.
    async fn rest(&self) {
        let is_resting = || {
            let sleepers = self.clock.sleepers();
            let now = self.clock.now();
            sleepers.len() + self.answered().len() == self.sent
                && sleepers.iter().all(|until| *until > now)
        };
        while !is_resting() {
            tokio::task::yield_now().await;
        }
    }
}

fn attempt(priority: Priority, http_calls: u32) -> Attempt {
    let end = Duration::from_millis(START.0.cast_unsigned()) + Duration::from_mins(2);
    let mut attempt = crate::support::attempt(end);
    attempt.priority = priority;
    attempt.http_calls = http_calls;
    attempt
}

#[tokio::test]
async fn a_wait_happens_inside_the_attempt_as_long_as_it_can_hold_it() {
    let crm = Crm::with(200, "").await;
    let mut crowd = Crowd::of(world(&crm.url, &per_minute(60)));
    let began = crowd.clock.now();
    for _ in 0..20 {
        crowd.send("x", attempt(Priority::Live, 0)).await;
    }
    assert!(
        crm.seen().len() < 8,
        "a small burst, and not twenty at once"
    );
    crowd.finish().await;
    let took = crowd.clock.now().since(began);
    assert!((14..18).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test]
async fn live_goes_before_bulk_and_what_runs_before_what_begins() {
    let crm = Crm::with(200, "").await;
    let mut crowd = Crowd::of(world(&crm.url, &per_minute(60)));
    for _ in 0..6 {
        crowd.send("burst", attempt(Priority::Live, 0)).await;
    }
    crowd.finish().await;
    crowd.send("first", attempt(Priority::Bulk, 0)).await;
    crowd.send("bulk, new", attempt(Priority::Bulk, 0)).await;
    crowd
        .send("bulk, running", attempt(Priority::Bulk, 3))
        .await;
    crowd.send("live, new", attempt(Priority::Live, 0)).await;
    crowd
        .send("live, running", attempt(Priority::Live, 3))
        .await;
    let order = crowd.finish().await;
    let expect = [
        "live, running",
        "live, new",
        "bulk, running",
        "first",
        "bulk, new",
    ];
    assert_eq!(order[6..], expect);
}

#[tokio::test]
async fn a_wait_that_the_attempts_deadline_cannot_hold_defers_it() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(4));
    for _ in 0..4 {
        world.send(Request::get("/x")).await.expect("a burst");
    }
    // One unit comes back in 16 s, and an answer may take 15.
    world.attempt.deadline = world.clock.monotonic() + Duration::from_secs(30);
    assert!(matches!(
        world.send(Request::get("/x")).await,
        Err(Error::End(End::Deferred { .. }))
    ));
}

#[tokio::test]
async fn a_host_that_stops_puts_off_what_waits() {
    let crm = Crm::with(200, "").await;
    let World {
        egress,
        target,
        journal,
        mut attempt,
        clock,
        ..
    } = world(&crm.url, &per_minute(60));
    let stopping = async {
        while clock.sleepers().is_empty() {
            tokio::task::yield_now().await;
        }
        egress.stop_waiting();
    };
    let sending = async {
        loop {
            let sent = egress.send(&target, &mut attempt, &journal, Request::get("/x"));
            if let Err(error) = sent.await {
                return error;
            }
        }
    };
    let (error, ()) = tokio::join!(sending, stopping);
    // And what comes now does not wait either.
    let sent = egress.send(&target, &mut attempt, &journal, Request::get("/x"));
    for error in [error, sent.await.expect_err("nothing is left")] {
        let Error::End(End::Deferred { until, failure }) = error else {
            panic!("{error:?}");
        };
        assert!(until > clock.now());
        assert_eq!(failure.kind, FailureKind::BudgetExhausted);
    }
}

#[tokio::test]
async fn a_concurrency_is_waited_for_until_a_request_is_answered() {
    let crm = Crm::with(200, "").await;
    let budget = json!({ "name": "parallel", "limit": 1, "window-ms": 0, "kind": "concurrency" });
    let World {
        egress,
        target,
        journal,
        attempt: mut first,
        ..
    } = world(&crm.url, &budget);
    let mut second = crate::support::attempt(first.lease.until.get());
    let (one, other) = tokio::join!(
        egress.send(&target, &mut first, &journal, Request::get("/x")),
        egress.send(&target, &mut second, &journal, Request::get("/x")),
    );
    assert!(one.is_ok() && other.is_ok());
}

/// Two hosts of one store.
fn hosts(url: &str, budget: &Value) -> [World; 2] {
    let (standings, clock) = (Arc::<Board>::default(), Arc::new(ManualClock::new(START)));
    [(); 2].map(|()| {
        let setting = Setting {
            descriptor: json!({ "budgets": [budget] }),
            standings: standings.clone(),
            clock: clock.clone(),
            ..Setting::default()
        };
        World::with(url, setting)
    })
}

#[tokio::test]
async fn two_hosts_send_together_no_more_than_one_may() {
    let crm = Crm::with(200, "").await;
    let mut hosts = hosts(&crm.url, &per_minute(10));
    let clock = hosts[0].clock.clone();
    let mut sent = Vec::new();
    for _ in 0..130 {
        for host in &mut hosts {
            // Too short for any wait: what is not there now is deferred.
            host.leave(Duration::from_millis(16_001));
            while host.send(Request::get("/x")).await.is_ok() {
                sent.push(clock.now());
                host.attempt.http_calls = 0;
            }
        }
        clock.advance(Duration::from_secs(1));
    }
    for from in &sent {
        let end = from.after(Duration::from_mins(1));
        let inside = sent.iter().filter(|at| *from <= **at && **at < end).count();
        assert!(inside <= 10, "{inside} within a minute");
    }
    assert!(sent.len() >= 20, "{} in two windows", sent.len());
    assert_eq!(crm.seen().len(), sent.len());
}

#[tokio::test]
async fn a_host_that_starts_again_remembers_what_was_used() {
    let crm = Crm::with(200, "").await;
    let [mut before, mut after] = hosts(&crm.url, &per_minute(2));
    for _ in 0..2 {
        before.send(Request::get("/x")).await.expect("a response");
    }
    assert_exhausted(after.send(Request::get("/x")).await, START.after(OVER));
}

#[tokio::test]
async fn what_one_host_was_asked_to_wait_the_other_waits() {
    let crm = Crm::answering(|_| reply(429, &[("retry-after", "90")], "")).await;
    let [mut told, mut other] = hosts(&crm.url, &per_minute(60));
    told.send(Request::get("/x")).await.expect("a response");
    other
        .egress
        .learn(&told.standings.all().await.expect("it is up"));
    let over = START.after(Duration::from_secs(90));
    assert_exhausted(other.send(Request::get("/x")).await, over);
    assert_eq!(crm.seen().len(), 1);
}

#[tokio::test]
async fn a_slice_with_units_left_does_not_touch_the_store() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(6_000));
    world.send(Request::get("/x")).await.expect("a response");
    world.standings.is_down.store(true, Ordering::Relaxed);
    for _ in 0..40 {
        world.send(Request::get("/x")).await.expect("a response");
    }
    assert_eq!(world.standings.replaced.load(Ordering::Relaxed), 1);
    world.clock.advance(Duration::from_secs(2));
    let result = world.send(Request::get("/x")).await;
    assert!(
        matches!(result, Err(Error::End(End::Store(_)))),
        "without a slice and without the store nothing leaves: {result:?}"
    );
}

#[tokio::test]
async fn an_attempt_that_would_not_get_through_does_not_begin() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(60));
    assert_eq!(world.egress.room(&world.target, 5, 0, 4), Ok(3));
    for _ in 0..6 {
        world.send(Request::get("/x")).await.expect("a burst");
    }
    assert_eq!(world.egress.room(&world.target, 5, 0, 4), Ok(2));
    assert_eq!(
        world.egress.room(&world.target, 5, 2, 2),
        Err(START.after(Duration::from_millis(1_735)))
    );
}

#[tokio::test]
async fn a_request_dearer_than_what_is_left_is_deferred() {
    let crm = Crm::with(200, "").await;
    let mut world = world(&crm.url, &per_minute(4));
    let mut request = Request::get("/x");
    request.costs = vec![("requests".into(), 2)];
    world.send(request.clone()).await.expect("three of four");
    assert_exhausted(world.send(request).await, START.after(OVER));
    assert_eq!(crm.seen().len(), 1);
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
    let full = START.after(OVER);
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
    let full = START.after(OVER);
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
    // Too short for the wait.
    world.leave(Duration::from_secs(20));
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
        world.leave(Duration::from_secs(20));
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
    let mut world = world(&crm.url, &per_minute(2));
    for _ in 0..2 {
        world.send(Request::get("/x")).await.expect("a response");
    }
    world.attempt = crate::support::attempt(world.attempt.lease.until.get());
    let full = START.after(OVER);
    assert_exhausted(world.send(Request::get("/x")).await, full);
}
