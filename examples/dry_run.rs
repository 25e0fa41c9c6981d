//! Every request that the Krayin connector sends for a new contact, without a host, a CRM or a component.
//!
//! A connector is an ordinary Rust type: natively it runs against the SDK's in-memory host, in microseconds.

use gladhand_krayin::Krayin;
use gladhand_sdk::http::{Effect, Request};
use gladhand_sdk::testing::{Answer, Memory, json as answer};
use gladhand_sdk::{Connection, Connector as _, Contact, Event, EventKind};
use serde_json::{Value, json};

fn main() {
    let host = Memory::new(crm);
    let connector = Krayin;
    host.set_mapping(connector.describe().mapping);
    let connection = Connection {
        source: "support".to_owned(),
        base_url: Some("https://crm.example.com".to_owned()),
        ..Connection::default()
    };
    let contact = Contact {
        id: "42".to_owned(),
        name: Some("Jane Doe".to_owned()),
        email: Some("Jane@example.com".to_owned()),
        phone: Some("+14155552671".to_owned()),
        ..Contact::default()
    };
    let event = Event {
        contact: Some(contact),
        ..Event::new("1", EventKind::ContactChanged)
    };
    let outcome = host.run(|| connector.handle(&connection, &event));
    for request in host.sent() {
        show(&request);
    }
    line(&format!("{outcome:#?}"));
}

/// A CRM that knows nobody, and gives everything that is created the id 7.
fn crm(request: &Request) -> Answer {
    let path = request.url.rsplit("/api/v1/").next().unwrap_or_default();
    let found = match (request.method.as_str(), path) {
        ("GET", "settings/pipelines") => {
            json!([{"id": 1, "name": "Default", "is_default": 1, "stages": [
                {"id": 1, "code": "new", "name": "New"}, {"id": 5, "code": "won", "name": "Won"},
            ]}])
        }
        ("GET", "settings/sources" | "settings/types") => json!([{"id": 1, "name": "Default"}]),
        ("GET", _) => json!([]),
        _ => json!({"id": 7}),
    };
    answer(200, &json!({ "data": found }))
}

fn show(request: &Request) {
    let effect = match &request.effect {
        Effect::Read => "read".to_owned(),
        Effect::Set(key) => format!("set({key})"),
        Effect::Once(keys) => format!("once({})", keys.join(", ")),
    };
    let query: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    line(&format!(
        "{} {} {}\n    {effect}",
        request.method,
        request.url,
        query.join("&")
    ));
    if let Some(body) = &request.body {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        line(&format!("    {body}"));
    }
}

#[expect(clippy::disallowed_macros, reason = "an example is what it prints")]
fn line(text: &str) {
    println!("{text}");
}
