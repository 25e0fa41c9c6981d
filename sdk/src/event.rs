//! What happened, in the words of the contract: the same for every source and every CRM.
//!
//! The types read and write the same JSON as the host's own, which is how a bridge converts them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// What kind of thing happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum EventKind {
    /// `contact.changed`
    ContactChanged,
    /// `conversation.opened`
    ConversationOpened,
    /// `conversation.changed`: anything that is no transition
    ConversationChanged,
    /// `conversation.first-response`
    ConversationFirstResponse,
    /// `conversation.resolved`
    ConversationResolved,
    /// `conversation.reopened`
    ConversationReopened,
    /// `message.created`
    MessageCreated,
    /// `message.changed`: edited, deleted or answered
    MessageChanged,
    /// A kind that this SDK does not know yet.
    Other(String),
}

impl EventKind {
    /// The contract's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ContactChanged => "contact.changed",
            Self::ConversationOpened => "conversation.opened",
            Self::ConversationChanged => "conversation.changed",
            Self::ConversationFirstResponse => "conversation.first-response",
            Self::ConversationResolved => "conversation.resolved",
            Self::ConversationReopened => "conversation.reopened",
            Self::MessageCreated => "message.created",
            Self::MessageChanged => "message.changed",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for EventKind {
    fn from(word: String) -> Self {
        [
            Self::ContactChanged,
            Self::ConversationOpened,
            Self::ConversationChanged,
            Self::ConversationFirstResponse,
            Self::ConversationResolved,
            Self::ConversationReopened,
            Self::MessageCreated,
            Self::MessageChanged,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .unwrap_or(Self::Other(word))
    }
}

impl From<EventKind> for String {
    fn from(kind: EventKind) -> Self {
        kind.as_str().to_owned()
    }
}

/// A person who wrote to the source.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Contact {
    /// The source's id.
    pub id: String,
    /// One string; sources do not split names.
    pub name: Option<String>,
    /// As the source has it.
    pub email: Option<String>,
    /// As the source has it, usually E.164.
    pub phone: Option<String>,
    /// An id that another system gave the contact.
    pub identifier: Option<String>,
    /// Where the contact works.
    pub company: Option<Company>,
    /// Whether an agent blocked the contact.
    pub blocked: bool,
    /// Everything else: custom attributes under their own key, channel facts under `additional.…`.
    pub attributes: Map<String, Value>,
}

/// Where a contact works.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Company {
    /// Its name.
    pub name: String,
    /// Its web domain.
    pub domain: Option<String>,
    /// Address and the like.
    pub attributes: Map<String, Value>,
}

/// Somebody who answers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Agent {
    /// The source's id.
    pub id: String,
    /// As shown to customers.
    pub name: String,
    /// Absent in most events.
    pub email: Option<String>,
    /// Everything else.
    pub attributes: Map<String, Value>,
}

/// A conversation, as it was when the source wrote the event.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Conversation {
    /// The id that people see.
    pub id: String,
    /// Where an agent opens it.
    pub url: Option<String>,
    /// The channel's inbox.
    pub inbox_id: String,
    /// Absent in most events.
    pub inbox_name: Option<String>,
    /// email, web-widget, whatsapp, sms, api, telegram, facebook, instagram, line, tiktok, twitter, other
    pub channel: String,
    /// open, pending, snoozed, resolved
    pub status: String,
    /// low, medium, high, urgent
    pub priority: Option<String>,
    /// Of an e-mail conversation.
    pub subject: Option<String>,
    /// As the source has them.
    pub labels: Vec<String>,
    /// Who answers.
    pub assignee: Option<Agent>,
    /// Which team answers.
    pub team: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// When an agent first answered.
    pub first_reply_at: Option<Timestamp>,
    /// Everything else: custom attributes under their own key, channel facts under `additional.…`.
    pub attributes: Map<String, Value>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Attachment {
    /// File name or title.
    pub name: Option<String>,
    /// A MIME type where known, else the source's word (`image`, `audio`, …).
    pub media_type: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Where to fetch it.
    pub url: Option<String>,
    /// Everything else.
    pub attributes: Map<String, Value>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Message {
    /// The source's id.
    pub id: String,
    /// From the contact.
    pub incoming: bool,
    /// A note that the contact does not see.
    pub private: bool,
    /// contact, agent, bot, system
    pub author_kind: String,
    /// As shown.
    pub author_name: Option<String>,
    /// Markdown; empty where only files were sent.
    pub text: String,
    /// The source's word: text, `incoming_email`, `input_csat`, …
    pub content_type: String,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// When it was written.
    pub created_at: Timestamp,
    /// `deleted`, `csat`, `subject` and the like.
    pub attributes: Map<String, Value>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The delivery's id.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub occurred_at: Timestamp,
    /// The person behind it. Inside a conversation or message event it may be older than what the CRM already knows:
    /// create from it, never update from it.
    pub contact: Option<Contact>,
    /// The conversation, where there is one.
    pub conversation: Option<Conversation>,
    /// The messages that the event carries, oldest first.
    pub messages: Vec<Message>,
    /// Names of the changed fields, where the source says so.
    pub changed: Vec<String>,
    /// Everything else.
    pub attributes: Map<String, Value>,
}

impl Event {
    /// An event of this kind about nobody yet: for tests, which fill in what they need.
    pub fn new(id: impl Into<String>, kind: EventKind) -> Self {
        Self {
            id: id.into(),
            kind,
            occurred_at: 0,
            contact: None,
            conversation: None,
            messages: Vec::new(),
            changed: Vec::new(),
            attributes: Map::new(),
        }
    }
}
