//! Rules about persons that no recording shows: seen in runs or read in the sources (`facts/krayin.md`).

use serde_json::{Value, json};

use super::talk::{Talk, person, talk};

const PERSONS: &str = "/api/v1/contacts/persons";
const LEADS: &str = "/api/v1/leads";

async fn found(talk: &mut Talk, search: &str) -> Vec<u64> {
    let told = talk
        .ask(
            "GET",
            &format!("{PERSONS}/search?{search}&limit=50"),
            Value::Null,
        )
        .await;
    let rows = told.body["data"].as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row["id"].as_u64()).collect()
}

async fn attribute(talk: &mut Talk, code: &str, kind: &str, entity: &str) {
    let body = json!({ "code": code, "name": code, "type": kind, "entity_type": entity, "is_user_defined": 1 });
    assert_eq!(
        talk.ask("POST", "/api/v1/settings/attributes", body)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_search_by_address_finds_whatever_contains_it_and_nothing_else() {
    let mut talk = talk();
    for n in 0..30 {
        talk.person(
            &format!("contact{n}@example.com"),
            &format!("+155500{n:02}"),
        )
        .await;
    }
    let mary = talk.person("maryjane@example.com", "+1666").await;
    let jane = talk.person("jane@example.com", "+1777").await;
    assert_eq!(
        found(
            &mut talk,
            "search=emails:jane@example.com&searchFields=emails:like"
        )
        .await,
        [mary, jane]
    );
    assert_eq!(
        found(
            &mut talk,
            "search=emails:q_ane@exampl%25com&searchFields=emails:like"
        )
        .await,
        [0_u64; 0]
    );
    assert_eq!(
        found(
            &mut talk,
            "search=emails:ary_ane@exampl%25com&searchFields=emails:like"
        )
        .await,
        [mary]
    );
    assert_eq!(
        found(
            &mut talk,
            "search=contact_numbers:1777&searchFields=contact_numbers:like"
        )
        .await,
        [jane]
    );
    assert_eq!(
        found(&mut talk, "search=emails:@example&searchFields=emails:like")
            .await
            .len(),
        32
    );
    let both = "search=emails:jane@example;contact_numbers:%2B1777&searchFields=emails:like;contact_numbers:like";
    assert_eq!(found(&mut talk, both).await, [mary, jane]);
    assert_eq!(
        found(&mut talk, &format!("{both}&searchJoin=and")).await,
        [jane]
    );
}

#[tokio::test]
async fn a_changed_address_is_found_and_the_old_one_is_free() {
    let mut talk = talk();
    let id = talk.person("old@example.com", "+1").await;
    let told = talk
        .ask(
            "PUT",
            &format!("{PERSONS}/{id}"),
            person("new@example.com", "+1"),
        )
        .await;
    assert_eq!(told.status, 200);
    assert_eq!(
        found(
            &mut talk,
            "search=emails:old@example.com&searchFields=emails:like"
        )
        .await,
        [0_u64; 0]
    );
    assert_eq!(
        found(
            &mut talk,
            "search=emails:new@example.com&searchFields=emails:like"
        )
        .await,
        [id]
    );
    talk.person("old@example.com", "+2").await;
}

#[tokio::test]
async fn a_phone_without_a_label_fails_after_the_person_is_there() {
    let mut talk = talk();
    let mut body = person("a@b.test", "+1");
    body["contact_numbers"] = json!([{ "value": "+1" }]);
    assert_eq!(talk.ask("POST", PERSONS, body).await.status, 500);
    assert_eq!(talk.krayin.snapshot().persons.len(), 1);
}

#[tokio::test]
async fn the_second_put_without_an_address_meets_the_unique_index() {
    let mut talk = talk();
    let (a, b) = (
        talk.person("a@b.test", "+1").await,
        talk.person("c@d.test", "+2").await,
    );
    let body = json!({ "contact_numbers": [{ "value": "", "label": "work" }] });
    assert_eq!(
        talk.ask("PUT", &format!("{PERSONS}/{a}"), body.clone())
            .await
            .status,
        200
    );
    assert_eq!(
        talk.ask("PUT", &format!("{PERSONS}/{b}"), body)
            .await
            .status,
        500
    );
}

#[tokio::test]
async fn a_boolean_attribute_that_is_not_sent_is_reset() {
    let mut talk = talk();
    attribute(&mut talk, "is_vip", "boolean", "persons").await;
    let mut body = person("a@b.test", "+1");
    body["is_vip"] = json!(true);
    talk.ask("POST", PERSONS, body).await;
    assert_eq!(talk.krayin.snapshot().persons[0]["is_vip"], 1);
    talk.ask("PUT", &format!("{PERSONS}/1"), person("a@b.test", "+1"))
        .await;
    assert_eq!(talk.krayin.snapshot().persons[0]["is_vip"], 0);
}

#[tokio::test]
async fn a_deleted_organization_leaves_its_people() {
    let mut talk = talk();
    let mut body = person("a@b.test", "+1");
    body["organization_name"] = json!("Acme");
    talk.ask("POST", PERSONS, body).await;
    talk.ask("DELETE", "/api/v1/contacts/organizations/1", Value::Null)
        .await;
    assert_eq!(
        talk.krayin.snapshot().persons[0]["organization_id"],
        Value::Null
    );
}

#[tokio::test]
async fn deleting_a_person_with_a_lead_fails_and_takes_its_activities_along() {
    let mut talk = talk();
    let id = talk.person("a@b.test", "+1").await;
    talk.ask(
        "POST",
        LEADS,
        json!({ "title": "t", "lead_pipeline_stage_id": 1, "person_id": id }),
    )
    .await;
    talk.ask(
        "POST",
        "/api/v1/activities",
        json!({ "type": "note", "comment": "c", "person_id": id }),
    )
    .await;
    assert_eq!(
        talk.ask("DELETE", &format!("{PERSONS}/{id}"), Value::Null)
            .await
            .status,
        500
    );
    let snapshot = talk.krayin.snapshot();
    assert_eq!((snapshot.persons.len(), snapshot.activities.len()), (1, 0));
}
