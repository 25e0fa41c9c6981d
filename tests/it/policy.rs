//! What an operator decides about failures and pauses takes effect on a host that runs, and can be seen and undone.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::clock::{Clock as _, Timestamp};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::failure::FailureKind;
use gladhand_core::pause::{By, Paused, Pauses};
use gladhand_core::port::Standings as _;
use gladhand_server::config::{Config, Environment};
use gladhand_server::host::{Host, World};
use gladhand_server::system::{self, SystemClock, SystemIds};
use gladhand_store::Settings as _;
use gladhand_tests::chatwoot::Account;
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::fault::{Fault, Matcher, Rule};
use gladhand_tests::host::Setup;
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bed::{Bed, CONNECTION, NOON, appears, jane, joined, until};
use crate::trouble::check_arrived_once;

/// Asks the admin API for what is done at once.
async fn ask(bed: &Bed, method: Method, path: &str, body: Value) -> Value {
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let answer = bed.api(method, &format!("/api/v1/{path}"), body).await;
    let told = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{path}: {told}");
    serde_json::from_str(&told).expect("JSON")
}

async fn items(bed: &Bed, path: &str) -> Vec<Value> {
    let page = ask(bed, Method::GET, path, Value::Null).await;
    page["items"].as_array().expect("a list").clone()
}

async fn set_policy(bed: &Bed, policy: Value) {
    let path = format!("connections/{CONNECTION}");
    let set = ask(bed, Method::PATCH, &path, json!({ "policy": policy })).await;
    for (key, value) in policy.as_object().expect("keys") {
        assert_eq!(set["policy"][key], *value, "{key}");
    }
}

fn answer_all(bed: &Bed, status: u16) {
    let rule = Rule::new(Matcher::any().always(), Fault::Html { status });
    bed.crm.inject(rule);
}

