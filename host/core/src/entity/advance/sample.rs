//! Events of one contact and one conversation, as short as a test needs them.

use crate::clock::Timestamp;
use crate::event::{Contact, Conversation};
use crate::intake::{Snapshot, Subject};

/// An event about the contact.
pub(super) fn contact(version: Option<i64>, email: Option<&str>) -> Snapshot {
    Snapshot {
        subject: Subject::Contact,
        contact: Some(person(email)),
        conversation: None,
        messages: Vec::new(),
        changed: Vec::new(),
        occurred_at: None,
        version,
        conversation_version: None,
    }
}

fn person(email: Option<&str>) -> Contact {
    Contact {
        id: "7".into(),
        email: email.map(Into::into),
        ..Contact::default()
    }
}

/// An event about the conversation, of which the contact has nothing it can be found by.
pub(super) fn conversation(version: i64, status: &str) -> Snapshot {
    Snapshot {
        subject: Subject::Conversation,
        conversation: Some(Conversation {
            id: "53".into(),
            inbox_id: "13".into(),
            status: status.into(),
            ..Conversation::default()
        }),
        version: Some(version),
        conversation_version: Some(version),
        ..contact(None, None)
    }
}

/// A new message in a conversation of this state.
pub(super) fn message(version: i64, status: &str) -> Snapshot {
    Snapshot {
        subject: Subject::Message { created: true },
        version: None,
        ..conversation(version, status)
    }
}

/// The same, after an agent has answered.
pub(super) fn answered(mut snapshot: Snapshot) -> Snapshot {
    if let Some(conversation) = &mut snapshot.conversation {
        conversation.first_reply_at = Some(Timestamp(1_781_690_455_303));
    }
    snapshot
}

/// The same, from a contact with this address.
pub(super) fn by(mut snapshot: Snapshot, email: Option<&str>) -> Snapshot {
    snapshot.contact = Some(person(email));
    snapshot
}
