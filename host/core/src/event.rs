//! What happened, in the words of the contract: the same for every source and every CRM.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventKind {
    /// A contact appeared or changed.
    #[serde(rename = "contact.changed")]
    ContactChanged,
    /// The first that is known of a conversation.
    #[serde(rename = "conversation.opened")]
    ConversationOpened,
    /// Anything of a conversation changed that is no transition.
    #[serde(rename = "conversation.changed")]
    ConversationChanged,
    /// An agent answered for the first time.
    #[serde(rename = "conversation.first-response")]
    ConversationFirstResponse,
    /// The conversation was resolved.
    #[serde(rename = "conversation.resolved")]
    ConversationResolved,
    /// A resolved conversation is open again.
    #[serde(rename = "conversation.reopened")]
    ConversationReopened,
    /// A message was written.
    #[serde(rename = "message.created")]
    MessageCreated,
    /// A message was edited, deleted or answered (a survey).
    #[serde(rename = "message.changed")]
    MessageChanged,
}

impl EventKind {
    /// Every kind, in the order in which one webhook's kinds are delivered.
    pub const ALL: [Self; 8] = [
        Self::ContactChanged,
        Self::ConversationOpened,
        Self::ConversationChanged,
        Self::ConversationFirstResponse,
        Self::ConversationResolved,
        Self::ConversationReopened,
        Self::MessageCreated,
        Self::MessageChanged,
    ];

    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContactChanged => "contact.changed",
            Self::ConversationOpened => "conversation.opened",
            Self::ConversationChanged => "conversation.changed",
            Self::ConversationFirstResponse => "conversation.first-response",
            Self::ConversationResolved => "conversation.resolved",
            Self::ConversationReopened => "conversation.reopened",
            Self::MessageCreated => "message.created",
            Self::MessageChanged => "message.changed",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether only the newest matters: such a delivery is superseded by a newer one of the same entity.
    pub const fn is_state(self) -> bool {
        matches!(self, Self::ContactChanged | Self::ConversationChanged)
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

impl Contact {
    /// The identities a CRM record can be found by: `email:…` in lower case, `phone:…`.
    pub fn identities(&self) -> Vec<String> {
        let email = self
            .email
            .as_deref()
            .map(str::trim)
            .filter(|email| !email.is_empty());
        let phone = self
            .phone
            .as_deref()
            .map(str::trim)
            .filter(|phone| !phone.is_empty());
        email
            .map(|email| format!("email:{}", email.to_lowercase()))
            .into_iter()
            .chain(phone.map(|phone| format!("phone:{phone}")))
            .collect()
    }
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
    /// Absent in most payloads.
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
    /// Absent in most payloads.
    pub inbox_name: Option<String>,
    /// email, web-widget, whatsapp, sms, api, telegram, facebook, instagram, line, tiktok, twitter, other
    pub channel: String,
    /// open, pending, snoozed, resolved
    pub status: String,
    /// low, medium, high, urgent
    pub priority: Option<String>,
    /// Of an e-mail conversation.
    pub subject: Option<String>,
    /// Sorted as the source has them.
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
    /// Where to fetch it; answers a redirect.
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

/// What a connector's `handle` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The delivery's id: one event may be handed over more than once, as one kind each.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub occurred_at: Timestamp,
    /// The person behind it.
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
