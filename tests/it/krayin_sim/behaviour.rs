//! Other rules of Krayin that no recording shows: seen in runs or read in the sources (`facts/krayin.md`).

use gladhand_tests::krayin::Config;
use serde_json::{Value, json};

use super::talk::{Talk, talk};

const PERSONS: &str = "/api/v1/contacts/persons";
const LEADS: &str = "/api/v1/leads";

#[tokio::test]
async fn every_column_of_a_list_can_order_it() {
    let mut talk = talk();
    let id = talk.person("a@b.test", "+1").await;
    talk.ask(
        "POST",
        LEADS,
        json!({ "title": "t", "lead_pipeline_stage_id": 1, "person_id": id }),
    )
    .await;
    let orders = [
        (
            PERSONS,
            "name emails contact_numbers job_title user_id organization_id unique_id created_at",
        ),
        (
            LEADS,
            "title lead_value closed_at person_id lead_pipeline_stage_id expected_close_date updated_at",
        ),
        (
            "/api/v1/activities",
            "title type comment additional schedule_from is_done user_id location",
        ),
    ];
    for (path, columns) in orders {
        for column in columns.split(' ') {
            let told = talk
                .ask("GET", &format!("{path}?sort={column}"), Value::Null)
                .await;
            assert_eq!(told.status, 200, "{path} by {column}");
        }
        assert_eq!(
            talk.ask("GET", &format!("{path}?sort=nothing"), Value::Null)
                .await
                .status,
            500
        );
    }
}

#[tokio::test]
async fn long_texts_are_cut_and_not_refused() {
    let mut talk = talk();
    let note = json!({ "type": "note", "title": "t".repeat(300), "comment": "é".repeat(40_000) });
    let made = talk.ask("POST", "/api/v1/activities", note).await;
    assert_eq!(made.body["data"]["title"].as_str().map(str::len), Some(255));
    assert_eq!(
        made.body["data"]["comment"].as_str().map(str::len),
        Some(65_534)
    );
}

#[tokio::test]
async fn a_meeting_without_participants_overlaps_with_anybodys() {
    let mut talk = talk();
    let planned = |kind: &str, from: &str, to: &str, participants: Value| json!({ "type": kind, "schedule_from": from, "schedule_to": to, "participants": participants });
    let call = planned(
        "call",
        "2030-01-01 10:00:00",
        "2030-01-01 10:30:00",
        json!({ "users": [1] }),
    );
    talk.ask("POST", "/api/v1/activities", call).await;
    let anybody = planned(
        "meeting",
        "2030-01-01 10:15:00",
        "2030-01-01 11:00:00",
        Value::Null,
    );
    assert_eq!(
        talk.ask("POST", "/api/v1/activities", anybody).await.status,
        302
    );
    let later = planned(
        "meeting",
        "2030-01-01 10:31:00",
        "2030-01-01 11:00:00",
        Value::Null,
    );
    assert_eq!(
        talk.ask("POST", "/api/v1/activities", later).await.status,
        200
    );
}

#[tokio::test]
async fn a_login_kills_every_other_token_of_its_user() {
    let mut talk = talk();
    let login = json!({ "email": "admin@example.com", "password": "admin123", "device_name": "x" });
    let told = talk.ask("POST", "/api/v1/login", login).await;
    assert_eq!(
        talk.ask("GET", "/api/v1/get", Value::Null).await.status,
        500
    );
    talk.token = told.body["token"].as_str().expect("a token").to_owned();
    assert_eq!(
        talk.ask("GET", "/api/v1/get", Value::Null).await.status,
        200
    );
}

#[tokio::test]
async fn a_form_is_as_good_as_json() {
    let talk = talk();
    let form = "email=admin%40example.com&password=admin123&device_name=x";
    let headers = [
        ("accept", "application/json".to_owned()),
        (
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        ),
    ];
    assert_eq!(
        talk.bare("POST", "/api/v1/login", &headers, json!(form))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn two_runs_are_canonically_equal_where_only_ids_were_used_up() {
    let mut straight = talk();
    let mut detour = talk();
    let bad = json!({ "title": "t", "lead_pipeline_stage_id": 1, "lead_type_id": 99 });
    assert_eq!(detour.ask("POST", LEADS, bad).await.status, 500);
    for talk in [&mut straight, &mut detour] {
        let id = talk.person("a@b.test", "+1").await;
        let lead = json!({ "title": "t", "lead_pipeline_stage_id": 1, "person_id": id });
        let lead = talk.ask("POST", LEADS, lead).await.body["data"]["id"].clone();
        let note = json!({ "type": "note", "comment": "c", "lead_id": lead });
        talk.ask("POST", "/api/v1/activities", note).await;
    }
    let (straight, detour) = (straight.krayin.snapshot(), detour.krayin.snapshot());
    assert_ne!(straight, detour);
    assert_eq!(straight.canonical(), detour.canonical());
}

#[tokio::test]
async fn audit_rows_are_written_unless_switched_off() {
    let mut audited = talk();
    audited.person("a@b.test", "+1").await;
    assert_eq!(audited.krayin.audit_count(), 4);
    let mut quiet = Talk::start(Config {
        is_audited: false,
        ..Config::default()
    });
    quiet.person("a@b.test", "+1").await;
    assert_eq!(quiet.krayin.audit_count(), 0);
}
