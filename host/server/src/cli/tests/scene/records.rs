//! What happened on the scene's day: each record as the store would hold it.

use gladhand_core::attempt::{Cost, Entity, Link, LogLine};
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::effect::{EffectSummary, Verdict};
use gladhand_core::event::EventKind;
use gladhand_core::exchange::{Answer, Exchange};
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::{AccountId, AttemptId, ConnectionId, DeliveryId, EffectId, EventId};
use gladhand_core::outcome::{Change, Outcome};
use gladhand_store::deliveries::{AttemptRecord, DeliveryDetail};
use gladhand_store::effects::EffectRecord;
use gladhand_store::link_book::LinkRecord;
use serde_json::Map;
use uuid::Uuid;

use crate::doubles::NOW;

/// `minutes` before everything happens.
pub fn ago(minutes: i64) -> Timestamp {
    Timestamp(NOW.0 - minutes * 60_000)
}

pub fn delivery_id(number: u128) -> DeliveryId {
    DeliveryId::from_uuid(Uuid::from_u128(number))
}

pub fn delivery(number: u128, connection: ConnectionId, state: DeliveryState) -> Delivery {
    Delivery {
        id: delivery_id(number),
        event_id: EventId::from_uuid(Uuid::from_u128(number)),
        connection,
        lane: "7".to_owned(),
        kind: Some(EventKind::ContactChanged),
        event_name: "contact_updated".to_owned(),
        state,
        attempts: 1,
        outcome: None,
        failure: None,
        not_before: None,
        received_at: ago(60),
        is_sync: false,
        queued_at: ago(60),
        settled_at: None,
        version: Some("d1".to_owned()),
    }
}

pub fn synced(connection: ConnectionId) -> Delivery {
    Delivery {
        attempts: 2,
        outcome: Some(made()),
        settled_at: Some(ago(55)),
        ..delivery(1, connection, DeliveryState::Succeeded)
    }
}

fn made() -> Outcome {
    Outcome::Synced {
        changes: vec![Change {
            object: "person".to_owned(),
            remote_id: "41".to_owned(),
            action: "created".to_owned(),
            url: None,
        }],
    }
}

pub fn unavailable() -> Failure {
    Failure::new(FailureKind::Unavailable, "the CRM answers 503")
}

pub fn waiting(connection: ConnectionId) -> Delivery {
    Delivery {
        lane: "8".to_owned(),
        failure: Some(unavailable()),
        not_before: Some(ago(-3)),
        ..delivery(2, connection, DeliveryState::Waiting)
    }
}

pub fn dead(connection: ConnectionId, number: u128) -> Delivery {
    let mut failure = Failure::new(
        FailureKind::Invalid,
        "the CRM refuses 山田太郎 with a reason\nthat is much longer than any column of a table should ever be",
    );
    failure.fields = vec![("email".to_owned(), "is no address".to_owned())];
    Delivery {
        lane: number.to_string(),
        failure: Some(failure),
        settled_at: Some(ago(i64::try_from(number).expect("small") * 60)),
        ..delivery(number, connection, DeliveryState::Dead)
    }
}

/// Everything about the delivery that went well at the second attempt.
pub fn told(delivery: Delivery) -> DeliveryDetail {
    let attempt = |number: u32, minutes: i64| AttemptRecord {
        id: AttemptId::from_uuid(Uuid::from_u128(number.into())),
        number,
        version: Some("d1".to_owned()),
        started_at: ago(minutes),
        settled_at: Some(ago(minutes - 1)),
        outcome: None,
        failure: None,
        cost: Cost::default(),
        exchanges: Vec::new(),
        log: Vec::new(),
    };
    let exchange = |status: u16, body: &str| Exchange {
        sequence: 0,
        call: "http.send".to_owned(),
        method: "POST".to_owned(),
        url: "https://crm.example.com/persons".to_owned(),
        effect: "once".to_owned(),
        request: b"{\n  \"name\": \"Jane \x1b[31mDoe\"\n}".to_vec(),
        answer: Some(Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }),
        error: None,
        is_replayed: false,
        started_at: ago(59),
        duration_us: 120_000,
    };
    let log = LogLine {
        level: "info".to_owned(),
        message: "no person has this address yet".to_owned(),
        fields: vec![("object".to_owned(), "person".to_owned())],
    };
    let attempts = vec![
        AttemptRecord {
            failure: Some(unavailable()),
            exchanges: vec![exchange(503, "<html>busy</html>")],
            ..attempt(1, 59)
        },
        AttemptRecord {
            outcome: Some(made()),
            exchanges: vec![exchange(201, "{\"id\": 41}")],
            log: vec![log],
            ..attempt(2, 56)
        },
    ];
    let effects = vec![EffectSummary {
        keys: vec!["deal/contact:7".to_owned()],
        verdict: Verdict::Unknown,
        at: ago(56),
    }];
    let links = vec![link("7", "person", "41").link, link("12", "deal", "5").link];
    DeliveryDetail {
        delivery,
        attempts,
        effects,
        links,
    }
}

pub fn effect(number: u128, account: AccountId, key: &str, verdict: Verdict) -> EffectRecord {
    EffectRecord {
        id: EffectId::from_uuid(Uuid::from_u128(number)),
        account,
        state: 1,
        keys: vec![key.to_owned()],
        delivery: delivery_id(number),
        verdict,
        at: ago(56),
    }
}

pub fn link(contact: &str, object: &str, remote_id: &str) -> LinkRecord {
    LinkRecord {
        entity: Entity {
            kind: "contact".to_owned(),
            id: contact.to_owned(),
        },
        link: Link {
            object: object.to_owned(),
            remote_id: remote_id.to_owned(),
            digest: None,
            revision: None,
            url: Some(format!("https://crm.example.com/{object}s/{remote_id}")),
            attributes: Map::new(),
        },
        updated_at: ago(55),
    }
}
