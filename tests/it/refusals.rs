//! What intake lets nobody in with: no signature, a wrong or an old one, an unknown source, a body too large.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::clock::Clock as _;
use gladhand_server::config::{Config, Environment};
use gladhand_server::host::{Host, World};
use gladhand_server::system::{self, SystemClock, SystemIds};
use gladhand_tests::chatwoot::sender::sign;
use gladhand_tests::host::{SECRET, Setup};
use serde_json::json;
use tempfile::TempDir;

use crate::bed::Bed;
use crate::webhooks::{HOOK, body, check_refused, post, signed};

/// Nothing is there, and the same delivery in good order is no duplicate.
async fn check_not_stored(bed: &Bed, delivery: &str) {
    assert!(bed.deliveries().await.is_empty());
    let headers = signed(bed, delivery, Duration::ZERO, &body());
    let (status, told) = post(&bed.host.authority(), HOOK, &headers, &body()).await;
    assert_eq!(
        (status, &told["result"]),
        (200, &json!("stored")),
        "had it been stored, this were a duplicate"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_is_refused_and_nothing_is_stored() {
    let bed = Bed::new().await;
    let mut headers = signed(&bed, "one", Duration::ZERO, &body());
    headers[1].1 = sign("another secret", &headers[2].1, &body());
    let answer = post(&bed.host.authority(), HOOK, &headers, &body()).await;
    check_refused(&answer, 401, "unauthorised", "webhook_secret");
    check_not_stored(&bed, "one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_body_is_refused_and_nothing_is_stored() {
    let bed = Bed::new().await;
    let headers = signed(&bed, "one", Duration::ZERO, &body());
    let mut changed = body();
    changed.push(b' ');
    let answer = post(&bed.host.authority(), HOOK, &headers, &changed).await;
    check_refused(&answer, 401, "unauthorised", "does a proxy change the body");
    check_not_stored(&bed, "one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_signature_is_refused_and_nothing_is_stored() {
    let bed = Bed::new().await;
    let headers = vec![("x-chatwoot-delivery", "one".to_owned())];
    let answer = post(&bed.host.authority(), HOOK, &headers, &body()).await;
    check_refused(&answer, 401, "unauthorised", "X-Chatwoot-Signature");
    // A token in the path stands in for a signature only where the source does not sign.
    let answer = post(
        &bed.host.authority(),
        &format!("{HOOK}/anything"),
        &headers,
        &body(),
    )
    .await;
    check_refused(&answer, 401, "unauthorised", "X-Chatwoot-Signature");
    check_not_stored(&bed, "one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_six_minutes_ago_is_refused_as_a_replay() {
    let bed = Bed::new().await;
    let headers = signed(&bed, "one", Duration::from_mins(6), &body());
    let answer = post(&bed.host.authority(), HOOK, &headers, &body()).await;
    check_refused(&answer, 401, "unauthorised", "replay");
    check_not_stored(&bed, "one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_four_minutes_ago_is_taken() {
    let bed = Bed::new().await;
    let headers = signed(&bed, "one", Duration::from_mins(4), &body());
    let (status, told) = post(&bed.host.authority(), HOOK, &headers, &body()).await;
    assert_eq!((status, &told["result"]), (200, &json!("stored")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_source_is_not_found() {
    let bed = Bed::new().await;
    let headers = signed(&bed, "one", Duration::ZERO, &body());
    let answer = post(
        &bed.host.authority(),
        "/hooks/chatwoot/sales",
        &headers,
        &body(),
    )
    .await;
    check_refused(&answer, 404, "unknown-source", "gladhand source list");
    check_not_stored(&bed, "one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_and_one_at_it_is_not() {
    let dir = TempDir::new().expect("a folder");
    let path = Setup::new(dir.path(), Vec::new())
        .write()
        .expect("a configuration");
    let environment = Environment::default();
    let mut config =
        Config::load(Some(&path), &environment, &[]).expect("a configuration that holds");
    config.limits.body_bytes = 1_000;
    let clock = Arc::new(SystemClock::new());
    let world = World {
        clock: clock.clone(),
        ids: Arc::new(SystemIds),
        jitter: system::jitter,
    };
    let host = Host::start(&config, &environment, world)
        .await
        .expect("the host starts");
    for (length, expect) in [(1_001, 413), (1_000, 200)] {
        let body = vec![b' '; length];
        let at = (clock.now().0 / 1_000).to_string();
        let headers = vec![
            ("x-chatwoot-signature", sign(SECRET, &at, &body)),
            ("x-chatwoot-timestamp", at),
        ];
        let (status, told) = post(&host.address.to_string(), HOOK, &headers, &body).await;
        assert_eq!(status, expect, "{told}");
    }
    host.stop().await;
}
