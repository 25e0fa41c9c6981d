//! Rules about leads that no recording shows: seen in runs or read in the sources (`facts/krayin.md`).

use serde_json::{Value, json};

use super::talk::{Talk, person, talk};

const LEADS: &str = "/api/v1/leads";

#[tokio::test]
async fn a_person_outlives_the_error_of_the_lead_that_brought_it() {
    let mut talk = talk();
    let lead = json!({ "title": "t", "lead_pipeline_stage_id": 1, "lead_source_id": 99, "person": person("a@b.test", "+1") });
    assert_eq!(talk.ask("POST", LEADS, lead).await.status, 500);
    let snapshot = talk.krayin.snapshot();
    assert_eq!((snapshot.persons.len(), snapshot.leads.len()), (1, 0));
}

#[tokio::test]
async fn a_stage_edit_clears_the_closing_date_and_still_shows_it() {
    let mut talk = talk();
    let lead =
        json!({ "title": "t", "lead_pipeline_stage_id": 1, "expected_close_date": "2090-01-02" });
    talk.ask("POST", LEADS, lead).await;
    let edited = talk
        .ask(
            "PUT",
            "/api/v1/leads/stage/edit/1",
            json!({ "lead_pipeline_stage_id": 2 }),
        )
        .await;
    assert_eq!(
        edited.body["data"]["expected_close_date"],
        "2090-01-02T00:00:00.000000Z"
    );
    assert_eq!(
        talk.krayin.snapshot().leads[0]["expected_close_date"],
        Value::Null
    );
}

#[tokio::test]
async fn only_stages_called_won_or_lost_close_a_lead_and_a_mass_update_never_does() {
    let mut talk = talk();
    let stages = json!([{ "code": "open", "name": "Open" }, { "code": "won", "name": "Won" }, { "code": "gewonnen", "name": "Gewonnen" }]);
    let pipeline = json!({ "name": "Own", "rotten_days": 30, "stages": stages });
    let pipeline = talk
        .ask("POST", "/api/v1/settings/pipelines", pipeline)
        .await;
    let stage = |n: usize| pipeline.body["data"]["stages"][n]["id"].clone();
    let made = talk
        .ask(
            "POST",
            LEADS,
            json!({ "title": "t", "lead_pipeline_stage_id": stage(0) }),
        )
        .await;
    assert_eq!(made.body["data"]["lead_pipeline_id"], 2);
    let move_to = async |talk: &mut Talk, stage: Value| {
        let body = json!({ "lead_pipeline_stage_id": stage });
        talk.ask("PUT", "/api/v1/leads/stage/edit/1", body).await
    };
    assert!(move_to(&mut talk, stage(1)).await.body["data"]["closed_at"].is_string());
    assert!(move_to(&mut talk, stage(2)).await.body["data"]["closed_at"].is_null());
    talk.ask(
        "POST",
        "/api/v1/leads/mass-update",
        json!({ "indices": [1], "value": stage(1) }),
    )
    .await;
    assert_eq!(talk.krayin.snapshot().leads[0]["closed_at"], Value::Null);
    assert_eq!(move_to(&mut talk, json!(1)).await.status, 404);
}

#[tokio::test]
async fn a_closing_date_that_has_passed_cannot_be_sent_back() {
    let mut talk = talk();
    talk.ask(
        "POST",
        LEADS,
        json!({ "title": "t", "lead_pipeline_stage_id": 1 }),
    )
    .await;
    let body = json!({ "lead_pipeline_stage_id": 1, "expected_close_date": "2020-01-01" });
    let told = talk.ask("PUT", "/api/v1/leads/1", body).await;
    assert_eq!(told.status, 422);
    assert!(told.body["errors"]["expected_close_date"].is_array());
}
