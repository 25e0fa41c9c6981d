//! Contacts and connections beside one another: none delays another, and two that are one person make one.

use std::time::Duration;

use gladhand_core::delivery::DeliveryState;
use gladhand_tests::chatwoot::account::{Contact, EMAIL, WEB};
use gladhand_tests::chatwoot::{Account, Webhook};
use gladhand_tests::fault::{Fault, Matcher, Rule};
use gladhand_tests::host::{SOURCE, Setup, TestHost};
use gladhand_tests::krayin::{Config, Krayin};
use serde_json::json;
use tempfile::TempDir;

use crate::bed::{Bed, NOON, appears, jane, joined, until};

/// One person whom Chatwoot knows twice, as it does who writes through two channels; both open a conversation.
fn twins() -> Vec<Webhook> {
    let mut account = Account::new(NOON);
    for (id, inbox) in [(501, WEB), (502, EMAIL)] {
        let contact = account.meets(Contact { id, ..jane() });
        account.opens(contact, inbox, "Hello");
    }
    // Both lanes begin at once.
    account
        .webhooks
        .sort_by_key(|webhook| webhook.event.clone());
    account.webhooks
}

async fn check_twins(bed: &Bed) {
    bed.send("twins", &twins()).await;
    let deliveries = bed.finish().await;
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
    let snapshot = bed.crm.snapshot();
    assert_eq!(
        (
            snapshot.persons.len(),
            snapshot.leads.len(),
            snapshot.activities.len()
        ),
        (1, 1, 2),
        "{snapshot:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_contacts_with_one_address_become_one_person_with_one_lead() {
    let bed = Bed::new().await;
    // Long enough that the second one comes while the first one creates.
    bed.crm.set_latency(Duration::from_millis(20));
    check_twins(&bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_contacts_with_one_address_become_one_person_also_where_the_answer_is_lost() {
    for done in [true, false] {
        let bed = Bed::new().await;
        for path in ["/api/v1/contacts/persons", "/api/v1/leads"] {
            bed.crm
                .inject(Rule::new(Matcher::of("POST", path), Fault::Reset { done }));
        }
        check_twins(&bed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_the_crm_refuses_for_now_holds_up_its_own_lane_alone() {
    let bed = Bed::new().await;
    bed.crm.inject(Rule::new(
        Matcher::of("POST", "/api/v1/contacts/persons"),
        Fault::Error { done: false },
    ));
    bed.send("first", &appears(jane())).await;
    bed.rest().await;
    let other = Contact {
        id: 202,
        name: "John Roe".into(),
        email: Some("john@roe.example".into()),
        ..Contact::default()
    };
    bed.send("second", &appears(other)).await;
    let deliveries = bed.rest().await;
    let states: Vec<_> = deliveries.iter().map(|delivery| delivery.state).collect();
    assert_eq!(
        states,
        [DeliveryState::Waiting, DeliveryState::Succeeded],
        "{deliveries:#?}"
    );
    bed.finish().await;
    assert_eq!(bed.crm.snapshot().persons.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_connection_keeps_what_comes_and_does_not_delay_the_one_beside_it() {
    let crm = || {
        Krayin::start(Config {
            throttle: Some(60_000),
            ..Config::default()
        })
        .expect("a port is free")
    };
    let (paused, open) = (crm(), crm());
    let both = vec![
        joined("paused", paused.base_url(), &paused.token()),
        joined("open", open.base_url(), &open.token()),
    ];
    let dir = TempDir::new().expect("a folder");
    let host = TestHost::start(&Setup::new(dir.path(), both))
        .await
        .expect("the host starts");
    let admin = &host.host.admin;
    assert!(
        admin
            .pause_connection("paused", true)
            .await
            .expect("it pauses")
            .paused
    );
    host.sender("both")
        .send(&appears(jane())[0])
        .await
        .expect("the host takes it");
    until(|| open.snapshot().leads.len() == 1).await;
    assert_eq!(paused.request_count(), 0);
    assert!(
        !admin
            .pause_connection("paused", false)
            .await
            .expect("it resumes")
            .paused
    );
    until(|| paused.snapshot().leads.len() == 1).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_a_dead_token_does_not_delay_the_one_beside_it() {
    let bed = Bed::new().await;
    let other = Krayin::start(Config {
        throttle: Some(60_000),
        ..Config::default()
    })
    .expect("a port is free");
    let change = serde_json::from_value(json!({
        "name": "other", "source": SOURCE, "connector": "krayin", "base_url": other.base_url(),
        "credentials": { "token": other.token() }, "allow_private_network": true, "allow_http": true,
    })).expect("a connection");
    bed.host
        .host
        .admin
        .add_connection(change)
        .await
        .expect("it is added while the host runs");
    bed.crm.revoke_tokens();
    bed.send("both", &appears(jane())).await;
    let deliveries = bed.rest().await;
    let mut states: Vec<_> = deliveries
        .iter()
        .map(|delivery| delivery.state.as_str())
        .collect();
    states.sort_unstable();
    assert_eq!(states, ["succeeded", "waiting"], "{deliveries:#?}");
    assert_eq!(other.snapshot().leads.len(), 1);
}
