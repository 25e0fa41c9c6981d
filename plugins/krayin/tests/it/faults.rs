//! Krayin's answers lie, get lost and come as web pages: nothing is doubled, and the operator is told the truth.

use gladhand_sdk::http::{Error, Verdict};
use gladhand_sdk::testing::{self, Answer};
use gladhand_sdk::{EventKind, FailureKind};
use serde_json::json;

use crate::krayin::Fault;
use crate::world::{World, changed, conversation, jane, jane_of};

/// Runs one delivery until it succeeds, with one fault at the first write of `on`.
#[track_caller]
fn check_create(on: &'static str, fault: Fault) {
    let world = World::new();
    world.crm.borrow_mut().fault = Some((on, fault));
    let mut event = conversation(EventKind::ConversationOpened, "web-widget", jane_of("Acme"));
    event.id = "evt_3".into();
    let mut attempts = 0;
    while let Err(failure) = world.attempt("d", &event) {
        attempts += 1;
        assert!(attempts < 3, "{on} {fault:?}: {failure}");
        world.host.advance(60_000);
    }
    assert_eq!(attempts, 1, "{on} {fault:?}: the fault was not met");
    let crm = world.crm.borrow();
    let counts = [
        &crm.organizations,
        &crm.persons,
        &crm.leads,
        &crm.activities,
    ]
    .map(Vec::len);
    assert_eq!(counts, [1, 1, 1, 1], "{on} {fault:?}");
    assert_eq!(crm.activities[0]["lead_id"], crm.leads[0]["id"]);
    assert_eq!(crm.activities[0]["person_id"], crm.persons[0]["id"]);
    assert_eq!(
        crm.persons[0]["organization_id"],
        crm.organizations[0]["id"]
    );
}

#[test]
fn a_create_whose_answer_is_lost_is_found_and_not_repeated() {
    for on in [
        "contacts/organizations",
        "contacts/persons",
        "leads",
        "activities",
    ] {
        check_create(on, Fault::TimeoutAfter);
        check_create(on, Fault::ErrorAfter);
    }
}

#[test]
fn a_create_that_never_arrived_is_sent_again() {
    for on in [
        "contacts/organizations",
        "contacts/persons",
        "leads",
        "activities",
    ] {
        check_create(on, Fault::TimeoutBefore);
        check_create(on, Fault::WebPage);
    }
}

#[test]
fn an_update_that_is_lost_is_repeated() {
    for fault in [Fault::TimeoutBefore, Fault::TimeoutAfter, Fault::ErrorAfter] {
        check_create("activities/", fault);
    }
}

#[test]
fn a_lead_in_doubt_is_looked_up_and_concluded() {
    let world = World::new();
    world.crm.borrow_mut().fault = Some(("leads", Fault::TimeoutAfter));
    world.attempt("d", &changed(jane())).unwrap_err();
    world.host.advance(60_000);
    world.attempt("d", &changed(jane())).unwrap();
    assert_eq!(world.crm.borrow().leads.len(), 1);
    let concluded = world.host.concluded();
    assert!(
        concluded
            .iter()
            .any(|(key, verdict)| key.starts_with("open-lead:") && *verdict == Verdict::Done)
    );
}

#[test]
fn a_web_page_of_status_200_leaves_a_write_in_doubt() {
    let world = World::new();
    world.crm.borrow_mut().fault = Some(("contacts/persons", Fault::WebPage));
    let failure = world.handle(&changed(jane())).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Configuration);
    assert!(failure.message.contains("rest-api"), "{failure}");
    let concluded = world.host.concluded();
    assert!(concluded.contains(&("person/email:jane@example.com".into(), Verdict::Unknown)));
}

#[test]
fn a_dead_token_is_told_from_a_fault_by_one_probe() {
    let world = World::new();
    world.crm.borrow_mut().token_is_dead = true;
    let failure = world.handle(&changed(jane())).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
    assert_eq!(world.calls(), ["GET contacts/persons/search", "GET get"]);
}

