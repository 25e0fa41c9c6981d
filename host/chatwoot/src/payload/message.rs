//! A message in both of Chatwoot's forms: at the top of a message event, and as a conversation's last message.
//!
//! The two differ in how they write the type and the times, and in what they say of the sender.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::scalar::{moment, or_empty};
use super::{Conversation, Id, Moment, Object};

/// What both forms carry.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: Option<Id>,
    /// Null where only files were sent.
    pub(crate) content: Option<String>,
    /// text, `incoming_email`, `input_csat`, …
    pub(crate) content_type: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) content_attributes: Object,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) additional_attributes: Object,
    #[serde(default, rename = "message_type")]
    pub(crate) direction: Direction,
    pub(crate) private: Option<bool>,
    /// Null where Chatwoot itself or the channel's own app wrote.
    pub(crate) sender: Option<Sender>,
    /// The channel's id of the message.
    pub(crate) source_id: Option<String>,
    /// An element is null where Chatwoot lost the file's type.
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) attachments: Vec<Option<Object>>,
    #[serde(default, deserialize_with = "moment")]
    pub(crate) created_at: Option<Moment>,
    /// Of a conversation's last message only; the only account that conversations before 4.14.2 name.
    pub(crate) account_id: Option<Id>,
}

/// What a message event carries around its message.
#[derive(Debug, Deserialize)]
pub(crate) struct Nesting {
    pub(crate) conversation: Option<Conversation>,
    pub(crate) inbox: Option<Inbox>,
}

/// The inbox of a message event.
#[derive(Debug, Deserialize)]
pub(crate) struct Inbox {
    pub(crate) id: Option<Id>,
    pub(crate) name: Option<String>,
}

/// A contact (which has no type at the top of a message event), a user or a bot.
#[derive(Debug, Deserialize)]
pub(crate) struct Sender {
    pub(crate) id: Option<Id>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// contact, user, `agent_bot`, `captain_assistant`
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// Which way a message went; a text at the top of an event and a number inside a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Direction {
    Incoming,
    Outgoing,
    /// A line that Chatwoot writes about the conversation.
    Activity,
    /// A greeting, a survey.
    Template,
    #[default]
    Unknown,
}

impl<'de> Deserialize<'de> for Direction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match (value.as_str(), value.as_u64()) {
            (Some("incoming"), _) | (_, Some(0)) => Self::Incoming,
            (Some("outgoing"), _) | (_, Some(1)) => Self::Outgoing,
            (Some("activity"), _) | (_, Some(2)) => Self::Activity,
            (Some("template"), _) | (_, Some(3)) => Self::Template,
            _ => Self::Unknown,
        })
    }
}
