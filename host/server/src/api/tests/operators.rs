//! What operators ask of deliveries, lanes, effects and links: the codes that scripts rely on, and the pages.

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::effect::Verdict;
use gladhand_core::ids::EffectId;
use gladhand_store::effects::EffectRecord;
use gladhand_store::link_book::LinkRecord;
use gladhand_store::queue::HeldLane;

use super::*;

impl Api {
    /// Everything on all pages of a list.
    async fn pages(&self, path: &str) -> Vec<Value> {
        let mut next = path.to_owned();
        let mut seen = Vec::new();
        loop {
            let (status, page) = self.get(&next).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            seen.extend(page["items"].as_array().expect("items").clone());
            let Some(cursor) = page["next"].as_str() else {
                return seen;
            };
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("cursor", cursor);
            next = format!("{path}&{}", query.finish());
        }
    }
}

fn path_of(id: u128, verb: &str) -> String {
    format!("/api/v1/deliveries/dlv_{id:032x}/{verb}")
}

#[track_caller]
fn check_code((status, body): (StatusCode, Value), expected: u16, code: &str) {
    let found = (status.as_u16(), body["code"].as_str());
    assert_eq!(found, (expected, Some(code)), "{body}");
}

#[tokio::test]
async fn what_cannot_be_done_as_things_stand_has_a_code_of_its_own() {
    let api = Api::with_connection().await;
    let connection = api.connection();
    let states = [
        DeliveryState::Running,
        DeliveryState::Superseded,
        DeliveryState::Succeeded,
    ];
    let deliveries = states.into_iter().zip(1..);
    api.add_deliveries(deliveries.map(|(state, id)| delivery(id, connection, state)));
    let post = async |path: &str, body: Value| api.call("POST", path, Some(body)).await;

    let none = json!({});
    check_code(
        post(&path_of(1, "retry"), none.clone()).await,
        409,
        "delivery-running",
    );
    check_code(
        post(&path_of(1, "skip"), none.clone()).await,
        409,
        "delivery-running",
    );
    check_code(
        post(&path_of(2, "retry"), none.clone()).await,
        409,
        "delivery-superseded",
    );
    check_code(
        post(&path_of(3, "skip"), none.clone()).await,
        409,
        "delivery-settled",
    );
    check_code(
        post(&path_of(9, "retry"), none.clone()).await,
        404,
        "not-found",
    );
    let hold = "/api/v1/connections/main/lanes/99/hold";
    check_code(post(hold, none.clone()).await, 409, "nothing-waits");
    check_code(post("/api/v1/dead/retry", none).await, 422, "invalid");
    let body = json!({ "code": "nonsense" });
    check_code(post("/api/v1/dead/retry", body).await, 422, "invalid");
    let sync = "/api/v1/sources/support/contacts/99/sync";
    check_code(post(sync, json!({})).await, 404, "not-found");
    check_code(
        api.get("/api/v1/dead?code=nonsense").await,
        400,
        "invalid-query",
    );
    check_code(
        api.get("/api/v1/explain?source=support").await,
        400,
        "invalid-query",
    );
}

#[tokio::test]
async fn a_lane_is_held_and_released() {
    let api = Api::with_connection().await;
    api.add_deliveries([delivery(1, api.connection(), DeliveryState::Pending)]);
    for (verb, held) in [("hold", true), ("release", false)] {
        let path = format!("/api/v1/connections/main/lanes/7/{verb}");
        assert_eq!(
            api.call("POST", &path, None).await,
            (
                StatusCode::OK,
                json!({ "connection": "main", "contact": "7", "held": held, "was_held": !held })
            )
        );
        let lanes = api.world.held.lock().expect("no test panics with it").len();
        assert_eq!(lanes, usize::from(held));
    }
}

