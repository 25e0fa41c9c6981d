//! A record that somebody deleted in the CRM: its link heals, once per delivery, and the audit log says so.

use std::mem;

use gladhand_core::delivery::DeliveryState;
use gladhand_tests::chatwoot::Account;
use gladhand_tests::http::Client;
use hyper::Method;
use serde_json::Value;

use crate::bed::{Bed, CONNECTION, NOON, jane};

/// Somebody deletes a record in the CRM.
async fn delete(bed: &Bed, path: &str, id: &Value) {
    let authority = bed.crm.base_url().trim_start_matches("http://");
    let token = [("authorization", format!("Bearer {}", bed.crm.token()))];
    let path = format!("/api/v1/{path}/{id}");
    let answer = Client::new(authority)
        .request(Method::DELETE, &path, &token, Vec::new())
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200, "{path}");
}

/// What hosts did by themselves, as the admin API tells it.
async fn relinked(bed: &Bed) -> Vec<Value> {
    let answer = bed.api(Method::GET, "/api/v1/audit", Vec::new()).await;
    assert_eq!(answer.status, 200);
    let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let mut items = told["items"].as_array().expect("a list").clone();
    items.retain(|item| item["action"] == "relinked");
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_that_was_deleted_is_resolved_again_and_the_audit_log_says_which_it_is_now() {
    let bed = Bed::new().await;
    let mut account = Account::new(NOON);
    let contact = account.meets(jane());
    bed.send("met", &mem::take(&mut account.webhooks)).await;
    bed.finish().await;
    let before = bed.crm.snapshot();
    let (person, lead) = (&before.persons[0]["id"], &before.leads[0]["id"]);
    delete(&bed, "leads", lead).await;
    delete(&bed, "contacts/persons", person).await;
    assert_eq!(relinked(&bed).await, Vec::<Value>::new());

    account.identifies(contact, "Jane Roe", "jane@doe.example");
    bed.send("renamed", &account.webhooks).await;
    let deliveries = bed.finish().await;
    let healed = deliveries.last().expect("the change");
    assert_eq!(healed.state, DeliveryState::Succeeded, "{healed:#?}");
    assert_eq!(healed.attempts, 1, "it heals in the attempt that finds out");

    let after = bed.crm.snapshot();
    let [now] = after.persons.as_slice() else {
        panic!("one person: {after:#?}");
    };
    assert_eq!(now["name"], "Jane Roe");
    assert_ne!(&now["id"], person);
    let told = relinked(&bed).await;
    let [deed] = told.as_slice() else {
        panic!("once: {told:#?}");
    };
    assert_eq!(deed["actor"], "host");
    assert_eq!(deed["subject"], format!("{CONNECTION}, contact {contact}"));
    assert_eq!(
        deed["detail"],
        format!(
            "person {person} was not there any more for delivery {}; it is person {} now",
            healed.id, now["id"]
        )
    );
}
