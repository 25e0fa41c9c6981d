//! What the benchmark runs: as many absolute updates per delivery as its settings say, and nothing else.
//!
//! It lies in a folder of its own because it is no behaviour that the runtime's tests ask for.

use gladhand_sdk::{
    Action, Auth, Change, Connection, Connector, Descriptor, Event, EventKind, Failure,
    FailureKind, Outcome, SkipCode, export_connector, http,
};
use serde_json::json;

#[derive(Default)]
struct Bench;

export_connector!(Bench);

impl Connector for Bench {
    fn describe(&self) -> Descriptor {
        Descriptor {
            auth: Auth::bearer("token"),
            settings: json!({
                "type": "object",
                "properties": { "calls": { "type": "integer", "minimum": 0, "maximum": 50 } },
                "required": ["calls"],
                "additionalProperties": false,
            }),
            objects: vec!["contact".to_owned()],
            events: vec![EventKind::ContactChanged, EventKind::MessageCreated],
            ..Descriptor::new("bench", "Bench", "0.1.0")
        }
    }

    fn handle(&self, connection: &Connection, event: &Event) -> Result<Outcome, Failure> {
        let Some(contact) = &event.contact else {
            return Ok(Outcome::skipped(
                SkipCode::UnsupportedEvent,
                "nobody is behind this event",
            ));
        };
        let calls = connection.settings["calls"].as_u64().unwrap_or_default();
        let body = json!({ "name": contact.name, "email": contact.email, "phone": contact.phone });
        for call in 0..calls {
            let path = format!("contacts/{}/{call}", contact.id);
            let answer = http::put(&path).json(&body).set(path.clone()).send()?;
            if answer.status != 200 {
                let said = format!("{path} was answered with {}", answer.status);
                return Err(Failure::new(FailureKind::Unavailable, said));
            }
        }
        if calls == 0 {
            return Ok(Outcome::skipped(SkipCode::Unchanged, "no call is wanted"));
        }
        let change = Change::new("contact", &contact.id, Action::Updated);
        Ok(Outcome::synced(vec![change]))
    }
}