/// The head of a contact's lane dies and holds it, until `let_go` is done with it.
async fn check_holds(let_go: impl AsyncFnOnce(&Bed, &str)) {
    // Soon enough that the breaker stays closed.
    const GIVES_UP: u64 = 1;
    let bed = Bed::new().await;
    answer_all(&bed, 502);
    let mut account = Account::new(NOON);
    let held = account.meets(jane());
    bed.send("first", &account.webhooks).await;
    bed.rest().await;
    set_policy(
        &bed,
        json!({
            "on_dead": "hold", "retry_from_secs": GIVES_UP, "retry_to_secs": GIVES_UP, "retry_for_secs": GIVES_UP,
        }),
    )
    .await;
    let deliveries = bed.finish().await;
    let dead = &deliveries[0];
    assert_eq!(dead.state, DeliveryState::Dead, "{dead:#?}");
    let died_at = dead.settled_at.expect("it died");
    assert!(
        died_at.since(dead.queued_at) < Duration::from_mins(10),
        "a day is what is standard: {dead:#?}"
    );

    // Whatever the outages did to the account's breaker is over.
    bed.clock.advance(Duration::from_mins(10));
    bed.crm.clear_faults();
    let told = account.webhooks.len();
    account.identifies(held, "Jane Doe-Smith", "jane@doe.example");
    account.meets(Contact {
        id: 202,
        name: "John Roe".to_owned(),
        email: Some("john@roe.example".to_owned()),
        ..Contact::default()
    });
    bed.send("second", &account.webhooks[told..]).await;
    until(|| bed.crm.snapshot().leads.len() == 1).await;
    let person = bed.crm.snapshot().persons.remove(0);
    assert_eq!(person["name"], "John Roe", "another contact is not held");
    let state = async |at: usize| bed.deliveries().await[at].state;
    assert_eq!(state(1).await, DeliveryState::Pending);
    let lanes = items(&bed, &format!("lanes?connection={CONNECTION}")).await;
    let [lane] = lanes.as_slice() else {
        panic!("one lane is held: {lanes:#?}");
    };
    let dead = dead.id.to_string();
    assert_eq!(
        [
            &lane["contact"],
            &lane["held_by"],
            &lane["delivery"],
            &lane["held_since"]
        ],
        [
            &json!(held.to_string()),
            &json!("dead-delivery"),
            &json!(dead),
            &json!(died_at)
        ]
    );

    let_go(&bed, &dead).await;
    bed.finish().await;
    assert_eq!(state(1).await, DeliveryState::Succeeded);
    assert!(items(&bed, "lanes").await.is_empty());
    let snapshot = bed.crm.snapshot();
    let mut names = snapshot.persons.iter().map(|person| &person["name"]);
    assert!(names.any(|name| name == "Jane Doe-Smith"), "{snapshot:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_delivery_holds_its_contact_until_the_lane_is_released() {
    check_holds(async |bed, _| {
        let path = format!("connections/{CONNECTION}/lanes/201/release");
        ask(bed, Method::POST, &path, Value::Null).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_delivery_holds_its_contact_until_it_is_skipped() {
    check_holds(async |bed, dead| {
        ask(
            bed,
            Method::POST,
            &format!("deliveries/{dead}/skip"),
            json!({}),
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_delivery_holds_its_contact_until_it_is_discarded() {
    check_holds(async |bed, _| {
        let done = ask(
            bed,
            Method::POST,
            "dead/discard",
            json!({ "connection": CONNECTION }),
        )
        .await;
        assert_eq!(done["count"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_paused_connection_says_so_until_it_is_resumed() {
    let bed = Bed::new().await;
    let path = |verb: &str| format!("connections/{CONNECTION}/{verb}");
    ask(&bed, Method::POST, &path("pause"), Value::Null).await;
    bed.send("paused", &appears(jane())).await;
    let paused = items(&bed, "deliveries?state=paused").await;
    let [delivery] = paused.as_slice() else {
        panic!("one delivery: {paused:#?}");
    };
    assert_eq!(
        (&delivery["code"], &delivery["message"]),
        (&json!("connection-paused"), &json!("an operator paused it"))
    );
    assert!(items(&bed, "deliveries?state=pending").await.is_empty());
    ask(&bed, Method::POST, &path("resume"), Value::Null).await;
    check_arrived_once(&bed.crm, &bed.finish().await);
    assert!(items(&bed, "deliveries?state=paused").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_met_a_refused_token_runs_as_soon_as_its_account_is_resumed() {
    let bed = Bed::new().await;
    answer_all(&bed, 401);
    bed.send("refused", &appears(jane())).await;
    bed.rest().await;
    assert_eq!(bed.host.host.engine.paused().len(), 1);
    bed.crm.clear_faults();
    bed.clock.advance(Duration::from_secs(1));
    let resumed_at = bed.clock.now();
    let path = format!("accounts/{CONNECTION}/resume");
    ask(&bed, Method::POST, &path, Value::Null).await;
    check_arrived_once(&bed.crm, &bed.finish().await);
    let waited = bed.clock.now().since(resumed_at);
    assert!(waited < Duration::from_secs(5), "it waited {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_deliver_knows_what_another_paused() {
    let dir = TempDir::new().expect("a folder");
    let connection = joined(CONNECTION, "http://127.0.0.1:1", "a token");
    let path = Setup::new(dir.path(), vec![connection]).write();
    let path = path.expect("a configuration");
    let environment = Environment::default();
    let mut config = Config::load(Some(&path), &environment, &[]).expect("it holds");
    config.server.roles.worker = false;
    let world = World {
        clock: Arc::new(SystemClock::new()),
        ids: Arc::new(SystemIds),
        jitter: system::jitter,
    };
    let host = Host::start(&config, &environment, world).await;
    let host = host.expect("the host starts");
    let account = host.store.accounts().await.expect("a read").remove(0);
    let pauses = Pauses {
        current: Some(Paused {
            by: By::Host,
            since: Timestamp(NOON),
            kind: Some(FailureKind::Auth),
            message: "the token is refused".to_owned(),
            connection: None,
            next_test: None,
        }),
        ..Pauses::default()
    };
    let value = serde_json::to_value(pauses).expect("JSON");
    let replaced = host.store.replace(account.id, "pause", 0, &value).await;
    assert_eq!(replaced.expect("another host's write"), Some(1));
    let shown = host.admin.show_connection(CONNECTION).await;
    let because = shown.expect("it is there").paused_because;
    assert!(because.is_some_and(|because| because.contains("the token is refused")));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_again_where_somebody_else_changed_them_and_only_then() {
    let bed = Bed::new().await;
    let host = &bed.host.host;
    let is_current = async || host.engine.is_current().await.expect("an answer");
    assert!(
        is_current().await,
        "a host that started has read everything"
    );
    let change = json!({ "on_dead": "hold" });
    set_policy(&bed, change).await;
    assert!(is_current().await, "its own changes are taken up at once");
    let mut connections = host.store.connections().await.expect("a read");
    connections[0].is_paused = true;
    let elsewhere = host.store.put_connection(&connections[0]).await;
    elsewhere.expect("a write past the engine, as another host's");
    let taken_up = async {
        while !is_current().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let taken_up = tokio::time::timeout(Duration::from_secs(10), taken_up).await;
    taken_up.expect("it hears of it");
    let directory = host.engine.directory();
    let entry = directory.connections.get(&connections[0].id);
    assert!(entry.expect("it is there").connection.is_paused);
}
