//! From a body to the domain's words: which event it is, what names it a second time, what it says.
//!
//! Every conversation-shaped event is a snapshot of the conversation and claims nothing: what happened is found out by
//! comparison, so twins, agent-bot duplicates and macros lose nothing and double nothing.
//! Must not know what is stored already.

mod attachment;
mod changed;
mod contact;
mod conversation;
mod ignored;
mod message;

use gladhand_core::intake::Reading;
use serde_json::{Map, Value};

use crate::payload::{Body, Error, Id, Object};

/// What is known of the source besides the body.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Where people open Chatwoot; conversations get no link without it.
    pub base_url: Option<String>,
    /// Chatwoot's number for the account; events of another one are not read.
    pub account_id: Option<i64>,
}

/// What a body says.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Chatwoot's name for the event; `unreadable` where the body names none.
    pub name: String,
    /// Names what happened, for a second telling under another delivery id; at most 200 bytes, unique within the account.
    pub semantic_key: Option<String>,
    /// In the domain's words.
    pub reading: Reading,
}

/// Reads a webhook's body. Never fails: what cannot be read says why, in the operator's terms.
pub fn read(context: &Context, body: &[u8]) -> Read {
    let body = match Body::parse(body) {
        Ok(body) => body,
        Err(error) => return Read::unreadable("unreadable", &error),
    };
    let name = match body.event() {
        Ok(name) => name,
        Err(error) => return Read::unreadable("unreadable", &error),
    };
    match understand(context, name, &body) {
        Ok((semantic_key, reading)) => Read {
            name: name.to_owned(),
            semantic_key,
            reading,
        },
        Err(error) => Read::unreadable(name, &error),
    }
}

impl Read {
    fn unreadable(name: &str, error: &Error) -> Self {
        Self {
            name: name.to_owned(),
            semantic_key: None,
            reading: Reading::Unreadable {
                reason: error.to_string(),
            },
        }
    }
}

/// The semantic key, where the event has one, and the reading.
type Understood = (Option<String>, Reading);

fn understand(context: &Context, name: &str, body: &Body) -> Result<Understood, Error> {
    match name {
        "contact_created" | "contact_updated" => contact::read(context, name, body),
        "message_created" | "message_updated" => message::read(context, name, body),
        // Agent bots are told of `conversation_opened` and `conversation_resolved`, macros send `macro.executed`, and an
        // automation puts its own name before any event's: all carry the conversation and nothing else.
        "conversation_created"
        | "conversation_updated"
        | "conversation_status_changed"
        | "conversation_opened"
        | "conversation_resolved"
        | "macro.executed" => conversation::read(context, name, body),
        _ if name.starts_with("automation_event.") => conversation::read(context, name, body),
        _ => Ok((None, ignored::reading(name, body))),
    }
}

impl Context {
    /// Refuses what another account wrote: ids are only unique within one.
    fn expect_account(&self, sent: Option<&Id>) -> Result<(), Error> {
        match (self.account_id, sent) {
            (Some(expected), Some(sent)) if sent.0 != expected.to_string() => {
                Err(Error::OtherAccount {
                    sent: sent.0.clone(),
                    expected,
                })
            }
            _ => Ok(()),
        }
    }
}

/// The text, unless there is nothing in it.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Custom attributes under their own key, what the channel says under `additional.…` except for what the domain names.
fn attributes(custom: Object, additional: Object, named: &[&str]) -> Map<String, Value> {
    let additional = additional
        .into_iter()
        .filter(|(key, _)| !named.contains(&key.as_str()))
        .map(|(key, value)| (format!("additional.{key}"), value));
    custom.into_iter().chain(additional).collect()
}
