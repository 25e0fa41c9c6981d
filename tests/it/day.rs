//! The main job, whole: a day of webhooks becomes persons, organisations, leads and activities, whatever disturbs it.

use std::time::Duration;

use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_tests::chatwoot::day::Expected;
use gladhand_tests::chatwoot::{Webhook, day};
use gladhand_tests::host::{Joined, Setup, TestHost};
use gladhand_tests::krayin::{Config, Krayin, Snapshot};
use tempfile::TempDir;

const MORNING: i64 = 1_781_690_400_000;

/// A simulated CRM and what a host needs to be joined to it.
pub fn krayin() -> (Krayin, Joined) {
    let crm = Krayin::start(Config {
        throttle: Some(60_000),
        ..Config::default()
    })
    .expect("a port is free");
    let joined = Joined::krayin("krayin-main", crm.base_url(), crm.token());
    (crm, joined)
}

async fn play(host: &TestHost, run: &str, webhooks: &[Webhook]) {
    let mut sender = host.sender(run);
    for webhook in webhooks {
        sender.send(webhook).await.expect("the host takes it");
    }
    host.settle().await.expect("everything settles");
}

#[track_caller]
fn check(snapshot: &Snapshot, expected: &Expected, deliveries: &[Delivery]) {
    let found = Expected {
        persons: snapshot.persons.len(),
        organizations: snapshot.organizations.len(),
        leads: snapshot.leads.len(),
        activities: snapshot.activities.len(),
    };
    let told: Vec<_> = deliveries
        .iter()
        .map(|delivery| {
            format!(
                "{:?} {} {:?} {:?}",
                delivery.kind, delivery.state, delivery.outcome, delivery.failure
            )
        })
        .collect();
    assert_eq!(&found, expected, "{snapshot:#?}\n{}", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_webhooks_stands_in_the_crm() {
    let (crm, joined) = krayin();
    let dir = TempDir::new().expect("a folder");
    let host = TestHost::start(&Setup::new(dir.path(), vec![joined]))
        .await
        .expect("the host starts");
    let (webhooks, expected) = day(MORNING);
    play(&host, "first", &webhooks).await;

    let deliveries = host.deliveries().await.expect("a list");
    check(&crm.snapshot(), &expected, &deliveries);
    let unfinished: Vec<_> = deliveries
        .iter()
        .filter(|delivery| {
            !matches!(
                delivery.state,
                DeliveryState::Succeeded | DeliveryState::Skipped | DeliveryState::Superseded
            )
        })
        .collect();
    assert!(unfinished.is_empty(), "{unfinished:#?}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_leaves_an_address_late_gets_everything_that_was_skipped() {
    let (crm, joined) = krayin();
    let dir = TempDir::new().expect("a folder");
    let host = TestHost::start(&Setup::new(dir.path(), vec![joined]))
        .await
        .expect("the host starts");
    let (webhooks, _) = day(MORNING);
    let visitor: Vec<Webhook> = webhooks
        .into_iter()
        .take_while(|webhook| webhook.body["id"] != 102)
        .collect();
    let anonymous = visitor
        .iter()
        .position(|webhook| !webhook.body["email"].is_null())
        .expect("an address comes");
    play(&host, "before", &visitor[..anonymous]).await;
    assert!(crm.snapshot().persons.is_empty(), "nobody can be found yet");
    let skipped = host.deliveries().await.expect("a list");
    assert!(
        skipped
            .iter()
            .any(|delivery| is_skipped(delivery, SkipCode::NoIdentity)),
        "{skipped:#?}"
    );

    play(&host, "after", &visitor[anonymous..]).await;
    let snapshot = crm.snapshot();
    assert_eq!(snapshot.persons.len(), 1);
    assert_eq!(
        snapshot.persons[0]["emails"][0]["value"],
        "anna@kowalska.example"
    );
    assert_eq!(snapshot.leads.len(), 1);
    assert_eq!(
        snapshot.activities.len(),
        1,
        "the conversation that was skipped is delivered: {snapshot:#?}"
    );
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn played_again_with_new_delivery_ids_and_later_times_nothing_is_doubled() {
    let (crm, joined) = krayin();
    let dir = TempDir::new().expect("a folder");
    let host = TestHost::start(&Setup::new(dir.path(), vec![joined]))
        .await
        .expect("the host starts");
    let (webhooks, expected) = day(MORNING);
    play(&host, "first", &webhooks).await;
    let (later, _) = day(MORNING + 86_400_000);
    play(&host, "second", &later).await;
    check(
        &crm.snapshot(),
        &expected,
        &host.deliveries().await.expect("a list"),
    );
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn played_into_a_fresh_database_against_the_same_crm_nothing_is_doubled() {
    let (crm, joined) = krayin();
    let (webhooks, expected) = day(MORNING);
    for run in ["first", "second"] {
        let dir = TempDir::new().expect("a folder");
        let host = TestHost::start(&Setup::new(dir.path(), vec![joined.clone()]))
            .await
            .expect("the host starts");
        play(&host, run, &webhooks).await;
        check(
            &crm.snapshot(),
            &expected,
            &host.deliveries().await.expect("a list"),
        );
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shuffled_within_two_seconds_nothing_is_doubled_and_nothing_missing() {
    for seed in 1..=3 {
        let (crm, joined) = krayin();
        let dir = TempDir::new().expect("a folder");
        let host = TestHost::start(&Setup::new(dir.path(), vec![joined]))
            .await
            .expect("the host starts");
        let (mut webhooks, expected) = day(MORNING);
        shuffle(&mut webhooks, Duration::from_secs(2), seed);
        play(&host, "shuffled", &webhooks).await;
        check(
            &crm.snapshot(),
            &expected,
            &host.deliveries().await.expect("a list"),
        );
        host.stop().await;
    }
}

/// Delays each by up to `within`, and puts them in the order in which they then arrive.
fn shuffle(webhooks: &mut [Webhook], within: Duration, seed: u64) {
    let within = i64::try_from(within.as_millis()).expect("a short time");
    let mut state = seed;
    let mut arrival = |at: i64| {
        // A linear congruential generator is random enough to disturb an order, and the same every time.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        at + i64::try_from(state >> 40).expect("24 bits") % within
    };
    let mut keyed: Vec<_> = webhooks
        .iter()
        .map(|webhook| (arrival(webhook.at_ms), webhook.clone()))
        .collect();
    keyed.sort_by_key(|(at, _)| *at);
    for (slot, (_, webhook)) in webhooks.iter_mut().zip(keyed) {
        *slot = webhook;
    }
}

pub fn is_skipped(delivery: &Delivery, wanted: SkipCode) -> bool {
    matches!(&delivery.outcome, Some(Outcome::Skipped { code, .. }) if *code == wanted)
}
