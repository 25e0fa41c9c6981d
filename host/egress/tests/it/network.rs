//! Where requests go, and where they never go.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gladhand_egress::{Error, Request};
use serde_json::json;

use crate::support::{Crm, Names, Setting, World, reply};

fn named(url: &str, host: &str) -> String {
    url.replace("127.0.0.1", host)
}

#[track_caller]
fn assert_refused(result: &Result<gladhand_egress::Response, Error>, expect: &str) {
    match result {
        Err(Error::Refused(reason)) => assert!(reason.contains(expect), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_host_that_the_descriptor_does_not_grant_is_refused() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    let result = world.send(Request::get("https://evil.example/")).await;
    assert_refused(&result, "grants no requests to evil.example:443");
    assert!(
        world.attempt.refused.is_some(),
        "a failure that follows is egress-refused"
    );
    assert_eq!(world.attempt.http_calls, 0);
    assert!(
        world.last_exchange().error.is_some(),
        "a refusal can be explained"
    );
}

#[tokio::test]
async fn a_private_address_is_refused_where_the_account_does_not_allow_it() {
    let crm = Crm::with(200, "").await;
    for url in [crm.url.clone(), named(&crm.url, "[::ffff:127.0.0.1]")] {
        let setting = Setting {
            allow_private_network: false,
            ..Setting::default()
        };
        let mut world = World::with(&url, setting);
        let result = world.send(Request::get("/x")).await;
        assert_refused(&result, "allow_private_network");
    }
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn a_public_name_with_a_private_address_is_refused() {
    let crm = Crm::with(200, "").await;
    for address in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
        let setting = Setting {
            allow_private_network: false,
            lookup: Names::new(&[&[address]]),
            ..Setting::default()
        };
        let mut world = World::with(&named(&crm.url, "crm.example.com"), setting);
        let result = world.send(Request::get("/x")).await;
        assert_refused(&result, "resolves to a forbidden address");
        assert!(world.attempt.refused.is_some());
    }
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    let crm = Crm::with(200, "").await;
    // Whoever asks twice is sent to the metadata service the second time.
    let names = Names::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let setting = Setting {
        lookup: names.clone(),
        ..Setting::default()
    };
    let mut world = World::with(&named(&crm.url, "crm.example.com"), setting);
    let response = world.send(Request::get("/x")).await.expect("a response");
    assert_eq!(response.status, 200);
    assert_eq!(names.asked.load(Ordering::Relaxed), 1);
    let host = named(&crm.url, "crm.example.com");
    assert_eq!(crm.only().header("host"), host.strip_prefix("http://"));
}

#[tokio::test]
async fn a_name_that_moves_to_the_metadata_service_is_refused_even_where_private_addresses_are_allowed()
 {
    let crm = Crm::answering(|_| reply(200, &[("connection", "close")], "")).await;
    let setting = Setting {
        lookup: Names::new(&[&["127.0.0.1"], &["169.254.169.254"]]),
        ..Setting::default()
    };
    let mut world = World::with(&named(&crm.url, "crm.example.com"), setting);
    world.send(Request::get("/x")).await.expect("a response");
    let result = world.send(Request::get("/x")).await;
    assert_refused(&result, "link-local");
}

#[tokio::test]
async fn an_account_without_private_networks_is_not_handed_another_accounts_connection() {
    let crm = Crm::with(200, "").await;
    let url = named(&crm.url, "crm.example.com");
    let setting = Setting {
        lookup: Names::new(&[&["127.0.0.1"]]),
        ..Setting::default()
    };
    let mut world = World::with(&url, setting);
    world.send(Request::get("/x")).await.expect("a response");
    let public = Setting {
        allow_private_network: false,
        ..Setting::default()
    };
    world.target = World::with(&url, public).target;
    let result = world.send(Request::get("/x")).await;
    assert_refused(&result, "forbidden address");
}

#[tokio::test]
async fn a_redirect_is_given_back_and_not_followed() {
    let metadata = "http://169.254.169.254/latest/meta-data/";
    let crm = Crm::answering(move |_| reply(302, &[("location", metadata)], "")).await;
    let mut world = World::new(&crm.url);
    let response = world.send(Request::get("/x")).await.expect("a response");
    assert_eq!(response.status, 302);
    assert!(
        response
            .headers
            .contains(&("location".into(), metadata.into()))
    );
    assert_eq!(crm.seen().len(), 1);
}

#[tokio::test]
async fn a_name_without_an_address_is_unreachable() {
    let setting = Setting {
        lookup: Names::new(&[]),
        ..Setting::default()
    };
    let mut world = World::with("http://crm.example.com", setting);
    let result = world.send(Request::get("/x")).await;
    assert!(matches!(result, Err(Error::Unreachable(_))), "{result:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_unreachable_over_https() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url.replace("http:", "https:"));
    let result = world.send(Request::get("/x")).await;
    assert!(matches!(result, Err(Error::Unreachable(_))), "{result:?}");
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn connections_are_kept_for_the_next_request() {
    let crm = Crm::with(200, "").await;
    let names = Names::new(&[&["127.0.0.1"]]);
    let setting = Setting {
        lookup: names.clone(),
        descriptor: json!({ "hosts": ["{base-url}"] }),
        ..Setting::default()
    };
    let mut world = World::with(&named(&crm.url, "crm.example.com"), setting);
    for _ in 0..5 {
        world.send(Request::get("/x")).await.expect("a response");
    }
    assert_eq!(Arc::as_ref(&names).asked.load(Ordering::Relaxed), 1);
}
