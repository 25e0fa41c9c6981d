//! The API over a world in memory: status, code and body of each answer.

mod operators;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::event::EventKind;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::{ConnectionId, DeliveryId, EventId};
use gladhand_core::outcome::{Outcome, SkipCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use crate::doubles::World;

struct Api {
    world: Arc<World>,
    routes: Router,
}

impl Api {
    fn new() -> Self {
        let world = World::new();
        Self {
            routes: routes(world.admin(), Hash::of(&"secret-token".into())),
            world,
        }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self
            .routes
            .clone()
            .oneshot(request)
            .await
            .expect("the router does not fail");
        let status = response.status();
        let is_problem = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "application/problem+json");
        assert_eq!(
            is_problem,
            !status.is_success(),
            "errors and only errors are problem+json"
        );
        let body = to_bytes(response.into_body(), usize::MAX)
            .await
            .expect("a body");
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).expect("JSON")
        };
        (status, body)
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, "Bearer secret-token");
        self.send(request.body(body).expect("a request")).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call("GET", path, None).await
    }

    /// One that has the source `support` and the connection `main`.
    async fn with_connection() -> Self {
        let api = Self::new();
        let source = json!({ "name": "support", "webhook_secret": "0123456789abcdef" });
        let (status, _) = api.call("POST", "/api/v1/sources", Some(source)).await;
        assert_eq!(status, StatusCode::CREATED);
        let connection = json!({
            "name": "main", "source": "support", "connector": "crm", "base_url": "https://crm.example.com",
            "credentials": { "token": "crm-token-0123" }, "settings": { "stage": 1 },
        });
        let (status, body) = api
            .call("POST", "/api/v1/connections", Some(connection))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        api
    }
}

#[tokio::test]
async fn nothing_is_answered_without_the_token() {
    let api = Api::new();
    for path in [
        "/api/v1/sources",
        "/api/v1/nothing",
        "/api/v1/connections/main/check",
    ] {
        for authorization in [
            None,
            Some("Bearer wrong"),
            Some("secret-token"),
            Some("Basic secret-token"),
        ] {
            let mut request = Request::builder().uri(path);
            if let Some(authorization) = authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let (status, body) = api
                .send(request.body(Body::empty()).expect("a request"))
                .await;
            assert_eq!(
                (status, body["code"].as_str()),
                (StatusCode::UNAUTHORIZED, Some("unauthorised")),
                "{path} {authorization:?}"
            );
            assert!(
                body["detail"]
                    .as_str()
                    .is_some_and(|detail| detail.contains("`admin.token`")),
                "{body}"
            );
        }
    }
}

#[tokio::test]
async fn a_source_is_added_shown_listed_and_removed() {
    let api = Api::new();
    let source =
        json!({ "name": "support", "webhook_secret": "0123456789abcdef", "account_id": 1 });
    let (status, added) = api.call("POST", "/api/v1/sources", Some(source)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        added,
        json!({
            "id": "src_00000000000000000000000000000001", "name": "support", "kind": "chatwoot", "signed": true,
            "base_url": null, "account_id": 1, "allow_private_network": false, "allow_http": false,
            "secrets": [{ "name": "webhook_secret", "ends_with": "…cdef" }], "declared": false,
            "webhook_url": "https://hooks.example.com/hooks/chatwoot/support",
        })
    );
    assert_eq!(
        api.get("/api/v1/sources/support").await,
        (StatusCode::OK, added)
    );
    let (_, page) = api.get("/api/v1/sources").await;
    assert_eq!(
        (page["items"][0]["name"].as_str(), &page["next"]),
        (Some("support"), &Value::Null)
    );
    assert_eq!(
        api.call("DELETE", "/api/v1/sources/support", None).await,
        (StatusCode::NO_CONTENT, Value::Null)
    );
    let (status, body) = api.get("/api/v1/sources/support").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        body,
        json!({ "status": 404, "code": "not-found", "detail": "there is no source `support`; `gladhand source list` shows those there are" })
    );
}

#[tokio::test]
async fn a_connection_is_shown_without_its_credential() {
    let api = Api::with_connection().await;
    let (status, body) = api.get("/api/v1/connections/main").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        json!({
            "id": "con_00000000000000000000000000000003", "name": "main", "source": "support", "account": "main",
            "connector": "crm", "version": "1.0.0", "digest": "d1", "base_url": "https://crm.example.com",
            "credentials": [{ "name": "token", "ends_with": "…0123" }], "concurrency": 4, "inboxes": [], "mode": "live",
            "paused": false, "paused_because": null, "time_zone": null, "settings": { "stage": 1 },
            "policy": {
                "on_dead": "continue", "retry_from_secs": 5, "retry_to_secs": 3_600, "retry_for_secs": 86_400,
            },
            "allow_private_network": false, "allow_http": false, "declared": false,
        })
    );
}

