//! What is tried again after something later has happened never writes old state over new.

use std::mem;
use std::time::Duration;

use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::event::EventKind;
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_server::admin::ConnectionChange;
use gladhand_tests::chatwoot::Account;
use gladhand_tests::chatwoot::account::EMAIL;
use gladhand_tests::fault::{Fault, Matcher, Rule};
use serde_json::{Map, Value, json};

use crate::bed::{Bed, CONNECTION, NOON, jane};

/// Longer than anything is tried.
const GIVEN_UP: Duration = Duration::from_hours(25);

/// What happened in the account since the last time.
async fn send(bed: &Bed, run: &str, account: &mut Account) {
    bed.send(run, &mem::take(&mut account.webhooks)).await;
}

/// Nothing that `when` names is answered for as long as it takes to give up; the delivery that died of it.
async fn dies_of(bed: &Bed, when: Matcher, account: &mut Account) -> Delivery {
    let down = Fault::Html { status: 502 };
    bed.crm.inject(Rule::new(when.always(), down));
    send(bed, "dies", account).await;
    let deliveries = bed.wait(GIVEN_UP).await;
    bed.crm.clear_faults();
    let mut dead = deliveries.into_iter();
    dead.find(|delivery| delivery.state == DeliveryState::Dead)
        .expect("it was given up")
}

/// The same delivery after it was tried again.
async fn retried(bed: &Bed, dead: &Delivery) -> Delivery {
    let admin = &bed.host.host.admin;
    let retried = admin.retry_delivery(&dead.id.to_string()).await;
    retried.expect("a dead letter may be tried again");
    let mut deliveries = bed.finish().await.into_iter();
    deliveries
        .find(|delivery| delivery.id == dead.id)
        .expect("it is kept")
}

fn stage(bed: &Bed) -> Value {
    bed.crm.snapshot().leads[0]["lead_pipeline_stage_id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transition_that_a_later_one_has_overtaken_is_stale() {
    let bed = Bed::new().await;
    let stages = json!({
        "stage_progression_enabled": true, "stage_on_conversation_created": 2, "stage_on_first_response": 3,
        "stage_on_conversation_resolved": 5,
    });
    let Value::Object(settings) = stages else {
        unreachable!("an object was written")
    };
    set(&bed, settings).await;
    let mut account = Account::new(NOON);
    let contact = account.meets(jane());
    let conversation = account.opens(contact, EMAIL, "Please send an offer.");
    send(&bed, "opened", &mut account).await;
    bed.finish().await;

    account.answers(conversation, "Here it is.");
    let moves = Matcher::of("PUT", "/api/v1/leads/stage/edit/*");
    let answered = dies_of(&bed, moves, &mut account).await;
    assert_eq!(answered.kind, Some(EventKind::ConversationFirstResponse));
    account.resolves(conversation);
    send(&bed, "resolved", &mut account).await;
    bed.finish().await;
    let resolved = stage(&bed);

    let asked = bed.crm.request_count();
    let retried = retried(&bed, &answered).await;
    let Some(Outcome::Skipped { code, reason }) = &retried.outcome else {
        panic!("{retried:#?}");
    };
    assert_eq!(
        (retried.state, *code),
        (DeliveryState::Skipped, SkipCode::Stale)
    );
    assert!(reason.contains("later change"), "{reason}");
    assert_eq!(bed.crm.request_count(), asked, "the CRM is not even asked");
    assert_eq!(stage(&bed), resolved);
}

async fn set(bed: &Bed, settings: Map<String, Value>) {
    let change = ConnectionChange {
        settings,
        ..ConnectionChange::default()
    };
    let admin = &bed.host.host.admin;
    let set = admin.set_connection(CONNECTION, change).await;
    set.expect("it fits the schema");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_tried_again_as_it_is_now() {
    let bed = Bed::new().await;
    let mut account = Account::new(NOON);
    let contact = account.meets(jane());
    let died = dies_of(&bed, Matcher::any(), &mut account).await;

    // The change itself never runs, so that only the retry can bring it.
    let admin = &bed.host.host.admin;
    let pause = admin.pause_connection(CONNECTION, true).await;
    pause.expect("it pauses");
    account.identifies(contact, "Jane Roe", "jane@doe.example");
    send(&bed, "renamed", &mut account).await;
    for change in bed.deliveries().await {
        if !change.state.is_settled() {
            let skipped = admin.skip_delivery(&change.id.to_string(), None).await;
            skipped.expect("it waits");
        }
    }
    bed.crm.forget_requests();
    let resume = admin.pause_connection(CONNECTION, false).await;
    resume.expect("it resumes");
    let retried = retried(&bed, &died).await;
    assert_eq!(retried.state, DeliveryState::Succeeded, "{retried:#?}");
    let snapshot = bed.crm.snapshot();
    assert_eq!(snapshot.persons.len(), 1);
    assert_eq!(snapshot.persons[0]["name"], "Jane Roe");
    for seen in bed.crm.requests() {
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        assert!(
            !body.contains("Jane Doe"),
            "{} {}: {body}",
            seen.method,
            seen.path
        );
    }
}
