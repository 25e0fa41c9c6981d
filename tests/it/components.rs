//! A file that is no connector is refused with its reason, and what runs does not notice.

use std::fs;

use gladhand_core::delivery::DeliveryState;
use gladhand_tests::chatwoot::day;
use gladhand_tests::host::built_connectors;
use hyper::Method;
use serde_json::{Value, json};

use crate::bed::{Bed, NOON, appears, jane};

/// A core module with nothing in it.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn guest(name: &str) -> Vec<u8> {
    let path = built_connectors()
        .join("guests")
        .join(format!("{name}.wasm"));
    fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo xtask connectors` builds it",
            path.display()
        )
    })
}

/// What is handed over, and words of the reason that it must be refused with.
fn unfit() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    vec![
        (
            "a text file",
            b"#!/bin/sh\necho connector\n".to_vec(),
            &["no WebAssembly file", "wasm32-wasip2"],
        ),
        ("an empty file", Vec::new(), &["no WebAssembly file"]),
        (
            "a core module",
            CORE_MODULE.to_vec(),
            &["core WebAssembly module", "wasm-tools component new"],
        ),
        (
            "half a component",
            guest("golden")[..50_000].to_vec(),
            &["cannot be compiled"],
        ),
        (
            "one that wants too much",
            guest("wide_import"),
            &["`log.metric`", "`wasi:http/outgoing@0.2.0`"],
        ),
        (
            "one of another contract",
            guest("other_major"),
            &["gladhand:connector 2.0.0", "this host speaks 0.1.0"],
        ),
        (
            "one that misdescribes itself",
            guest("bad_descriptor"),
            &["descriptor is not valid", "budgets[0].limit", "sixty"],
        ),
    ]
}

async fn listed(bed: &Bed) -> Value {
    let answer = bed.api(Method::GET, "/api/v1/connectors", Vec::new()).await;
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_unfit_file_is_refused_with_its_reason_while_deliveries_flow() {
    let bed = Bed::new().await;
    let (webhooks, expected) = day(NOON);
    let before = listed(&bed).await;
    let mut parts = webhooks.chunks(webhooks.len().div_ceil(unfit().len()));
    for (what, file, words) in unfit() {
        bed.send(what, parts.next().unwrap_or_default()).await;
        let refused = bed.host.host.engine.add_connector(&file).await;
        let reason = refused
            .err()
            .unwrap_or_else(|| panic!("{what} was taken"))
            .to_string();
        for word in words {
            assert!(reason.contains(word), "{what}: no `{word}` in: {reason}");
        }
    }
    let deliveries = bed.rest().await;
    let failed: Vec<_> = deliveries
        .iter()
        .filter(|delivery| delivery.failure.is_some() || !delivery.state.is_settled())
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let snapshot = bed.crm.snapshot();
    assert_eq!(
        (snapshot.persons.len(), snapshot.activities.len()),
        (expected.persons, expected.activities)
    );
    assert_eq!(listed(&bed).await, before, "nothing refused is listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_says_why_a_file_is_refused() {
    let bed = Bed::new().await;
    for (what, file, words) in unfit() {
        let answer = bed.api(Method::POST, "/api/v1/connectors", file).await;
        let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(
            (answer.status, &told["code"]),
            (422, &json!("component-refused")),
            "{what}: {told}"
        );
        for word in words {
            assert!(
                told["detail"].as_str().unwrap_or_default().contains(word),
                "{what}: no `{word}` in: {told}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_fits_is_listed_and_takes_nothing_from_those_that_run() {
    let bed = Bed::new().await;
    let answer = bed
        .api(Method::POST, "/api/v1/connectors", guest("golden"))
        .await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let added: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let listed = listed(&bed).await;
    let is_listed = listed["items"]
        .as_array()
        .expect("a list")
        .iter()
        .any(|one| one["digest"] == added["digest"]);
    assert!(is_listed, "{listed}");
    bed.send("after", &appears(jane())).await;
    let deliveries = bed.rest().await;
    assert_eq!(
        deliveries[0].state,
        DeliveryState::Succeeded,
        "{deliveries:#?}"
    );
}