#[tokio::test]
async fn a_connection_is_changed_paused_checked_discovered_and_removed() {
    let api = Api::with_connection().await;
    let change =
        json!({ "settings": { "stage": 2 }, "mode": "observe", "policy": { "on_dead": "hold" } });
    let (status, body) = api
        .call("PATCH", "/api/v1/connections/main", Some(change))
        .await;
    assert_eq!(
        (status, &body["settings"], &body["mode"]),
        (StatusCode::OK, &json!({ "stage": 2 }), &json!("observe"))
    );
    let policy = json!({
        "on_dead": "hold", "retry_from_secs": 5, "retry_to_secs": 3_600, "retry_for_secs": 86_400,
    });
    assert_eq!(body["policy"], policy);
    let change = json!({ "policy": { "on_dead": "wait" } });
    let (status, body) = api
        .call("PATCH", "/api/v1/connections/main", Some(change))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = body["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("`policy.on_dead` of the body") && detail.contains("`continue` or `hold`"),
        "{detail}"
    );
    let (_, body) = api
        .call("POST", "/api/v1/connections/main/pause", None)
        .await;
    assert_eq!(body["paused"], true);
    let (_, body) = api
        .call("POST", "/api/v1/connections/main/resume", None)
        .await;
    assert_eq!(body["paused"], false);
    let (_, body) = api
        .call("POST", "/api/v1/connections/main/check", None)
        .await;
    assert_eq!(body["items"][0]["state"], "passed");
    let (_, body) = api.get("/api/v1/connections/main/discover/stages").await;
    assert_eq!(body, json!([{ "id": 1, "name": "New" }]));
    let (status, body) = api.get("/api/v1/connections/main/discover/moods").await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("unsupported"))
    );
    let (status, _) = api.call("DELETE", "/api/v1/connections/main", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[track_caller]
fn check_refused(
    (status, body): (StatusCode, Value),
    expected: StatusCode,
    code: &str,
    detail: &str,
) {
    assert_eq!(
        (status, body["code"].as_str(), body["detail"].as_str()),
        (expected, Some(code), Some(detail))
    );
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_by_name() {
    let api = Api::new();
    let post = |body| api.call("POST", "/api/v1/sources", Some(body));
    check_refused(
        post(json!({ "name": 1 })).await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid",
        "`name` of the body does not fit: invalid type: integer `1`, expected a string at line 1 column 9",
    );
    let (status, body) = post(json!({ "name": "a", "webhok_secret": "x" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        body["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("unknown field `webhok_secret`")),
        "{body}"
    );
}

#[tokio::test]
async fn what_does_not_fit_the_connector_is_listed() {
    let api = Api::with_connection().await;
    let (status, body) = api
        .call(
            "PATCH",
            "/api/v1/connections/main",
            Some(json!({ "settings": { "stage": 0 } })),
        )
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("invalid"))
    );
    assert_eq!(
        body["problems"],
        json!(["settings.stage: 0 is less than the minimum of 1"])
    );
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there_is_a_problem_too() {
    let api = Api::new();
    check_refused(
        api.get("/api/v1/nothing").await,
        StatusCode::NOT_FOUND,
        "no-such-path",
        "the admin API has nothing at this path",
    );
    check_refused(
        api.call("PUT", "/api/v1/sources", None).await,
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "the admin API does not do this with what is at this path",
    );
}

#[tokio::test]
async fn a_component_is_added_or_refused_with_the_reason() {
    let api = Api::new();
    let post = |component: &'static [u8]| {
        let request = Request::builder()
            .method("POST")
            .uri("/api/v1/connectors")
            .header(header::AUTHORIZATION, "Bearer secret-token");
        api.send(request.body(Body::from(component)).expect("a request"))
    };
    let (status, body) = post(b"\0asm and so on").await;
    assert_eq!(
        (status, body["name"].as_str()),
        (StatusCode::CREATED, Some("crm"))
    );
    check_refused(
        post(b"#!/bin/sh").await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "component-refused",
        "the component was refused: this is no WebAssembly file",
    );
    for name in ["crm", "crm@1.0.0", "crm@sha256:d1", "d1"] {
        let (_, body) = api.get(&format!("/api/v1/connectors/{name}")).await;
        assert_eq!(body["descriptor"]["id"], "crm", "{name}");
    }
    let (status, _) = api.get("/api/v1/connectors/crm@2.0.0").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

fn delivery(id: u128, connection: ConnectionId, state: DeliveryState) -> Delivery {
    Delivery {
        id: DeliveryId::from_uuid(Uuid::from_u128(id)),
        event_id: EventId::from_uuid(Uuid::from_u128(id)),
        connection,
        lane: "7".to_owned(),
        kind: Some(EventKind::ContactChanged),
        event_name: "contact_updated".to_owned(),
        state,
        attempts: 1,
        outcome: None,
        failure: None,
        not_before: None,
        received_at: Timestamp(1_000),
        is_sync: false,
        queued_at: Timestamp(1_000),
        settled_at: None,
        version: Some("d1".to_owned()),
    }
}

impl Api {
    fn add_deliveries(&self, deliveries: impl IntoIterator<Item = Delivery>) {
        self.world
            .deliveries
            .lock()
            .expect("no test panics with it")
            .extend(deliveries);
    }

    fn connection(&self) -> ConnectionId {
        self.world
            .connections
            .lock()
            .expect("no test panics with it")[0]
            .id
    }
}

#[tokio::test]
async fn deliveries_are_listed_page_by_page() {
    let api = Api::with_connection().await;
    api.add_deliveries((1..=5).map(|id| delivery(id, api.connection(), DeliveryState::Pending)));
    let mut seen = Vec::new();
    let mut path = "/api/v1/deliveries?connection=main&limit=2".to_owned();
    loop {
        let (status, page) = api.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        seen.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|item| item["id"].clone()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/deliveries?connection=main&limit=2&cursor={next}");
    }
    let expected: Vec<Value> = (1..=5_u32)
        .rev()
        .map(|id| json!(format!("dlv_{id:032x}")))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_delivery_says_why_it_stands_where_it_stands() {
    let api = Api::with_connection().await;
    let connection = api.connection();
    let failure = Failure::new(FailureKind::Invalid, "the CRM refuses the e-mail address");
    let reason = "the contact has no e-mail address".to_owned();
    api.add_deliveries([
        Delivery {
            failure: Some(failure.clone()),
            ..delivery(1, connection, DeliveryState::Dead)
        },
        Delivery {
            outcome: Some(Outcome::Skipped {
                code: SkipCode::NoIdentity,
                reason,
            }),
            failure: Some(failure),
            settled_at: Some(Timestamp(2_000)),
            ..delivery(2, connection, DeliveryState::Skipped)
        },
    ]);
    let (_, page) = api.get("/api/v1/deliveries").await;
    assert_eq!(
        page["items"],
        json!([
            {
                "id": "dlv_00000000000000000000000000000002", "event_id": "evt_00000000000000000000000000000002",
                "connection": "main", "lane": "7", "kind": "contact.changed", "state": "skipped", "outcome": "skipped",
                "code": "no-identity", "attempts": 1, "version": "d1", "received_at": 1000, "settled_at": 2000,
                "not_before": null, "message": "the contact has no e-mail address", "held": null,
            },
            {
                "id": "dlv_00000000000000000000000000000001", "event_id": "evt_00000000000000000000000000000001",
                "connection": "main", "lane": "7", "kind": "contact.changed", "state": "dead", "outcome": null,
                "code": "invalid", "attempts": 1, "version": "d1", "received_at": 1000, "settled_at": null,
                "not_before": null, "message": "the CRM refuses the e-mail address", "held": null,
            },
        ])
    );
    let (_, dead) = api.get("/api/v1/deliveries?state=dead").await;
    assert_eq!(dead["items"].as_array().map(Vec::len), Some(1));
    let (status, shown) = api
        .get("/api/v1/deliveries/dlv_00000000000000000000000000000001")
        .await;
    assert_eq!(
        (status, shown["delivery"]["state"].as_str()),
        (StatusCode::OK, Some("dead"))
    );
    let (status, _) = api.get("/api/v1/deliveries/dlv_1").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_query_that_does_not_fit_is_refused_by_name() {
    let api = Api::new();
    let bad = StatusCode::BAD_REQUEST;
    check_refused(
        api.get("/api/v1/deliveries?limit=0").await,
        bad,
        "invalid-query",
        "`limit` must be a number from 1 to 1000",
    );
    check_refused(
        api.get("/api/v1/deliveries?stat=dead").await,
        bad,
        "invalid-query",
        "there is no parameter `stat` here",
    );
    check_refused(
        api.get("/api/v1/deliveries?cursor=9").await,
        bad,
        "invalid-query",
        "`cursor` must be what an earlier answer gave as `next`",
    );
    let (status, body) = api.get("/api/v1/deliveries?state=ded").await;
    assert_eq!(status, bad);
    assert!(
        body["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("dead")),
        "{body}"
    );
}
