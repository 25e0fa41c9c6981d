//! A connection to a small Krayin, the host between them, and what happens in the source.

use std::cell::RefCell;
use std::rc::Rc;

use gladhand_krayin::Krayin;
use gladhand_sdk::testing::Memory;
use gladhand_sdk::{
    Company, Connection, Connector, Contact, Conversation, Event, EventKind, Failure, Outcome,
};
use serde_json::{Value, json};

use crate::krayin::{Crm, SITE};

/// A Krayin, the host before it, and a connection to it.
#[derive(Clone)]
pub struct World {
    pub crm: Rc<RefCell<Crm>>,
    pub host: Memory,
    pub connection: Connection,
}

impl World {
    /// An empty Krayin with every id configured, so that nothing of setup is asked for.
    pub fn new() -> Self {
        Self::with(json!({
            "default_pipeline_id": 1, "default_stage_id": 1, "default_source_id": 1, "default_type_id": 1,
            "default_country": "US",
        }))
    }

    /// An empty Krayin with these settings.
    pub fn with(settings: Value) -> Self {
        let crm = Rc::new(RefCell::new(Crm::default()));
        let answering = Rc::clone(&crm);
        let host = Memory::new(move |request| answering.borrow_mut().answer(request));
        host.set_mapping(Krayin.describe().mapping);
        Self {
            crm,
            host,
            connection: Connection {
                id: "con_1".into(),
                source: "support".into(),
                base_url: Some(format!("{SITE}/admin/")),
                settings,
                time_zone: Some("Europe/Berlin".into()),
                ..Connection::default()
            },
        }
    }

    /// One attempt of a new delivery.
    pub fn handle(&self, event: &Event) -> Result<Outcome, Failure> {
        self.host.run(|| Krayin.handle(&self.connection, event))
    }

    /// One attempt of this delivery.
    pub fn attempt(&self, delivery: &str, event: &Event) -> Result<Outcome, Failure> {
        self.host
            .deliver(delivery, || Krayin.handle(&self.connection, event))
    }

    /// `POST leads` of every request of the last attempt.
    pub fn calls(&self) -> Vec<String> {
        let prefix = format!("{SITE}/api/v1/");
        self.host
            .sent_lines()
            .iter()
            .map(|line| line.replace(&prefix, ""))
            .collect()
    }

    /// Puts a person into Krayin.
    pub fn add_person(&self, fields: &Value) -> u64 {
        self.crm.borrow_mut().insert("persons", fields.clone())
    }

    /// Puts an organisation into Krayin.
    pub fn add_organization(&self, name: &str) -> u64 {
        self.crm
            .borrow_mut()
            .insert("organizations", json!({"name": name}))
    }
}

/// Jane, as Chatwoot knows her.
pub fn jane() -> Contact {
    Contact {
        id: "42".into(),
        name: Some("Jane Doe".into()),
        email: Some("Jane@Example.com".into()),
        phone: Some("+15551230001".into()),
        ..Contact::default()
    }
}

/// Jane, who works somewhere.
pub fn jane_of(company: &str) -> Contact {
    Contact {
        company: Some(Company {
            name: company.into(),
            ..Company::default()
        }),
        ..jane()
    }
}

/// Something happened to a contact.
pub fn changed(contact: Contact) -> Event {
    Event {
        contact: Some(contact),
        ..Event::new("evt_1", EventKind::ContactChanged)
    }
}

/// Something happened to conversation 7 of a contact.
pub fn conversation(kind: EventKind, channel: &str, contact: Contact) -> Event {
    Event {
        contact: Some(contact),
        conversation: Some(Conversation {
            id: "7".into(),
            channel: channel.into(),
            status: "open".into(),
            subject: Some("<b>Prices</b>".into()),
            created_at: 1_767_225_600_000,
            updated_at: 1_767_225_600_000,
            ..Conversation::default()
        }),
        ..Event::new("evt_2", kind)
    }
}
