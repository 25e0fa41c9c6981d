//! Events as a source's reader would hand them over.

use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::event::{Contact, Conversation};
use gladhand_core::ids::EventId;
use gladhand_core::intake::{IncomingEvent, Reading, Snapshot, Subject};
use gladhand_core::outcome::SkipCode;

use crate::bed::{Bed, START};

/// One second of the source's clock per tick.
#[derive(Debug, Clone, Copy)]
pub struct Tick(pub i64);

impl Bed {
    /// A contact as it is at `tick`; the body says which.
    pub fn contact(&self, id: &str, email: Option<&str>, tick: Tick) -> IncomingEvent {
        let snapshot = Snapshot {
            subject: Subject::Contact,
            contact: Some(contact(id, email)),
            conversation: None,
            messages: Vec::new(),
            changed: Vec::new(),
            occurred_at: Some(tick.time()),
            version: Some(tick.micros()),
            conversation_version: None,
        };
        self.event(
            "contact_updated",
            format!("contact {id} at {}", tick.0),
            snapshot,
        )
    }

    /// A conversation as it is at `tick`.
    pub fn conversation(
        &self,
        id: &str,
        contact: Contact,
        status: &str,
        tick: Tick,
    ) -> IncomingEvent {
        let snapshot = conversation_snapshot(Subject::Conversation, id, contact, status, tick);
        self.event(
            "conversation_updated",
            format!("conversation {id} at {}", tick.0),
            snapshot,
        )
    }

    /// A new message in an open conversation.
    pub fn message(&self, conversation: &str, contact: Contact, tick: Tick) -> IncomingEvent {
        let subject = Subject::Message { created: true };
        let snapshot = conversation_snapshot(subject, conversation, contact, "open", tick);
        self.event(
            "message_created",
            format!("message of {conversation} at {}", tick.0),
            snapshot,
        )
    }

    /// Something that nothing is done about.
    pub fn noise(&self, contact: &str) -> IncomingEvent {
        let reading = Reading::Ignored {
            code: SkipCode::Noise,
            reason: "only bookkeeping changed".into(),
            contact: Some(contact.into()),
        };
        IncomingEvent {
            reading,
            ..self.unreadable()
        }
    }

    /// Something that nobody understands.
    pub fn unreadable(&self) -> IncomingEvent {
        IncomingEvent {
            id: EventId::new(&*self.given.ids),
            source: self.source,
            name: "unreadable".into(),
            delivery_key: None,
            semantic_key: None,
            received_at: self.clock.now(),
            body: b"not json".to_vec(),
            reading: Reading::Unreadable {
                reason: "not JSON".into(),
            },
        }
    }

    fn event(&self, name: &str, body: String, snapshot: Snapshot) -> IncomingEvent {
        IncomingEvent {
            name: name.into(),
            body: body.into_bytes(),
            reading: Reading::Snapshot(Box::new(snapshot)),
            ..self.unreadable()
        }
    }
}

impl Tick {
    pub fn time(self) -> Timestamp {
        Timestamp(START.0 + self.0 * 1_000)
    }

    fn micros(self) -> i64 {
        self.time().0 * 1_000
    }
}

pub fn contact(id: &str, email: Option<&str>) -> Contact {
    Contact {
        id: id.into(),
        email: email.map(Into::into),
        ..Contact::default()
    }
}

fn conversation_snapshot(
    subject: Subject,
    id: &str,
    contact: Contact,
    status: &str,
    tick: Tick,
) -> Snapshot {
    let conversation = Conversation {
        id: id.into(),
        inbox_id: "1".into(),
        status: status.into(),
        ..Conversation::default()
    };
    Snapshot {
        subject,
        contact: Some(contact),
        conversation: Some(conversation),
        messages: Vec::new(),
        changed: Vec::new(),
        occurred_at: Some(tick.time()),
        version: Some(tick.micros()),
        conversation_version: Some(tick.micros()),
    }
}
