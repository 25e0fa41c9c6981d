//! Stopped in the middle, or without an answer: whatever was begun is finished, once.

use std::time::Duration;

use gladhand_core::clock::Clock as _;
use gladhand_core::delivery::DeliveryState;
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::chatwoot::day;
use gladhand_tests::chatwoot::day::Expected;
use gladhand_tests::fault::{Fault, Matcher, Rule};
use gladhand_tests::seen::Seen;

use crate::bed::{Bed, NOON, appears, jane};

const PERSONS: &str = "/api/v1/contacts/persons";
const LEADS: &str = "/api/v1/leads";

/// Looking for a lost create proves nothing before: what the connector's descriptor says.
const LOOKUP_AFTER: Duration = Duration::from_mins(1);

fn expected(bed: &Bed) -> Expected {
    let snapshot = bed.crm.snapshot();
    Expected {
        persons: snapshot.persons.len(),
        organizations: snapshot.organizations.len(),
        leads: snapshot.leads.len(),
        activities: snapshot.activities.len(),
    }
}

fn creates(bed: &Bed, path: &str) -> Vec<Seen> {
    let mut requests = bed.crm.requests();
    requests.retain(|seen| seen.method == "POST" && seen.path == path);
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_with_deliveries_pending_and_started_again_everything_is_delivered_once() {
    let bed = Bed::new().await;
    // Slow enough that most of the day is still to be done when the host is stopped.
    bed.crm.set_latency(Duration::from_millis(150));
    let (webhooks, wanted) = day(NOON);
    bed.send("day", &webhooks).await;
    let bed = bed.restarted().await;
    assert_ne!(
        expected(&bed),
        wanted,
        "the host was stopped before it was done"
    );
    bed.crm.set_latency(Duration::ZERO);
    let deliveries = bed.rest().await;
    let is_done = |state| {
        matches!(
            state,
            DeliveryState::Succeeded | DeliveryState::Skipped | DeliveryState::Superseded
        )
    };
    let left: Vec<_> = deliveries
        .iter()
        .filter(|delivery| !is_done(delivery.state))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(expected(&bed), wanted, "{:#?}", bed.crm.snapshot());
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_again_and_again_nothing_is_lost_and_nothing_doubled() {
    let mut bed = Bed::new().await;
    let (webhooks, wanted) = day(NOON);
    for (number, some) in webhooks.chunks(8).enumerate() {
        bed.crm.set_latency(Duration::from_millis(3));
        bed.send(&format!("part-{number}"), some).await;
        bed = bed.restarted().await;
    }
    bed.finish().await;
    assert_eq!(expected(&bed), wanted, "{:#?}", bed.crm.snapshot());
}

/// The answer of a create is lost, done or not; in between the host is started again.
async fn check(contact: Contact, path: &str, done: bool) {
    let bed = Bed::new().await;
    bed.crm
        .inject(Rule::new(Matcher::of("POST", path), Fault::Reset { done }));
    bed.send("lost", &appears(contact)).await;
    let deliveries = bed.rest().await;
    assert_eq!(
        deliveries[0].state,
        DeliveryState::Waiting,
        "{deliveries:#?}"
    );
    let bed = bed.restarted().await;
    let deliveries = bed.finish().await;
    assert_eq!(
        deliveries[0].state,
        DeliveryState::Succeeded,
        "{deliveries:#?}"
    );

    let found = expected(&bed);
    assert_eq!(
        (found.persons, found.leads),
        (1, 1),
        "{:#?}",
        bed.crm.snapshot()
    );
    let creates = creates(&bed, path);
    if done {
        assert_eq!(
            creates.len(),
            1,
            "what is there is found and not sent again"
        );
    } else {
        assert_eq!(creates.len(), 2, "what is not there is sent once more");
        let waited = creates[1].at.since(creates[0].at);
        assert!(
            waited >= LOOKUP_AFTER,
            "the CRM might still have finished it: {waited:?}"
        );
    }
    assert!(
        bed.clock.now().since(creates[0].at) < 3 * LOOKUP_AFTER,
        "and it does not wait for longer than it must"
    );
}

fn phoned() -> Contact {
    Contact {
        id: 203,
        name: "Tom Baker".into(),
        phone: Some("+12025550109".into()),
        ..Contact::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_that_was_made_without_an_answer_is_found() {
    check(jane(), PERSONS, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_that_was_not_made_is_made_after_the_lookup() {
    check(jane(), PERSONS, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_phone_alone_that_was_made_without_an_answer_is_found() {
    check(phoned(), PERSONS, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_phone_alone_that_was_not_made_is_made_after_the_lookup() {
    check(phoned(), PERSONS, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_was_made_without_an_answer_is_found() {
    check(jane(), LEADS, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_was_not_made_is_made_after_the_lookup() {
    check(jane(), LEADS, false).await;
}

/// The CRM finishes a create twenty seconds after the connection broke.
async fn check_late(path: &str) {
    let bed = Bed::new().await;
    let late = Fault::Late {
        hold_ms: 10,
        after_ms: 20_000,
    };
    bed.crm.inject(Rule::new(Matcher::of("POST", path), late));
    bed.send("late", &appears(jane())).await;
    let deliveries = bed.finish().await;
    assert_eq!(
        deliveries[0].state,
        DeliveryState::Succeeded,
        "{deliveries:#?}"
    );
    let found = expected(&bed);
    assert_eq!(
        (found.persons, found.leads),
        (1, 1),
        "{:#?}",
        bed.crm.snapshot()
    );
    assert_eq!(
        creates(&bed, path).len(),
        1,
        "what came late is found and not sent again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_that_the_crm_makes_after_we_gave_up_is_found_and_not_doubled() {
    check_late(PERSONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_the_crm_makes_after_we_gave_up_is_found_and_not_doubled() {
    check_late(LEADS).await;
}

/// The same, and right after it the host's clock is ten minutes ahead, so that the create looks long over.
async fn check_late_with_a_clock_ahead(path: &str) {
    let bed = Bed::new().await;
    let late = Fault::Late {
        hold_ms: 10,
        after_ms: 20_000,
    };
    bed.crm.inject(Rule::new(Matcher::of("POST", path), late));
    bed.send("late", &appears(jane())).await;
    bed.rest().await;
    bed.clock.stand_off(600_000);
    let deliveries = bed.rest().await;
    assert_eq!(
        deliveries[0].state,
        DeliveryState::Waiting,
        "{deliveries:#?}"
    );
    assert_eq!(
        creates(&bed, path).len(),
        1,
        "it proves nothing to look now"
    );
    bed.clock.stand_off(0);
    bed.finish().await;
    let found = expected(&bed);
    assert_eq!(
        (found.persons, found.leads, creates(&bed, path).len()),
        (1, 1, 1),
        "what came late is found and not sent again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_that_the_crm_makes_late_is_not_doubled_by_a_clock_that_is_ahead() {
    check_late_with_a_clock_ahead(PERSONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_the_crm_makes_late_is_not_doubled_by_a_clock_that_is_ahead() {
    check_late_with_a_clock_ahead(LEADS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_in_which_every_third_create_loses_its_answer_ends_as_any_other() {
    let bed = Bed::new().await;
    for path in [
        PERSONS,
        LEADS,
        "/api/v1/activities",
        "/api/v1/contacts/organizations",
    ] {
        for nth in [1, 4, 7] {
            let lost = Fault::Reset { done: nth != 4 };
            bed.crm
                .inject(Rule::new(Matcher::of("POST", path).nth(nth), lost));
        }
    }
    let (webhooks, wanted) = day(NOON);
    bed.send("day", &webhooks).await;
    let deliveries = bed.finish().await;
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.state.is_settled() && delivery.state != DeliveryState::Dead)
    );
    assert_eq!(expected(&bed), wanted, "{:#?}", bed.crm.snapshot());
}
