//! What can be switched in the simulator while it runs.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::clock::{Clock as _, ManualClock, Timestamp};
use gladhand_server::system::SystemClock;
use gladhand_tests::krayin::{Config, Contract};
use serde_json::{Value, json};

use super::talk::{Talk, Told, person, send};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn at_a_standstill() -> (Talk, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(NOW));
    let talk = Talk::start(Config {
        clock: clock.clone(),
        ..Config::default()
    });
    (talk, clock)
}

fn unlimited(contract: Contract) -> Talk {
    Talk::start(Config {
        contract,
        throttle: None,
        ..Config::default()
    })
}

fn header<'a>(told: &'a Told, name: &str) -> Option<&'a str> {
    told.answer
        .headers
        .get(name)
        .and_then(|value| value.to_str().ok())
}

/// Uses up the minute and gives the answer to the request after it.
async fn sixty_first(contract: Contract) -> Told {
    let (mut talk, _clock) = at_a_standstill();
    talk.krayin.set_contract(contract);
    for left in (0..60).rev() {
        let told = talk.ask("GET", "/api/v1/get", Value::Null).await;
        assert_eq!(told.status, 200);
        assert_eq!(
            header(&told, "x-ratelimit-remaining"),
            Some(left.to_string().as_str())
        );
    }
    talk.ask("GET", "/api/v1/get", Value::Null).await
}

#[tokio::test]
async fn the_sixty_first_request_of_a_minute_is_a_plain_500_in_production() {
    let told = sixty_first(Contract::Production).await;
    assert_eq!(told.status, 500);
    assert_eq!(
        told.body,
        json!({ "message": "admin::app.common.internal-server-error" })
    );
    assert_eq!(header(&told, "retry-after"), None);
    assert_eq!(header(&told, "x-ratelimit-limit"), None);
}

#[tokio::test]
async fn the_sixty_first_request_of_a_minute_is_a_429_with_a_hint_elsewhere() {
    let told = sixty_first(Contract::Debug).await;
    assert_eq!(
        (told.status, header(&told, "retry-after")),
        (429, Some("60"))
    );
    assert_eq!(told.body["message"], "Too Many Attempts.");
    let told = sixty_first(Contract::Generation2026).await;
    assert_eq!(
        (told.status, header(&told, "retry-after")),
        (429, Some("60"))
    );
    assert_eq!(told.body, json!({ "message": "Too Many Requests" }));
}

#[tokio::test]
async fn the_minute_ends_by_the_injected_clock() {
    let (mut talk, clock) = at_a_standstill();
    talk.krayin.set_throttle(Some(1));
    assert_eq!(
        talk.ask("GET", "/api/v1/get", Value::Null).await.status,
        200
    );
    assert_eq!(
        talk.ask("GET", "/api/v1/get", Value::Null).await.status,
        500
    );
    clock.advance(Duration::from_mins(1));
    assert_eq!(
        talk.ask("GET", "/api/v1/get", Value::Null).await.status,
        200
    );
}

#[tokio::test]
async fn without_a_limit_there_are_no_headers_about_one() {
    let mut talk = unlimited(Contract::Production);
    for _ in 0..70 {
        let told = talk.ask("GET", "/api/v1/get", Value::Null).await;
        assert_eq!(
            (told.status, header(&told, "x-ratelimit-limit")),
            (200, None)
        );
    }
}

#[tokio::test]
async fn each_contract_says_the_same_errors_in_its_own_way() {
    let asked = [
        ("GET", "/api/v1/leads/99", [404, 404, 404]),
        ("GET", "/api/v1/contacts/persons/99", [500, 500, 404]),
        ("GET", "/api/v1/nothing", [404, 404, 404]),
        ("PATCH", "/api/v1/leads", [500, 405, 405]),
        (
            "GET",
            "/api/v1/contacts/persons?limit=1&__probe=1",
            [500, 500, 200],
        ),
        (
            "GET",
            "/api/v1/contacts/persons?sort=nothing",
            [500, 500, 422],
        ),
        ("POST", "/api/v1/activities", [422, 422, 422]),
    ];
    let contracts = [
        Contract::Production,
        Contract::Debug,
        Contract::Generation2026,
    ];
    for (n, contract) in contracts.into_iter().enumerate() {
        let mut talk = unlimited(contract);
        for (method, path, statuses) in asked {
            let told = talk.ask(method, path, Value::Null).await;
            assert_eq!(told.status, statuses[n], "{contract:?} {method} {path}");
        }
        talk.krayin.revoke_tokens();
        let told = talk.ask("GET", "/api/v1/leads", Value::Null).await;
        assert_eq!(
            told.status,
            [500, 401, 401][n],
            "{contract:?} with a dead token"
        );
    }
}

