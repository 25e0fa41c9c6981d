//! From a webhook to deliveries: what the source's reader hands over, what the planner decides, what the store keeps.

use crate::clock::Timestamp;
use crate::delivery::NewDelivery;
use crate::entity::{EntityKey, EntityKind, Rows};
use crate::event::{Contact, Conversation, Message};
use crate::ids::{EventId, SourceId};
use crate::outcome::SkipCode;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A contact.
    Contact,
    /// A conversation.
    Conversation,
    /// A message; `created` where it is a new one.
    Message {
        /// New, rather than edited.
        created: bool,
    },
}

/// A webhook in the words of the domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// What it is about.
    pub subject: Subject,
    /// The person behind it.
    pub contact: Option<Contact>,
    /// The conversation, where there is one.
    pub conversation: Option<Conversation>,
    /// The messages it carries.
    pub messages: Vec<Message>,
    /// Names of the changed fields.
    pub changed: Vec<String>,
    /// When it happened, where the source says so.
    pub occurred_at: Option<Timestamp>,
    /// Orders the states of the subject: microseconds of the source's clock.
    pub version: Option<i64>,
    /// Orders the states of the conversation, also where a message is the subject.
    pub conversation_version: Option<i64>,
}

/// What the source's reader made of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Something to deliver.
    Snapshot(Box<Snapshot>),
    /// Understood, and nothing to deliver; `contact` where it names one.
    Ignored {
        /// Why.
        code: SkipCode,
        /// For the operator.
        reason: String,
        /// Of whom.
        contact: Option<String>,
    },
    /// Not understood; kept and shown.
    Unreadable {
        /// For the operator.
        reason: String,
    },
}

/// A webhook on its way into the store.
#[derive(Debug, Clone)]
pub struct IncomingEvent {
    /// Its id here.
    pub id: EventId,
    /// Who sent it.
    pub source: SourceId,
    /// The source's name for it (`conversation_created`); `unreadable` where there is none.
    pub name: String,
    /// Names the delivery where the source does (`X-Chatwoot-Delivery`).
    pub delivery_key: Option<String>,
    /// Names what happened, so that a second telling is recognised; at most 200 bytes.
    pub semantic_key: Option<String>,
    /// When it came in.
    pub received_at: Timestamp,
    /// The exact bytes.
    pub body: Vec<u8>,
    /// What was made of them.
    pub reading: Reading,
}

impl IncomingEvent {
    /// The contact's row, where the event names a contact.
    pub fn contact_key(&self) -> Option<EntityKey> {
        let id = match &self.reading {
            Reading::Snapshot(snapshot) => {
                snapshot.contact.as_ref().map(|contact| contact.id.clone())
            }
            Reading::Ignored { contact, .. } => contact.clone(),
            Reading::Unreadable { .. } => None,
        }?;
        Some(EntityKey {
            source: self.source,
            kind: EntityKind::Contact,
            id,
        })
    }

    /// The conversation's row, where the event names one that counts.
    pub fn conversation_key(&self) -> Option<EntityKey> {
        let Reading::Snapshot(snapshot) = &self.reading else {
            return None;
        };
        let id = snapshot.conversation.as_ref()?.id.clone();
        Some(EntityKey {
            source: self.source,
            kind: EntityKind::Conversation,
            id,
        })
    }
}

/// What is to be stored beside the event, in the same transaction.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One per kind and connection.
    pub deliveries: Vec<NewDelivery>,
    /// The contact's skipped deliveries are to be queued again: it can be found now.
    pub revive_contact: bool,
}

/// Decides what an event becomes. Pure, and called inside the intake transaction.
pub trait Planner: Send + Sync {
    /// `rows` comes in as stored and goes out as it is to be stored.
    fn plan(&self, event: &IncomingEvent, rows: &mut Rows) -> Plan;
}
