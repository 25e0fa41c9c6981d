//! What an operator asks while setting up: does it work, what is wrong, what can be chosen, is any pasted URL good, and
//! does a contact arrive that only a conversation has named.

use std::collections::BTreeMap;

use axum::Router;
use axum::response::Html;
use gladhand_core::connection::Mode;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_server::admin::ConnectionChange;
use gladhand_tests::chatwoot::Account;
use gladhand_tests::chatwoot::account::WEB;
use gladhand_tests::host::{SOURCE, Setup, TestHost};
use gladhand_tests::krayin::{Config, Krayin};
use hyper::Method;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::bed::{Bed, CONNECTION, NOON, appears, jane, joined};

/// What the admin API answers about the one connection.
async fn ask(bed: &Bed, method: Method, path: &str) -> (u16, Value) {
    let path = format!("/api/v1/connections/{CONNECTION}/{path}");
    let answer = bed.api(method, &path, Vec::new()).await;
    (
        answer.status,
        serde_json::from_slice(&answer.body).expect("JSON"),
    )
}

async fn checks(bed: &Bed) -> Vec<Value> {
    let (status, told) = ask(bed, Method::POST, "check").await;
    assert_eq!(status, 200, "{told}");
    told["items"].as_array().expect("a list").clone()
}

/// Of the checks, `failed` alone failed, and it says this.
#[track_caller]
fn check_failed(checks: &[Value], failed: &str, words: &[&str]) {
    let states: BTreeMap<_, _> = checks
        .iter()
        .map(|check| (check["name"].as_str(), check["state"].as_str()))
        .collect();
    let found: Vec<_> = checks
        .iter()
        .filter(|check| check["state"] == "failed")
        .collect();
    let [found] = found.as_slice() else {
        panic!("one check fails: {states:?}")
    };
    assert_eq!(found["name"], failed, "{found}");
    let said = format!("{} {}", found["message"], found["hint"]);
    for word in words {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_good_connection_every_check_passes_and_nothing_is_written() {
    let bed = Bed::new().await;
    let checks = checks(&bed).await;
    assert!(checks.len() >= 6, "{checks:#?}");
    for check in &checks {
        assert_eq!(check["state"], "passed", "{check}");
        assert!(
            check["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{check}"
        );
    }
    assert!(bed.crm.requests().iter().all(|seen| seen.method == "GET"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_what_the_check_says() {
    let bed = Bed::new().await;
    bed.crm.revoke_tokens();
    check_failed(
        &checks(&bed).await,
        "token",
        &["how it refuses one", "POST /api/v1/login"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_with_a_wrong_path_is_what_the_check_says() {
    let bed = Bed::behind(|crm| format!("{}/crm/public", crm.base_url())).await;
    let words = ["/crm/public/api/v1/", "krayin-rest-api:install", "base URL"];
    check_failed(&checks(&bed).await, "rest-api", &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_where_something_else_answers_is_what_the_check_says() {
    let site = Router::new().fallback(|| async { Html("<h1>Welcome to our shop</h1>") });
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, site).await });
    let bed = Bed::behind(|_| format!("http://{address}")).await;
    check_failed(
        &checks(&bed).await,
        "rest-api",
        &[
            "web page instead of JSON",
            "Welcome to our shop",
            "base URL",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_where_nothing_listens_is_what_the_check_says() {
    let door = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = door.local_addr().expect("it is bound");
    drop(door);
    let bed = Bed::behind(|_| format!("http://{address}")).await;
    check_failed(
        &checks(&bed).await,
        "reachable",
        &["cannot be reached", "base URL"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_not_there_is_what_the_check_says() {
    let bed = Bed::new().await;
    let settings = Map::from_iter([("default_pipeline_id".to_owned(), json!(99))]);
    let change = ConnectionChange {
        settings,
        ..ConnectionChange::default()
    };
    bed.host
        .host
        .admin
        .set_connection(CONNECTION, change)
        .await
        .expect("it fits the schema");
    check_failed(
        &checks(&bed).await,
        "pipeline",
        &["default_pipeline_id 99 is not in Krayin", "discover"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_are_discovered_with_their_stages_and_what_they_mean() {
    let bed = Bed::new().await;
    let (status, told) = ask(&bed, Method::GET, "discover/pipelines").await;
    assert_eq!(status, 200, "{told}");
    let pipelines = told["items"].as_array().expect("a list");
    let default = pipelines
        .iter()
        .find(|pipeline| pipeline["default"] == true)
        .expect("one is the default");
    let stages = default["stages"].as_array().expect("it has stages");
    assert!(
        stages
            .iter()
            .all(|stage| stage["id"].is_string() && stage["name"].is_string()),
        "{default:#}"
    );
    assert!(
        stages
            .iter()
            .any(|stage| stage["won"] == true && stage["closed"] == true),
        "{default:#}"
    );
    assert!(
        stages
            .iter()
            .any(|stage| stage["won"] == false && stage["closed"] == true),
        "{default:#}"
    );
    assert_eq!(stages[0]["closed"], false, "{default:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_discovered_is_answered_with_what_can() {
    let bed = Bed::new().await;
    let (status, told) = ask(&bed, Method::GET, "discover/weather").await;
    assert_eq!(
        (status, &told["code"]),
        (422, &json!("unsupported")),
        "the question is wrong, not the CRM: {told}"
    );
    for word in ["weather", "pipelines", "sources", "types", "owners"] {
        assert!(
            told["detail"].as_str().unwrap_or_default().contains(word),
            "{told}"
        );
    }
    assert_eq!(bed.crm.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_in_any_form_that_people_paste_delivers_to_the_same_place() {
    const FORMS: [&str; 7] = [
        "",
        "/",
        "//",
        "/api/v1",
        "/api/v1/",
        "/api/admin",
        "/admin/",
    ];
    let crm = || {
        Krayin::start(Config {
            throttle: Some(60_000),
            ..Config::default()
        })
        .expect("a port is free")
    };
    let crms: Vec<Krayin> = FORMS.iter().map(|_| crm()).collect();
    let connect = |(number, (form, crm)): (usize, (&&str, &Krayin))| {
        joined(
            &format!("form-{number}"),
            &format!("{}{form}", crm.base_url()),
            &crm.token(),
        )
    };
    let all = FORMS.iter().zip(&crms).enumerate().map(connect).collect();
    let dir = TempDir::new().expect("a folder");
    let host = TestHost::start(&Setup::new(dir.path(), all))
        .await
        .expect("the host starts");
    host.sender("forms")
        .send(&appears(jane())[0])
        .await
        .expect("the host takes it");
    host.settle().await.expect("everything settles");
    for (form, crm) in FORMS.iter().zip(&crms) {
        let snapshot = crm.snapshot();
        assert_eq!(
            (snapshot.persons.len(), snapshot.leads.len()),
            (1, 1),
            "`{form}`: {snapshot:#?}"
        );
        assert!(
            crm.requests()
                .iter()
                .all(|seen| seen.path.starts_with("/api/v1/")),
            "`{form}`"
        );
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_only_observes_writes_nothing_and_says_what_it_would_have_sent() {
    let bed = Bed::new().await;
    let change = ConnectionChange {
        mode: Some(Mode::Observe),
        ..ConnectionChange::default()
    };
    bed.host
        .host
        .admin
        .set_connection(CONNECTION, change)
        .await
        .expect("it observes");
    bed.send("observed", &appears(jane())).await;
    let deliveries = bed.rest().await;
    let Some(Outcome::Skipped {
        code: SkipCode::Observed,
        reason,
    }) = &deliveries[0].outcome
    else {
        panic!("{deliveries:#?}");
    };
    assert!(
        reason.contains("POST") && reason.contains("/api/v1/contacts/persons"),
        "{reason}"
    );
    let requests = bed.crm.requests();
    assert!(
        !requests.is_empty() && requests.iter().all(|seen| seen.method == "GET"),
        "{requests:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_only_a_conversation_named_is_synced() {
    let bed = Bed::new().await;
    let mut account = Account::new(NOON);
    let contact = account.meets(jane());
    account.opens(contact, WEB, "Good morning.");
    account
        .webhooks
        .retain(|webhook| webhook.event == "conversation_created");
    bed.send("morning", &account.webhooks).await;
    bed.finish().await;
    let admin = &bed.host.host.admin;
    let synced = admin.sync_contact(SOURCE, &contact.to_string()).await;
    assert_eq!(synced.expect("a conversation named it").count, 1);
    let deliveries = bed.finish().await;
    let mut deliveries = deliveries.iter();
    let sync = deliveries
        .find(|delivery| delivery.kind == Some(EventKind::ContactChanged))
        .expect("it was queued");
    let ended_well = matches!(
        sync.state,
        DeliveryState::Succeeded | DeliveryState::Skipped
    );
    assert!(ended_well, "{sync:#?}");
    assert_eq!(bed.crm.snapshot().persons.len(), 1);
}
