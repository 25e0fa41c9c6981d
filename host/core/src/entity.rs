//! What is known of a contact or conversation: one row each, against which every event is compared.
//!
//! A source sends no previous state that can be relied on, in no reliable order, sometimes twice. So what an event
//! means is its difference to these rows (`advance`), taken inside the intake transaction.

mod advance;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{EventId, SourceId};

pub use advance::{Advance, advance};

/// What kind of thing a row describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntityKind {
    /// A person.
    Contact,
    /// A conversation.
    Conversation,
}

impl EntityKind {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Conversation => "conversation",
        }
    }
}

/// Which row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntityKey {
    /// Whose.
    pub source: SourceId,
    /// Of what.
    pub kind: EntityKind,
    /// The source's id.
    pub id: String,
}

/// What is known of one contact or conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRow {
    /// Which.
    pub key: EntityKey,
    /// The newest version token seen, in microseconds of the source's clock.
    pub version: Option<i64>,
    /// The event that brought it; of a contact, only events about the contact itself.
    pub newest_event: Option<EventId>,
    /// Of a conversation.
    pub status: Option<String>,
    /// Of a conversation.
    pub first_reply_at: Option<Timestamp>,
    /// The inboxes that a contact was seen in.
    pub inboxes: BTreeSet<String>,
    /// The contact of a conversation.
    pub contact: Option<String>,
    /// What a contact can be found by (`email:…`, `phone:…`).
    pub identities: Vec<String>,
}

impl EntityRow {
    /// A row of which nothing is known yet.
    pub fn new(key: EntityKey) -> Self {
        Self {
            key,
            version: None,
            newest_event: None,
            status: None,
            first_reply_at: None,
            inboxes: BTreeSet::new(),
            contact: None,
            identities: Vec::new(),
        }
    }

    /// Whether any event has told of it; a row that was only made to be locked says no.
    pub fn is_known(&self) -> bool {
        self.newest_event.is_some() || self.status.is_some() || !self.inboxes.is_empty()
    }
}

/// The rows that one event touches; absent where nothing is known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The contact's.
    pub contact: Option<EntityRow>,
    /// The conversation's.
    pub conversation: Option<EntityRow>,
}
