//! What is known of a contact or conversation, and how one more event moves it: transitions are the difference.
//!
//! Chatwoot sends no previous state that can be relied on, in no reliable order, sometimes twice
//! (facts/chatwoot.md §2). So the rows kept here are compared with each event, inside the intake transaction.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::ids::{EventId, SourceId};
use crate::intake::{Snapshot, Subject};

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
}

/// The rows that one event touches; absent where nothing is known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The contact's.
    pub contact: Option<EntityRow>,
    /// The conversation's.
    pub conversation: Option<EntityRow>,
}

/// What one event meant, given what was known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advance {
    /// What to deliver, in order. Empty where the event says nothing new.
    pub kinds: Vec<EventKind>,
    /// The event is older than what is known of its subject.
    pub is_stale: bool,
    /// The contact can be found from now on and could not before.
    pub gained_identity: bool,
    /// The contact was seen in an inbox for the first time.
    pub gained_inbox: bool,
}

/// Moves the rows by one event and says what the event meant.
///
/// `rows` comes in as stored and goes out as it is to be stored.
pub fn advance(source: SourceId, event: EventId, snapshot: &Snapshot, rows: &mut Rows) -> Advance {
    let mut advance = Advance::default();
    note_contact(source, event, snapshot, rows, &mut advance);
    match snapshot.subject {
        Subject::Contact => {
            if !advance.is_stale {
                advance.kinds.push(EventKind::ContactChanged);
            }
        }
        Subject::Conversation => note_conversation(source, event, snapshot, rows, &mut advance),
        Subject::Message { created } => {
            note_conversation(source, event, snapshot, rows, &mut advance);
            // What a message says of its conversation counts where it is new; the message itself is never stale.
            advance
                .kinds
                .retain(|kind| *kind != EventKind::ConversationChanged);
            advance.is_stale = false;
            advance.kinds.push(if created {
                EventKind::MessageCreated
            } else {
                EventKind::MessageChanged
            });
        }
    }
    advance
}

fn note_contact(
    source: SourceId,
    event: EventId,
    snapshot: &Snapshot,
    rows: &mut Rows,
    advance: &mut Advance,
) {
    let Some(contact) = &snapshot.contact else {
        return;
    };
    let is_subject = matches!(snapshot.subject, Subject::Contact);
    let row = rows.contact.get_or_insert_with(|| {
        EntityRow::new(EntityKey {
            source,
            kind: EntityKind::Contact,
            id: contact.id.clone(),
        })
    });

    if let Some(inbox) = snapshot
        .conversation
        .as_ref()
        .map(|conversation| &conversation.inbox_id)
    {
        advance.gained_inbox = row.inboxes.insert(inbox.clone());
    }

    if is_subject {
        advance.is_stale = snapshot.version.is_some() && snapshot.version < row.version;
        // A contact's creation carries no version: it is old news as soon as a change is known.
        advance.is_stale |= snapshot.version.is_none() && row.version.is_some();
        if advance.is_stale {
            return;
        }
        row.version = snapshot.version.or(row.version);
        row.newest_event = Some(event);
    }

    // A snapshot inside another event may be older than what is known: it may add the first identity, never change one.
    if is_subject || row.identities.is_empty() {
        let identities = contact.identities();
        advance.gained_identity = row.identities.is_empty() && !identities.is_empty();
        row.identities = identities;
    }
}

fn note_conversation(
    source: SourceId,
    event: EventId,
    snapshot: &Snapshot,
    rows: &mut Rows,
    advance: &mut Advance,
) {
    let Some(conversation) = &snapshot.conversation else {
        return;
    };
    let known = rows.conversation.is_some();
    let row = rows.conversation.get_or_insert_with(|| {
        EntityRow::new(EntityKey {
            source,
            kind: EntityKind::Conversation,
            id: conversation.id.clone(),
        })
    });
    if known && snapshot.conversation_version < row.version {
        advance.is_stale = true;
        return;
    }
    let before = row.clone();
    row.version = snapshot.conversation_version.or(row.version);
    row.newest_event = Some(event);
    row.status = Some(conversation.status.clone());
    row.first_reply_at = conversation.first_reply_at.or(row.first_reply_at);
    row.contact = snapshot
        .contact
        .as_ref()
        .map(|contact| contact.id.clone())
        .or(before.contact.clone());

    if !known {
        advance.kinds.push(EventKind::ConversationOpened);
    }
    if row.first_reply_at.is_some() && before.first_reply_at.is_none() {
        advance.kinds.push(EventKind::ConversationFirstResponse);
    }
    let was_resolved = before.status.as_deref() == Some("resolved");
    let is_resolved = conversation.status == "resolved";
    if is_resolved && !was_resolved {
        advance.kinds.push(EventKind::ConversationResolved);
    }
    if !is_resolved && was_resolved {
        advance.kinds.push(EventKind::ConversationReopened);
    }
    let is_news =
        snapshot.conversation_version != before.version || snapshot.conversation_version.is_none();
    if known && advance.kinds.is_empty() && is_news {
        advance.kinds.push(EventKind::ConversationChanged);
    }
}