#[tokio::test]
async fn the_generation_of_2026_needs_neither_phones_nor_stages_and_shows_custom_fields() {
    let mut talk = unlimited(Contract::Generation2026);
    let attribute = json!({
        "code": "source_id", "name": "Source id", "type": "text", "entity_type": "persons", "is_user_defined": 1,
    });
    talk.ask("POST", "/api/v1/settings/attributes", attribute)
        .await;
    let body = json!({
        "name": "No Phone", "emails": [{ "value": "a@b.test", "label": "work" }], "source_id": "acc:1",
    });
    let made = talk.ask("POST", "/api/v1/contacts/persons", body).await;
    assert_eq!(
        (made.status, &made.body["data"]["source_id"]),
        (200, &json!("acc:1"))
    );
    let lead = talk
        .ask("POST", "/api/v1/leads", json!({ "title": "t" }))
        .await;
    assert_eq!(
        (lead.status, &lead.body["data"]["lead_pipeline_stage_id"]),
        (200, &json!(1))
    );
}

#[tokio::test]
async fn a_search_that_lags_finds_a_record_later_than_its_id_does() {
    let (mut talk, clock) = at_a_standstill();
    talk.krayin.set_search_lag(Duration::from_secs(30));
    let id = talk.person("jane@example.com", "+1555").await;
    let found = async |talk: &mut Talk| {
        let path = "/api/v1/contacts/persons/search?search=emails:jane@example.com&searchFields=emails:like";
        talk.ask("GET", path, Value::Null).await.body["data"]
            .as_array()
            .map(Vec::len)
    };
    assert_eq!(found(&mut talk).await, Some(0));
    let shown = talk
        .ask(
            "GET",
            &format!("/api/v1/contacts/persons/{id}"),
            Value::Null,
        )
        .await;
    assert_eq!(shown.status, 200);
    clock.advance(Duration::from_secs(30));
    assert_eq!(found(&mut talk).await, Some(1));
}

#[tokio::test]
async fn latency_delays_every_answer() {
    let mut talk = unlimited(Contract::Production);
    talk.krayin.set_latency(Duration::from_millis(30));
    let clock = SystemClock::default();
    talk.ask("GET", "/api/v1/get", Value::Null).await;
    assert!(clock.monotonic() >= Duration::from_millis(30));
}

#[tokio::test]
async fn the_log_tells_who_overlapped_with_whom() {
    let mut talk = unlimited(Contract::Production);
    talk.ask("GET", "/api/v1/get", Value::Null).await;
    talk.krayin.set_latency(Duration::from_millis(50));
    let (mut other, headers) = talk.twin();
    let (first, second) = tokio::join!(
        talk.ask(
            "POST",
            "/api/v1/contacts/persons?x=1",
            person("a@b.test", "+1")
        ),
        send(&mut other, "GET", "/api/v1/leads", &headers, Value::Null),
    );
    assert_eq!(
        (first.status, second.expect("an answer").status),
        (200, 200)
    );
    let seen = talk.krayin.requests();
    let overlaps: u32 = seen.iter().map(|seen| seen.overlap).sum();
    assert_eq!((seen.len(), seen[0].overlap, overlaps), (3, 0, 1));
    let post = seen
        .iter()
        .find(|seen| seen.method == "POST")
        .expect("it is in the log");
    assert_eq!(
        (post.path.as_str(), post.query.as_str()),
        ("/api/v1/contacts/persons", "x=1")
    );
    assert_eq!((post.status, post.until.is_some()), (Some(200), true));
    assert_eq!(
        serde_json::from_slice::<Value>(&post.body).expect("JSON"),
        person("a@b.test", "+1")
    );
}

#[tokio::test]
async fn records_carry_the_injected_time() {
    let (mut talk, _clock) = at_a_standstill();
    let made = talk
        .ask("POST", "/api/v1/contacts/persons", person("a@b.test", "+1"))
        .await;
    assert_eq!(
        made.body["data"]["created_at"],
        "2026-11-18T11:06:40.000000Z"
    );
}
