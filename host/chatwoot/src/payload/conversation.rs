//! A conversation, the same in every event that carries one.
//!
//! The row of the contact's inbox holds a live token, so of it only ids and the channel's address are read.

use serde::Deserialize;

use super::scalar::{moment, or_empty};
use super::{Contact, Id, Message, Moment, Object};

/// A conversation as it was when Chatwoot built the payload, which may be later than the event.
#[derive(Debug, Deserialize)]
pub(crate) struct Conversation {
    /// The number that people see; unique within the account.
    pub(crate) id: Option<Id>,
    pub(crate) inbox_id: Option<Id>,
    /// `Channel::WebWidget` and the like.
    pub(crate) channel: Option<String>,
    /// open, resolved, pending, snoozed
    pub(crate) status: Option<String>,
    pub(crate) priority: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) labels: Vec<String>,
    pub(crate) meta: Option<Meta>,
    pub(crate) contact_inbox: Option<ContactInbox>,
    /// The last public message, if any; not the one that the event is about.
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) messages: Vec<Message>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) additional_attributes: Object,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) custom_attributes: Object,
    #[serde(default, deserialize_with = "moment")]
    pub(crate) first_reply_created_at: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    pub(crate) created_at: Option<Moment>,
    /// The best order of states there is; missing before 4.0.2.
    #[serde(default, deserialize_with = "moment")]
    pub(crate) updated_at: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    pub(crate) last_activity_at: Option<Moment>,
}

/// Who takes part.
#[derive(Debug, Deserialize)]
pub(crate) struct Meta {
    /// The contact, in push form.
    pub(crate) sender: Option<Contact>,
    pub(crate) assignee: Option<Agent>,
    pub(crate) team: Option<Team>,
}

/// A user or an agent bot, without an e-mail address.
#[derive(Debug, Deserialize)]
pub(crate) struct Agent {
    pub(crate) id: Option<Id>,
    pub(crate) name: Option<String>,
    /// What customers see.
    pub(crate) available_name: Option<String>,
    pub(crate) email: Option<String>,
    /// user, `agent_bot`
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// A team; its name is in lower case.
#[derive(Debug, Deserialize)]
pub(crate) struct Team {
    pub(crate) name: Option<String>,
}

/// The contact's address in the inbox.
#[derive(Debug, Deserialize)]
pub(crate) struct ContactInbox {
    #[serde(rename = "contact_id")]
    pub(crate) contact: Option<Id>,
    #[serde(rename = "inbox_id")]
    pub(crate) inbox: Option<Id>,
    /// The contact as the channel knows it.
    #[serde(rename = "source_id")]
    pub(crate) address: Option<String>,
}
