//! What can be made to go wrong in the simulator.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::clock::{ManualClock, Timestamp};
use gladhand_tests::fault::{Fault, Matcher, Rule, Work};
use gladhand_tests::krayin::{Config, Contract};
use serde_json::Value;

use super::talk::{Talk, person, send};

const PERSONS: &str = "/api/v1/contacts/persons";

/// A simulator in which the next person that is made meets this fault.
fn struck(fault: Fault) -> Talk {
    let talk = Talk::start(Config {
        contract: Contract::Debug,
        ..Config::default()
    });
    talk.krayin
        .inject(Rule::new(Matcher::of("POST", PERSONS), fault));
    talk
}

/// Makes a person; the status, none where there was no answer, and how many persons there are then.
#[track_caller]
fn check(fault: &Fault, expect: (Option<u16>, usize)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let came = runtime.block_on(async {
        let mut talk = struck(fault.clone());
        let told = talk
            .try_ask("POST", PERSONS, person("jane@example.com", "+1555"))
            .await;
        let first = (
            told.ok().map(|told| told.status),
            talk.krayin.snapshot().persons.len(),
        );
        // The rule was for one request, whatever became of the connection.
        let again = talk
            .ask("POST", PERSONS, person("john@example.com", "+1556"))
            .await;
        assert!(
            again.status == 200 || first.0 == Some(401),
            "the next request is served: {again:?}"
        );
        first
    });
    assert_eq!(came, expect, "{fault:?}");
}

#[test]
fn a_struck_request_is_done_or_not_and_answered_or_not() {
    check(&Fault::Error { done: false }, (Some(500), 0));
    check(&Fault::Error { done: true }, (Some(500), 1));
    check(&Fault::Reset { done: false }, (None, 0));
    check(&Fault::Reset { done: true }, (None, 1));
    check(
        &Fault::Hang {
            hold_ms: 5,
            work: Work::Before,
        },
        (Some(200), 1),
    );
    check(
        &Fault::Hang {
            hold_ms: 5,
            work: Work::After,
        },
        (Some(200), 1),
    );
    check(
        &Fault::Hang {
            hold_ms: 5,
            work: Work::Never,
        },
        (None, 0),
    );
    check(&Fault::RevokeTokens, (Some(401), 0));
    check(&Fault::Redirect, (Some(302), 0));
    check(&Fault::Html { status: 200 }, (Some(200), 0));
    check(&Fault::Html { status: 502 }, (Some(502), 0));
    check(
        &Fault::TooManyRequests {
            retry_after_secs: 7,
        },
        (Some(429), 0),
    );
}

#[tokio::test]
async fn a_reset_is_logged_without_a_status() {
    let mut talk = struck(Fault::Reset { done: true });
    talk.try_ask("POST", PERSONS, person("jane@example.com", "+1555"))
        .await
        .unwrap_err();
    let seen = talk.krayin.requests();
    assert_eq!(
        (seen.len(), seen[0].status, &seen[0].fault),
        (1, None, &Some(Fault::Reset { done: true }))
    );
}

#[tokio::test]
async fn hanging_work_is_done_although_the_client_has_left() {
    let mut talk = struck(Fault::Hang {
        hold_ms: 200,
        work: Work::After,
    });
    let (mut client, headers) = talk.twin();
    let body = person("jane@example.com", "+1555");
    tokio::select! {
        _ = send(&mut client, "POST", PERSONS, &headers, body) => panic!("it hangs"),
        () = until(|| talk.krayin.request_count() == 1) => drop(client),
    }
    until(|| !talk.krayin.snapshot().persons.is_empty()).await;
    assert_eq!(talk.krayin.requests()[0].status, None);
    assert_eq!(
        talk.ask("GET", "/api/v1/get", Value::Null).await.status,
        200
    );
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn late_work_is_done_by_the_injected_clock() {
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let mut talk = Talk::start(Config {
        clock: clock.clone(),
        ..Config::default()
    });
    let late = Fault::Late {
        hold_ms: 0,
        after_ms: 20_000,
    };
    talk.krayin
        .inject(Rule::new(Matcher::of("POST", PERSONS), late));
    talk.try_ask("POST", PERSONS, person("jane@example.com", "+1555"))
        .await
        .unwrap_err();
    clock.advance(Duration::from_secs(19));
    assert_eq!(talk.krayin.snapshot().persons.len(), 0);
    clock.advance(Duration::from_secs(1));
    let listed = talk.ask("GET", PERSONS, Value::Null).await;
    assert_eq!(listed.body["meta"]["total"], 1);
    assert_eq!(
        listed.body["data"][0]["created_at"],
        "1970-01-01T00:00:20.000000Z"
    );
}

#[tokio::test]
async fn only_the_named_request_is_struck_until_the_rules_are_cleared() {
    let mut talk = Talk::start(Config::default());
    let second = Matcher::of("GET", "/api/v1/leads/*").nth(2);
    talk.krayin
        .inject(Rule::new(second, Fault::Html { status: 502 }));
    talk.krayin.inject(Rule::new(
        Matcher::of("GET", "/api/v1/get").always(),
        Fault::Redirect,
    ));
    let mut statuses = Vec::new();
    for path in [
        "/api/v1/leads/1",
        "/api/v1/leads",
        "/api/v1/leads/1",
        "/api/v1/leads/1",
        "/api/v1/get",
    ] {
        statuses.push(talk.ask("GET", path, Value::Null).await.status);
    }
    assert_eq!(statuses, [404, 200, 502, 404, 302]);
    talk.krayin.clear_faults();
    assert_eq!(
        talk.ask("GET", "/api/v1/get", Value::Null).await.status,
        200
    );
}
