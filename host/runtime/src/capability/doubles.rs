//! Hosts for tests that call the capabilities without an engine.

use std::sync::Arc;

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::{ManualClock, Timestamp};
use gladhand_core::descriptor::Descriptor;
use serde_json::{Value, json};

use self::stored::Stored;
use crate::host::{Host, Purpose};
use crate::limits::Limits;
use crate::stop::Stop;

#[path = "../../tests/it/doubles.rs"]
mod stored;

/// Everything that an attempt can reach.
pub struct Doubles {
    pub clock: Arc<ManualClock>,
    stored: Arc<Stored>,
}

impl Doubles {
    pub fn new() -> Self {
        Self {
            clock: Arc::new(ManualClock::new(Timestamp(1_700_000_000_000))),
            stored: Arc::default(),
        }
    }

    pub fn store_link(&self, entity: Entity, link: Link) {
        let mut links = self.stored.links.lock().expect("unpoisoned");
        links.push((entity, link));
    }

    pub fn store_cached(&self, key: &str, value: Value) {
        let mut cached = self.stored.cached.lock().expect("unpoisoned");
        cached.insert(key.to_owned(), value);
    }

    /// The next `times` looks find the locks taken.
    pub fn refuse_locks(&self, times: u32) {
        *self.stored.refuse_locks.lock().expect("unpoisoned") = times;
    }

    pub fn asked_locks(&self) -> Vec<Vec<String>> {
        self.stored.asked_locks.lock().expect("unpoisoned").clone()
    }

    pub fn delivery(&self) -> Host {
        self.host(Purpose::Delivery)
    }

    fn host(&self, purpose: Purpose) -> Host {
        let services = stored::services(&self.stored, self.clock.clone());
        let call = stored::call("https://crm.example.com", Arc::new(descriptor()));
        Host::new(Arc::new(services), call, purpose, Limits::STANDARD)
    }
}

/// A delivery's host, where nothing is stored.
pub fn delivery() -> Host {
    Doubles::new().delivery()
}

/// A setup's host, where nothing is stored.
pub fn setup() -> Host {
    Doubles::new().host(Purpose::Setup)
}

/// The text of a misuse; anything else fails the test.
#[track_caller]
pub fn misuse<T: std::fmt::Debug>(result: Result<T, Stop>) -> String {
    match result {
        Err(Stop::Misuse(text)) => text,
        other => panic!("expected a misuse, got {other:?}"),
    }
}

fn descriptor() -> Descriptor {
    serde_json::from_value(json!({
        "id": "acme",
        "name": "Acme",
        "version": "0.1.0",
        "state": 1,
        "auth": { "scheme": "none" },
        "hosts": ["{base-url}"],
        "events": ["contact.changed"],
        "mapping": { "person": [
            { "target": "name", "source": ["/name"], "transform": ["trim"] },
            { "target": "phone", "source": ["/phone"], "transform": ["e164"] },
        ] },
        "lookup-after-ms": 60_000,
    }))
    .expect("it is valid")
}
