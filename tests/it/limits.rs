//! A CRM that lets only so much through: the limit is kept to, waiting for it is no attempt, everything arrives once.

use std::time::Duration;

use gladhand_core::clock::Clock as _;
use gladhand_core::failure::FailureKind;
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::fault::{Fault, Matcher, Rule};
use gladhand_tests::krayin::Contract;

use crate::bed::{Bed, appears, jane};
use crate::trouble::{check_arrived_once, check_waits};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_asks_to_wait_is_waited_and_is_no_attempt() {
    let bed = Bed::new().await;
    bed.crm.set_contract(Contract::Generation2026);
    bed.crm.inject(Rule::new(
        Matcher::any(),
        Fault::TooManyRequests {
            retry_after_secs: 30,
        },
    ));
    let asked_at = bed.clock.now();
    bed.send("throttled", &appears(jane())).await;
    let deliveries = bed.rest().await;
    check_waits(
        &deliveries,
        FailureKind::RateLimited,
        &["60 requests per minute"],
    );
    assert_eq!(
        deliveries[0].not_before,
        Some(asked_at.after(Duration::from_secs(30)))
    );
    assert_eq!(deliveries[0].attempts, 0, "a rate limit is no attempt");
    check_arrived_once(&bed.crm, &bed.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_six_a_minute_is_kept_to_and_everything_arrives_once() {
    let bed = Bed::new().await;
    bed.crm.set_throttle(Some(6));
    for id in 0..2 {
        let email = format!("person-{id}@throttled.example");
        let contact = Contact {
            id: 400 + id,
            name: format!("Person {id}"),
            email: Some(email),
            ..Contact::default()
        };
        bed.send(&format!("throttled-{id}"), &appears(contact))
            .await;
    }
    let began = bed.clock.now();
    let deliveries = bed.pass_time().await;
    assert!(
        bed.clock.now().since(began) > Duration::from_secs(10),
        "what the limit does not let through waits: {deliveries:#?}"
    );
    for failure in deliveries
        .iter()
        .filter_map(|delivery| delivery.failure.as_ref())
    {
        assert!(
            matches!(
                failure.kind,
                FailureKind::RateLimited | FailureKind::BudgetExhausted
            ),
            "{failure:#?}"
        );
        assert!(failure.message.contains("used up"), "{}", failure.message);
    }
    check_arrived_once(&bed.crm, &deliveries);
}