#[test]
fn a_used_up_minute_is_told_from_a_dead_token_by_what_was_left() {
    let world = World::new();
    world.crm.borrow_mut().left = Some(1);
    let failure = world.handle(&changed(jane())).unwrap_err();
    assert_eq!(failure.kind, FailureKind::RateLimited, "{failure}");
    assert_eq!(failure.retry_after_ms, Some(60_000));

    // The next delivery begins with a 500 and remembers why.
    let failure = world.handle(&changed(jane())).unwrap_err();
    assert_eq!(failure.kind, FailureKind::RateLimited, "{failure}");

    world.host.advance(60_001);
    world.crm.borrow_mut().left = Some(60);
    world.handle(&changed(jane())).unwrap();
    assert_eq!(world.crm.borrow().persons.len(), 1);
}

#[test]
fn a_fault_of_krayin_is_told_by_the_limit_that_it_still_counts() {
    let world = World::new();
    world.crm.borrow_mut().fault = Some(("contacts/persons", Fault::ErrorAfter));
    let failure = world.handle(&changed(jane())).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable, "{failure}");
    assert_eq!(
        world.calls(),
        ["GET contacts/persons/search", "POST contacts/persons"]
    );
}

#[track_caller]
fn check_answer(answer: fn() -> Answer, kind: FailureKind, says: &str) {
    let world = World::new();
    world.crm.borrow_mut().always = Some(answer);
    let failure = world
        .handle(&changed(jane()))
        .expect_err("no answer is of use");
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.message.contains(says), "{failure}");
}

fn with_header(answer: Answer, name: &str, value: &str) -> Answer {
    answer.map(|mut response| {
        response.headers.push((name.into(), value.into()));
        response
    })
}

#[test]
fn every_other_answer_is_explained_in_the_operators_terms() {
    check_answer(
        || testing::html(200, "<title>Shop</title>"),
        FailureKind::Configuration,
        "<title>Shop</title>",
    );
    check_answer(
        || testing::html(404, "<title>Not Found</title>"),
        FailureKind::Configuration,
        "krayin/rest-api",
    );
    check_answer(
        || {
            testing::json(
                404,
                &json!({"message": "admin::app.common.resource-not-found"}),
            )
        },
        FailureKind::Configuration,
        "krayin/rest-api",
    );
    check_answer(
        || {
            with_header(
                testing::html(302, ""),
                "Location",
                "https://crm.example.com/admin/login",
            )
        },
        FailureKind::Configuration,
        "redirects to https://crm.example.com/admin/login",
    );
    check_answer(
        || testing::html(502, "Bad Gateway"),
        FailureKind::Unavailable,
        "502",
    );
    check_answer(
        || testing::html(500, "<title>Oops</title>"),
        FailureKind::Unavailable,
        "500",
    );
    check_answer(
        || testing::json(403, &json!({})),
        FailureKind::Permission,
        "role",
    );
    check_answer(
        || Err(Error::Unreachable("no route".into())),
        FailureKind::Unavailable,
        "no route",
    );
    check_answer(
        || {
            testing::json(
                422,
                &json!({"message": "No.", "errors": {"name": ["Too short."]}}),
            )
        },
        FailureKind::Invalid,
        "Krayin refuses: No",
    );
}

#[test]
fn the_answers_of_newer_generations_are_understood() {
    check_answer(
        || testing::json(401, &json!({"message": "You are not authenticated."})),
        FailureKind::Auth,
        "token",
    );
    check_answer(
        || {
            with_header(
                testing::json(429, &json!({"message": "Too Many Requests"})),
                "Retry-After",
                "17",
            )
        },
        FailureKind::RateLimited,
        "60 requests",
    );
}

#[test]
fn refused_values_name_their_fields() {
    let world = World::new();
    world.crm.borrow_mut().always = Some(|| {
        testing::json(
            422,
            &json!({"message": "No.", "errors": {"name": ["Too short.", "Too plain."]}}),
        )
    });
    let failure = world.handle(&changed(jane())).unwrap_err();
    assert_eq!(
        failure.fields,
        [("name".to_owned(), "Too short. Too plain.".to_owned())]
    );
}