#[tokio::test]
async fn held_lanes_are_listed_page_by_page_with_who_holds_them() {
    let api = Api::with_connection().await;
    let connection = api.connection();
    let contacts = ["7", "a/b?c", "[\"8\"]"];
    let lane = |contact: &str| HeldLane {
        connection,
        contact: contact.to_owned(),
        holder: (contact == "7").then(|| DeliveryId::from_uuid(Uuid::from_u128(3))),
        since: Timestamp(1_000),
    };
    let lanes = contacts.map(lane);
    api.world
        .held
        .lock()
        .expect("no test panics with it")
        .extend(lanes);
    let seen = api.pages("/api/v1/lanes?limit=1").await;
    let of = |key: &str| {
        seen.iter()
            .map(|lane| lane[key].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("contact"), ["7", "[\"8\"]", "a/b?c"]);
    assert_eq!(of("held_by"), ["dead-delivery", "operator", "operator"]);
    let expect = json!({
        "connection": "main", "connection_id": connection, "contact": "7", "held_by": "dead-delivery",
        "delivery": "dlv_00000000000000000000000000000003", "held_since": 1_000,
    });
    assert_eq!(seen[0], expect);
    let (status, _) = api.get("/api/v1/lanes?connection=mian").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_waits_of_a_paused_connection_says_so_and_why() {
    let api = Api::with_connection().await;
    let connection = api.connection();
    let standing = [
        DeliveryState::Pending,
        DeliveryState::Waiting,
        DeliveryState::Running,
        DeliveryState::Dead,
    ];
    api.add_deliveries(standing.into_iter().zip(1..).map(|(state, id)| Delivery {
        not_before: (state == DeliveryState::Waiting).then_some(Timestamp(9)),
        ..delivery(id, connection, state)
    }));
    let listed = async |query: &str| {
        let (status, body) = api.get(&format!("/api/v1/deliveries?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let items = body["items"].as_array().expect("items").clone();
        items
            .iter()
            .map(|item| {
                json!([
                    item["state"],
                    item["code"],
                    item["message"],
                    item["not_before"]
                ])
            })
            .collect::<Vec<_>>()
    };
    let paused = json!(["paused", "connection-paused", "an operator paused it", null]);
    let (of_running, of_dead) = (
        json!(["running", null, null, null]),
        json!(["dead", null, null, null]),
    );
    assert!(listed("state=paused").await.is_empty());
    let pause = "/api/v1/connections/main/pause";
    assert_eq!(api.call("POST", pause, None).await.0, StatusCode::OK);
    let expect = [of_dead, of_running, paused.clone(), paused.clone()];
    assert_eq!(listed("").await, expect);
    assert_eq!(listed("state=paused").await, [paused.clone(), paused]);
    assert!(listed("state=pending").await.is_empty());
    let (_, shown) = api.get(path_of(2, "").trim_end_matches('/')).await;
    assert_eq!(
        (&shown["delivery"]["state"], &shown["paused_because"]),
        (&json!("paused"), &json!("an operator paused it"))
    );
    let (_, shown) = api.get(path_of(4, "").trim_end_matches('/')).await;
    assert_eq!(
        (&shown["delivery"]["state"], &shown["paused_because"]),
        (&json!("dead"), &Value::Null)
    );
    let resume = "/api/v1/connections/main/resume";
    assert_eq!(api.call("POST", resume, None).await.0, StatusCode::OK);
    assert_eq!(listed("state=waiting").await.len(), 1);
}

#[tokio::test]
async fn a_write_is_concluded_once_and_with_one_word() {
    let api = Api::with_connection().await;
    let account = api.world.accounts.lock().expect("no test panics with it")[0].id;
    let effect = EffectRecord {
        id: EffectId::from_uuid(Uuid::from_u128(1)),
        account,
        state: 1,
        keys: vec!["person/email:jane@x".to_owned()],
        delivery: DeliveryId::from_uuid(Uuid::from_u128(1)),
        verdict: Verdict::Open,
        at: Timestamp(1_000),
    };
    api.world
        .effects
        .lock()
        .expect("no test panics with it")
        .push(effect);
    let conclude = async |body: Value| {
        api.call("POST", "/api/v1/effects/conclude", Some(body))
            .await
    };
    let key = "person/email:jane@x";
    for wrong in [
        json!({ "account": "main", "key": key }),
        json!({ "account": "main", "key": key, "done": "1", "not_done": true }),
        json!({ "account": "main", "key": key, "done": " " }),
    ] {
        check_code(conclude(wrong).await, 422, "invalid");
    }
    let right = json!({ "account": "main", "key": key, "done": "41" });
    let (status, body) = conclude(right.clone()).await;
    assert_eq!(
        (status, body["verdict"].as_str()),
        (StatusCode::OK, Some("done"))
    );
    check_code(conclude(right).await, 409, "not-in-doubt");
    let unknown = json!({ "account": "main", "key": "x", "not_done": true });
    check_code(conclude(unknown).await, 404, "not-found");
    let deeds = api.world.deeds.lock().expect("no test panics with it");
    let concluded = deeds.iter().filter(|deed| deed.action == "effect.conclude");
    let told: Vec<_> = concluded.map(|deed| deed.subject.clone()).collect();
    assert_eq!(
        told,
        ["main, eff_00000000000000000000000000000001"],
        "no address is in the audit log"
    );
}

#[tokio::test]
async fn links_are_listed_page_by_page_whatever_is_in_their_ids() {
    let api = Api::with_connection().await;
    let connection = api.connection();
    let ids = ["7", "a/b?c", "[\"8\"]"];
    let record = |id: &str| LinkRecord {
        entity: Entity {
            kind: "contact".to_owned(),
            id: id.to_owned(),
        },
        link: Link {
            object: "person".to_owned(),
            remote_id: "1".to_owned(),
            digest: None,
            revision: None,
            url: None,
            attributes: serde_json::Map::new(),
        },
        updated_at: Timestamp(1_000),
    };
    api.world
        .links
        .lock()
        .expect("no test panics with it")
        .extend(ids.map(|id| (connection, record(id))));
    let links = api.pages("/api/v1/connections/main/links?limit=1").await;
    let seen = links.iter().map(|link| link["entity"]["id"].clone());
    assert_eq!(seen.collect::<Vec<_>>(), ["7", "[\"8\"]", "a/b?c"]);
}

#[tokio::test]
async fn an_import_speaks_for_no_identity_and_is_taken_as_a_whole() {
    let api = Api::with_connection().await;
    let import = async |body: Value| {
        api.call("POST", "/api/v1/connections/main/links", Some(body))
            .await
    };
    let link = |kind: &str, object: &str| {
        json!({
            "entity": { "kind": kind, "id": "email:jane@x" },
            "link": { "object": object, "remote_id": "1" },
        })
    };
    let good = link("contact", "person");
    let both = json!({ "links": [good.clone(), link("identity", "person")] });
    check_code(import(both).await, 422, "invalid");
    let unwritten = json!({ "links": [good.clone(), link("contact", "mood")] });
    check_code(import(unwritten).await, 422, "invalid");
    let looked = import(json!({ "links": [good.clone()], "check_only": true })).await;
    assert_eq!(looked, (StatusCode::OK, json!({ "count": 1 })));
    let stored = || {
        api.world
            .links
            .lock()
            .expect("no test panics with it")
            .len()
    };
    assert_eq!(stored(), 0);
    assert_eq!(import(json!({ "links": [good] })).await.0, StatusCode::OK);
    assert_eq!(stored(), 1);
}

#[tokio::test]
async fn dead_letters_that_a_filter_leaves_out_do_not_end_the_list() {
    let api = Api::with_connection().await;
    let connection = api.connection();
    let kinds = [FailureKind::Invalid, FailureKind::Conflict];
    api.add_deliveries((1..=6).map(|id: u128| Delivery {
        failure: Some(Failure::new(kinds[usize::from(id > 2)], "x")),
        ..delivery(id, connection, DeliveryState::Dead)
    }));
    let (_, first) = api.get("/api/v1/dead?code=invalid&limit=4").await;
    assert_eq!(first["items"], json!([]));
    let next = first["next"].as_str().expect("there are older ones");
    let (_, second) = api
        .get(&format!("/api/v1/dead?code=invalid&limit=4&cursor={next}"))
        .await;
    assert_eq!(second["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["next"], Value::Null);
}

#[tokio::test]
async fn a_dead_letter_that_dies_again_is_not_taken_twice() {
    let api = Api::with_connection().await;
    let connection = api.connection();
    let died_at = |id, at| Delivery {
        failure: Some(Failure::new(FailureKind::Invalid, "x")),
        settled_at: Some(at),
        ..delivery(id, connection, DeliveryState::Dead)
    };
    let now = crate::doubles::NOW;
    api.add_deliveries([died_at(1, Timestamp(now.0 - 1)), died_at(2, now)]);
    let (_, done) = api
        .call(
            "POST",
            "/api/v1/dead/retry",
            Some(json!({ "all": true, "until": now.0 + 5 })),
        )
        .await;
    assert_eq!(
        done,
        json!({ "count": 1, "more": false, "until": now.0 }),
        "what dies from now on is none of it"
    );
}
