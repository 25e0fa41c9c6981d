//! A small complete connector: a contact becomes a person, once.
//!
//! Its build is committed per contract version (`golden/`) and run on every build of the host: change it only together
//! with the contract.

use gladhand_guests::bindings::gladhand::connector::http::{self, Effect, Error};
use gladhand_guests::bindings::gladhand::connector::links::{self, Entity, Link};
use gladhand_guests::bindings::gladhand::connector::types::{
    ChangeMade, Connection, Contact, Event, Failure, Outcome,
};
use gladhand_guests::bindings::gladhand::connector::{cache, clock, locks, log, mapping, text};
use gladhand_guests::{guest, request, skipped};

guest!(
    |connection, event| handle(&connection, event).map_err(|failure| *failure),
    descriptor()
);

fn descriptor() -> String {
    r#"{
        "id": "golden",
        "name": "Golden",
        "version": "0.1.0",
        "state": 1,
        "auth": { "scheme": "static-header", "header": "Authorization", "prefix": "Bearer ", "secret": "token" },
        "settings": { "type": "object" },
        "hosts": ["{base-url}"],
        "objects": ["person"],
        "events": ["contact.changed"],
        "mapping": { "person": [
            { "target": "name", "source": ["/name"], "transform": ["trim"] },
            { "target": "email", "source": ["/email"], "transform": ["lower"] }
        ] },
        "budgets": [{ "name": "requests", "limit": 6000, "window-ms": 60000, "kind": "fixed" }],
        "lookup-after-ms": 60000
    }"#
    .to_owned()
}

fn handle(connection: &Connection, event: Event) -> Result<Outcome, Box<Failure>> {
    let Some(contact) = event.contact else {
        return Ok(skipped("no contact"));
    };
    let Some(email) = contact.email.as_ref().map(|email| email.to_lowercase()) else {
        return Ok(skipped("no e-mail address"));
    };
    let entity = Entity {
        kind: "contact".to_owned(),
        id: contact.id.clone(),
    };
    if let Some(link) = links::get(&entity, "person") {
        return Ok(synced(&link.remote_id, "unchanged"));
    }

    let key = format!("email:{email}");
    locks::acquire(std::slice::from_ref(&key));
    let (id, action) = match find(&email)? {
        Some(id) => (id, "linked"),
        None => (create(&key, &fields(&contact)?)?, "created"),
    };
    links::put(
        &entity,
        &Link {
            object: "person".to_owned(),
            remote_id: id.clone(),
            digest: None,
            revision: None,
            url: None,
            attributes: Vec::new(),
        },
    );
    cache::put("last", &format!("\"{id}\""), 60_000);
    log::write(
        "info",
        &text::truncate_bytes(&format!("{action} for {}", connection.source), 200),
        &[("at".to_owned(), clock::local(clock::now(), "UTC"))],
    );
    Ok(synced(&id, action))
}

/// The fields of the person as a JSON object: names and values come from the host as JSON.
fn fields(contact: &Contact) -> Result<String, Box<Failure>> {
    let source = serde_json::json!({ "name": contact.name, "email": contact.email }).to_string();
    let fields =
        mapping::fields("person", &source).map_err(|message| failed("configuration", &message))?;
    let fields: Vec<String> = fields
        .iter()
        .map(|field| format!("\"{}\":{}", field.key, field.value))
        .collect();
    Ok(format!("{{{}}}", fields.join(",")))
}

fn find(email: &str) -> Result<Option<String>, Box<Failure>> {
    let mut request = request("GET", "/people", Effect::Read, None);
    request.query.push(("email".to_owned(), email.to_owned()));
    let answer = http::send(&request).map_err(unreachable)?;
    let found: serde_json::Value = serde_json::from_slice(&answer.body)
        .map_err(|error| failed("unavailable", &error.to_string()))?;
    Ok(found[0]["id"].as_str().map(str::to_owned))
}

fn create(key: &str, body: &str) -> Result<String, Box<Failure>> {
    let mut request = request(
        "POST",
        "/people",
        Effect::Once(vec![key.to_owned()]),
        Some(body.as_bytes().to_vec()),
    );
    request
        .headers
        .push(("content-type".to_owned(), "application/json".to_owned()));
    let answer = http::send(&request).map_err(unreachable)?;
    let person: serde_json::Value = serde_json::from_slice(&answer.body)
        .map_err(|error| failed("unavailable", &error.to_string()))?;
    person["id"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| failed("unavailable", "the answer holds no id"))
}

fn unreachable(error: Error) -> Box<Failure> {
    match error {
        Error::InDoubt(_) => failed("indeterminate", "an earlier create may have happened"),
        error => failed("unavailable", &format!("{error:?}")),
    }
}

fn failed(kind: &str, message: &str) -> Box<Failure> {
    Box::new(gladhand_guests::failure(kind, message))
}

fn synced(id: &str, action: &str) -> Outcome {
    Outcome::Synced(vec![ChangeMade {
        object: "person".to_owned(),
        remote_id: id.to_owned(),
        action: action.to_owned(),
        url: None,
        attributes: Vec::new(),
    }])
}
