//! How one event moves the rows, and what it means: transitions are the difference, never what the event claims.
//!
//! Twins and repetitions of one change therefore mean nothing, and no order of arrival invents a transition.
//! Pure; must not know how a source names its events or where rows are kept.

#[cfg(test)]
mod properties;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use super::{EntityKey, EntityKind, EntityRow, Rows};
use crate::event::{Contact, Conversation, EventKind};
use crate::ids::{EventId, SourceId};
use crate::intake::{Snapshot, Subject};

/// What one event meant, given what was known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advance {
    /// What to deliver, in order. Empty where the event says nothing new.
    pub kinds: Vec<EventKind>,
    /// The event is older than what is known of its subject.
    pub is_stale: bool,
    /// The contact was seen before and could not be found; it can be from now on.
    pub gained_identity: bool,
    /// The contact was seen in an inbox for the first time.
    pub gained_inbox: bool,
}

/// Moves the rows by one event and says what the event meant.
///
/// `rows` comes in as stored and goes out as it is to be stored. A transition carries the whole conversation, so it
/// stands for everything else that the same event changed.
pub fn advance(source: SourceId, event: EventId, snapshot: &Snapshot, rows: &mut Rows) -> Advance {
    let mut advance = Advance::default();
    if let Some(contact) = &snapshot.contact {
        let row = row(&mut rows.contact, source, EntityKind::Contact, &contact.id);
        note_contact(event, snapshot, contact, row, &mut advance);
    }
    if let Some(conversation) = &snapshot.conversation {
        let row = row(
            &mut rows.conversation,
            source,
            EntityKind::Conversation,
            &conversation.id,
        );
        note_conversation(event, snapshot, conversation, row, &mut advance);
    }
    match snapshot.subject {
        Subject::Contact | Subject::Conversation => {}
        Subject::Message { created } => {
            // Only its conversation can be old news: a message is told once, however late.
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

fn row<'a>(
    slot: &'a mut Option<EntityRow>,
    source: SourceId,
    kind: EntityKind,
    id: &str,
) -> &'a mut EntityRow {
    slot.get_or_insert_with(|| {
        EntityRow::new(EntityKey {
            source,
            kind,
            id: id.to_owned(),
        })
    })
}

fn note_contact(
    event: EventId,
    snapshot: &Snapshot,
    contact: &Contact,
    row: &mut EntityRow,
    advance: &mut Advance,
) {
    let was_known = row.is_known();
    if let Some(conversation) = &snapshot.conversation {
        advance.gained_inbox = row.inboxes.insert(conversation.inbox_id.clone());
    }

    let is_subject = matches!(snapshot.subject, Subject::Contact);
    if is_subject {
        // `None` is less than any version: a creation carries none, and is old news once a change is known.
        if snapshot.version < row.version {
            advance.is_stale = true;
            return;
        }
        row.version = snapshot.version;
        row.newest_event = Some(event);
        advance.kinds.push(EventKind::ContactChanged);
    }

    // Only a versioned event about the contact can be told to be newer than what is known, and may change or take away
    // an identity. A creation, and a snapshot inside another event, may add the first.
    let may_replace = is_subject && snapshot.version.is_some();
    if may_replace || row.identities.is_empty() {
        let identities = contact.identities();
        advance.gained_identity = was_known && row.identities.is_empty() && !identities.is_empty();
        row.identities = identities;
    }
}

fn note_conversation(
    event: EventId,
    snapshot: &Snapshot,
    conversation: &Conversation,
    row: &mut EntityRow,
    advance: &mut Advance,
) {
    let was_known = row.is_known();
    let version = snapshot.conversation_version;
    // A state without a version can only be taken in the order of arrival.
    if version.is_some() && version < row.version {
        advance.is_stale = true;
        return;
    }
    let is_news = version.is_none() || version > row.version;
    let was_resolved = row.status.as_deref() == Some(RESOLVED);
    let is_resolved = conversation.status == RESOLVED;
    let is_answered = row.first_reply_at.is_none() && conversation.first_reply_at.is_some();

    row.version = version.or(row.version);
    row.newest_event = Some(event);
    row.status = Some(conversation.status.clone());
    row.first_reply_at = row.first_reply_at.or(conversation.first_reply_at);
    if let Some(contact) = &snapshot.contact {
        row.contact = Some(contact.id.clone());
    }

    let transitions = [
        (!was_known, EventKind::ConversationOpened),
        (is_answered, EventKind::ConversationFirstResponse),
        (
            is_resolved && !was_resolved,
            EventKind::ConversationResolved,
        ),
        (
            was_resolved && !is_resolved,
            EventKind::ConversationReopened,
        ),
    ];
    let mut kinds: Vec<EventKind> = transitions
        .into_iter()
        .filter_map(|(happened, kind)| happened.then_some(kind))
        .collect();
    if kinds.is_empty() && is_news {
        kinds.push(EventKind::ConversationChanged);
    }
    advance.kinds.append(&mut kinds);
}

/// The one status that transitions turn on; open, pending and snoozed are all not resolved.
const RESOLVED: &str = "resolved";
