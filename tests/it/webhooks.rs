//! What intake takes: everything that comes from a source, each to be seen afterwards with what became of it.

use std::time::Duration;

use gladhand_core::clock::Clock as _;
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_server::admin::NewSource;
use gladhand_tests::chatwoot::account::WEB;
use gladhand_tests::chatwoot::sender::sign;
use gladhand_tests::chatwoot::{Account, Webhook};
use gladhand_tests::host::{SECRET, SOURCE};
use gladhand_tests::http::Client;
use serde_json::{Value, json};

use crate::bed::{Bed, NOON, appears, jane};

pub const HOOK: &str = "/hooks/chatwoot/support";

pub type Headers = Vec<(&'static str, String)>;

/// The headers of a body that was signed so long ago.
pub fn signed(bed: &Bed, delivery: &str, age: Duration, body: &[u8]) -> Headers {
    let at = (bed.clock.now().0 / 1_000 - i64::try_from(age.as_secs()).expect("a short time"))
        .to_string();
    vec![
        ("x-chatwoot-delivery", delivery.to_owned()),
        ("x-chatwoot-signature", sign(SECRET, &at, body)),
        ("x-chatwoot-timestamp", at),
    ]
}

pub async fn post(authority: &str, path: &str, headers: &Headers, body: &[u8]) -> (u16, Value) {
    let answer = Client::new(authority)
        .post(path, headers, body.to_vec())
        .await
        .expect("an answer");
    let told = serde_json::from_slice(&answer.body).expect("the host answers with JSON");
    (answer.status, told)
}

pub fn body() -> Vec<u8> {
    appears(jane())[0].body.to_string().into_bytes()
}

/// It was refused with this status and code, and the reason names this.
#[track_caller]
pub fn check_refused(answer: &(u16, Value), status: u16, code: &str, word: &str) {
    let (given, told) = answer;
    assert_eq!(
        (*given, told["code"].as_str()),
        (status, Some(code)),
        "{told}"
    );
    let detail = told["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(word), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_stored_and_shown_and_counted() {
    let bed = Bed::new().await;
    let before = events(&bed.metrics().await, "unreadable");
    let mut sender = bed.host.sender("odd");
    let odd = [
        "this is no JSON",
        "[1, 2, 3]",
        r#"{"hello": "world"}"#,
        r#"{"event": "contact_updated", "id": {}}"#,
    ];
    for body in odd {
        assert_eq!(
            sender.send_bytes(body.into()).await.expect("200"),
            "unreadable",
            "{body}"
        );
    }
    let deliveries = bed.rest().await;
    assert_eq!(deliveries.len(), odd.len());
    for delivery in &deliveries {
        check_skipped(delivery.outcome.as_ref(), SkipCode::Unreadable);
    }
    let listed = bed
        .api(
            hyper::Method::GET,
            "/api/v1/deliveries?state=skipped",
            Vec::new(),
        )
        .await;
    let listed: Value = serde_json::from_slice(&listed.body).expect("JSON");
    let codes: Vec<_> = listed["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["code"].clone())
        .collect();
    assert_eq!(codes, vec![json!("unreadable"); odd.len()]);
    assert!(
        listed["items"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|item| !item["message"].as_str().unwrap_or_default().is_empty())
    );
    let counted = events(&bed.metrics().await, "unreadable") - before;
    assert!(counted >= odd.len() as u64, "{counted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_twice_is_a_duplicate_the_second_time() {
    let bed = Bed::new().await;
    let headers = signed(&bed, "one", Duration::ZERO, &body());
    for expect in ["stored", "duplicate", "duplicate"] {
        let (status, told) = post(&bed.host.authority(), HOOK, &headers, &body()).await;
        assert_eq!((status, told["result"].as_str()), (200, Some(expect)));
    }
    bed.rest().await;
    assert_eq!(bed.deliveries().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_does_not_sign_needs_the_token_of_its_url() {
    let bed = Bed::new().await;
    let unsigned = NewSource {
        name: "bots".to_owned(),
        webhook_secret: None,
        base_url: None,
        account_id: None,
        api_token: None,
        allow_private_network: false,
        allow_http: false,
    };
    let admin = &bed.host.host.admin;
    let added = admin.add_source(unsigned).await.expect("a source");
    assert!(!added.signed);
    let url = added.webhook_url.expect("its webhook's URL");
    let authority = bed.host.authority();
    let right = url
        .strip_prefix(&format!("http://{authority}"))
        .expect("this host's URL");
    let (hook, token) = right.rsplit_once('/').expect("a token at the end");
    assert!(token.len() >= 32, "{token}");
    for path in [
        hook.to_owned(),
        format!("{hook}/{}", "x".repeat(token.len())),
        format!("{right}x"),
    ] {
        let answer = post(&authority, &path, &Vec::new(), &body()).await;
        check_refused(&answer, 401, "unauthorised", "gladhand source show");
        assert!(!answer.1.to_string().contains(token));
    }
    let (status, told) = post(&authority, right, &Vec::new(), &body()).await;
    assert_eq!((status, &told["result"]), (200, &json!("stored")));
    let listed = serde_json::to_string(&admin.list_sources().await.expect("a list")).expect("JSON");
    assert!(
        !listed.contains(token),
        "a listing shows no token: {listed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_is_shown_as_nothing_that_a_crm_keeps() {
    let bed = Bed::new().await;
    let typing =
        include_bytes!("../fixtures/chatwoot/payloads/conversation_typing_on__contact.json");
    let stored = bed
        .host
        .sender("typing")
        .send_bytes(typing.to_vec())
        .await
        .expect("200");
    assert_eq!(stored, "stored");
    let deliveries = bed.rest().await;
    assert_eq!(deliveries.len(), 1);
    check_skipped(deliveries[0].outcome.as_ref(), SkipCode::UnsupportedEvent);
    assert_eq!(bed.crm.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_is_shown_and_costs_no_call() {
    let bed = Bed::new().await;
    let mut account = Account::new(NOON);
    let contact = account.meets(jane());
    account.opens(contact, WEB, "Hello");
    let (noise, rest): (Vec<Webhook>, Vec<Webhook>) = account
        .webhooks
        .into_iter()
        .partition(|webhook| webhook.event == "contact_updated");
    bed.send("first", &rest).await;
    bed.rest().await;
    let calls = bed.crm.request_count();
    bed.send("noise", &noise).await;
    let deliveries = bed.rest().await;
    check_skipped(
        deliveries.last().expect("it is listed").outcome.as_ref(),
        SkipCode::Noise,
    );
    assert_eq!(bed.crm.request_count(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_answer() {
    let bed = Bed::new().await;
    bed.send("first", &appears(jane())).await;
    bed.rest().await;
    let mut client = Client::new(&bed.host.authority());
    for path in ["/livez", "/readyz"] {
        assert_eq!(
            client.get(path, &[]).await.expect("an answer").status,
            200,
            "{path}"
        );
    }
    let metrics = bed.metrics().await;
    assert!(events(&metrics, "stored") >= 1, "{metrics}");
    assert!(metrics.contains(r#"crm_entities_synced_total{provider="krayin",object="person",direction="push",action="created"}"#), "{metrics}");
    assert!(
        metrics.contains(r#"crm_requests_total{provider="krayin",method="POST",status="200"}"#),
        "{metrics}"
    );
    for line in [
        r#"gladhand_deliveries{state="succeeded"} 1"#,
        r#"gladhand_deliveries{state="dead"} 0"#,
        "gladhand_oldest_pending_seconds 0",
        "gladhand_waiting_lanes 0",
        "# TYPE gladhand_webhook_duration_seconds histogram",
        "# TYPE gladhand_stale_attempts_total counter",
        "# TYPE gladhand_store_errors_total counter",
    ] {
        assert!(
            metrics.lines().any(|said| said == line),
            "{line}: {metrics}"
        );
    }
    assert!(
        !metrics.contains(SOURCE),
        "no label names a tenant: {metrics}"
    );
}

#[track_caller]
fn check_skipped(outcome: Option<&Outcome>, wanted: SkipCode) {
    assert!(
        matches!(outcome, Some(Outcome::Skipped { code, reason }) if *code == wanted && !reason.is_empty()),
        "{outcome:?}"
    );
}

/// How many webhooks ended so, as Prometheus is told.
fn events(metrics: &str, result: &str) -> u64 {
    let name = format!("gladhand_events_total{{result=\"{result}\"}} ");
    metrics
        .lines()
        .find_map(|line| line.strip_prefix(&name))
        .map_or(0, |count| count.parse().expect("a number"))
}
