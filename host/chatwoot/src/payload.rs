//! A webhook's body as Chatwoot writes it: structs for what is used, and nothing of what must not be kept.
//!
//! Tolerant where versions differ: every field may be missing or null, unknown keys are dropped. Strict where a known
//! field changes its shape: that is told by name, because reading around it would lose data in silence.
//! Must not know what the domain makes of it. Facts: facts/chatwoot.md §1.

mod changes;
mod contact;
mod conversation;
mod message;
mod scalar;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(crate) use changes::{Change, Changes};
pub(crate) use contact::Contact;
pub(crate) use conversation::{Agent, Conversation};
pub(crate) use message::{Direction, Inbox, Message, Nesting, Sender};
pub(crate) use scalar::{Id, Moment};

/// A JSON object whose keys Chatwoot or its users choose.
pub(crate) type Object = Map<String, Value>;

/// Why a body cannot be read, for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the body is not JSON (line {line}, column {column}); does a proxy cut or change it?")]
    NotJson { line: usize, column: usize },
    #[error(
        "the body is JSON but no object, so Chatwoot did not write it; does something else use this source's URL?"
    )]
    NotAnObject,
    #[error(
        "the body names no event, so Chatwoot did not write it; does something else use this source's URL?"
    )]
    NoEvent,
    #[error(
        "`{path}` has a form that this version of gladhand does not know; report it and upgrade gladhand"
    )]
    Form { path: String },
    #[error(
        "`{field}` is missing, and this kind of event means nothing without it; report it and upgrade gladhand"
    )]
    Missing { field: &'static str },
    #[error(
        "Chatwoot account {sent} wrote this, and the source is account {expected}; correct the source's account_id, or \
         where the webhook of account {sent} points"
    )]
    OtherAccount { sent: String, expected: i64 },
}

/// A body, parsed, of which views are taken: one JSON object holds several things at once.
pub(crate) struct Body(Value);

impl Body {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| Error::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        if value.is_object() {
            Ok(Self(value))
        } else {
            Err(Error::NotAnObject)
        }
    }

    /// The event's name; what is no name of Chatwoot's form counts as none, for it ends in tables and metrics.
    pub(crate) fn event(&self) -> Result<&str, Error> {
        let is_name = |text: &&str| {
            (1..=MAX_NAME_BYTES).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
        };
        self.0["event"]
            .as_str()
            .filter(is_name)
            .ok_or(Error::NoEvent)
    }

    /// The whole body as one thing.
    pub(crate) fn view<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_path_to_error::deserialize(&self.0).map_err(|error| Error::Form {
            // The path alone: serde's own text repeats the value, which may be personal.
            path: error
                .path()
                .to_string()
                .chars()
                .take(MAX_PATH_CHARS)
                .collect(),
        })
    }

    /// The id at this path, where there is one; for events of which nothing else is used.
    pub(crate) fn id_at(&self, pointer: &str) -> Option<String> {
        let id = self.0.pointer(pointer)?;
        Some(Id::deserialize(id).ok()?.0)
    }
}

/// Chatwoot's longest is 44 bytes; an event's key holds the name beside an id (40) and a digest (64), and has 200.
const MAX_NAME_BYTES: usize = 64;
/// Keys that users choose are part of a path.
const MAX_PATH_CHARS: usize = 100;

/// What an event says of itself, beside its subject.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    /// Missing from conversations before 4.14.2.
    pub(crate) account: Option<Account>,
    /// Null where Chatwoot no longer knew, missing where nothing changes.
    #[serde(default)]
    pub(crate) changed_attributes: Changes,
}

/// The account that an event is of.
#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: Option<Id>,
}
