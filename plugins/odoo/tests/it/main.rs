//! The connector says what it is, and does not pretend to do more.

use gladhand_odoo::Odoo;
use gladhand_sdk::testing::{self, Memory};
use gladhand_sdk::{CheckState, Connection, Connector, Event, EventKind, FailureKind};
use serde_json::json;

fn host() -> Memory {
    Memory::new(|_| testing::json(500, &json!({})))
}

#[test]
fn an_event_is_refused_and_nothing_is_sent() {
    let host = host();
    let event = Event::new("evt_1", EventKind::ContactChanged);
    let failure = host
        .run(|| Odoo.handle(&Connection::default(), &event))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported);
    assert_eq!(host.sent(), []);
}

#[test]
fn a_check_does_not_pass() {
    let checks = Odoo.check(&Connection::default()).unwrap();
    assert_eq!(checks[0].state, CheckState::Failed);
}

#[test]
fn the_descriptor_names_what_it_is() {
    let descriptor = Odoo.describe();
    assert_eq!(descriptor.id, "odoo");
    assert_eq!(descriptor.api.unwrap().version, "JSON-2");
    assert!(!descriptor.mapping.is_empty());
}
