//! A person who writes, in both of Chatwoot's forms: `webhook` (events about contacts) and `push` (everywhere else).

use serde::Deserialize;

use super::scalar::or_empty;
use super::{Id, Object};

/// What both forms carry. Neither has labels, times or inboxes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Contact {
    pub(crate) id: Option<Id>,
    /// One text; empty is possible.
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// E.164.
    pub(crate) phone_number: Option<String>,
    /// What the customer's own system calls the contact.
    pub(crate) identifier: Option<String>,
    /// Since 4.0.2.
    pub(crate) blocked: Option<bool>,
    /// What the channel and the contact form say: company, city, social profiles.
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) additional_attributes: Object,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) custom_attributes: Object,
}
