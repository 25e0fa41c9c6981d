//! Messages, and the events about them.

use gladhand_core::event::Message;
use gladhand_core::intake::{Reading, Snapshot, Subject};
use gladhand_core::outcome::SkipCode;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::attachment::attachment;
use super::{Context, Understood, conversation, filled};
use crate::payload::{self, Body, Direction, Envelope, Error, Nesting, Object, Sender};

/// Reads an event about a message. The message is the body itself, never the one inside its conversation.
pub(super) fn read(context: &Context, name: &str, body: &Body) -> Result<Understood, Error> {
    let envelope: Envelope = body.view()?;
    let nesting: Nesting = body.view()?;
    let conversation = nesting.conversation.ok_or(Error::Missing {
        field: "conversation",
    })?;
    let account = envelope.account.and_then(|account| account.id);
    let parts = conversation::parts(context, conversation, account, nesting.inbox)?;
    let message: payload::Message = body.view()?;
    if message.direction == Direction::Activity {
        let reason = "Chatwoot wrote this line about the conversation; nobody said it".to_owned();
        let contact = parts.contact.map(|contact| contact.id);
        return Ok((
            None,
            Reading::Ignored {
                code: SkipCode::UnsupportedEvent,
                reason,
                contact,
            },
        ));
    }
    let message = message_of(message)?;

    let is_created = name == "message_created";
    let semantic_key = if is_created {
        format!("{name}/{}", message.id)
    } else {
        // Nothing in the body says when it was edited, so the key is what it says now: that a message was delivered and
        // read changes nothing that is kept, and is one telling.
        format!("{name}/{}/{}", message.id, digest(&message))
    };
    let snapshot = Snapshot {
        subject: Subject::Message {
            created: is_created,
        },
        contact: parts.contact,
        conversation: Some(parts.conversation),
        occurred_at: Some(message.created_at),
        messages: vec![message],
        changed: Vec::new(),
        version: None,
        conversation_version: parts.version.map(|version| version.0),
    };
    Ok((Some(semantic_key), Reading::Snapshot(Box::new(snapshot))))
}

/// The last message of a conversation, where it is one that somebody said.
pub(super) fn last_of(message: payload::Message) -> Option<Message> {
    let was_said = message.direction != Direction::Activity;
    was_said.then(|| message_of(message).ok()).flatten()
}

fn message_of(message: payload::Message) -> Result<Message, Error> {
    let incoming = match message.direction {
        Direction::Incoming => true,
        Direction::Outgoing | Direction::Template | Direction::Activity => false,
        Direction::Unknown => {
            return Err(Error::Form {
                path: "message_type".to_owned(),
            });
        }
    };
    let author_kind = author_kind(
        incoming,
        message.sender.as_ref(),
        &message.content_attributes,
    );
    Ok(Message {
        id: message.id.clone().ok_or(Error::Missing { field: "id" })?.0,
        incoming,
        private: message.private.unwrap_or(false),
        author_kind: author_kind.to_owned(),
        author_name: filled(
            message
                .sender
                .as_ref()
                .and_then(|sender| sender.name.clone()),
        ),
        text: text(&message),
        content_type: message
            .content_type
            .clone()
            .unwrap_or_else(|| "text".to_owned()),
        created_at: message
            .created_at
            .ok_or(Error::Missing {
                field: "created_at",
            })?
            .timestamp(),
        attachments: message
            .attachments
            .iter()
            .flatten()
            .map(attachment)
            .collect(),
        attributes: attributes(message),
    })
}

/// Who wrote: contact, agent, bot, system.
fn author_kind(incoming: bool, sender: Option<&Sender>, content: &Object) -> &'static str {
    let Some(sender) = sender else {
        // An agent who answered in the channel's own app.
        let is_echo = content.get("external_echo") == Some(&Value::Bool(true));
        return match (incoming, is_echo) {
            (true, _) => "contact",
            (false, true) => "agent",
            (false, false) => "system",
        };
    };
    match sender.kind.as_deref() {
        Some("contact") => "contact",
        // At the top of an event a contact is the sender without a type.
        None if incoming => "contact",
        Some("user") | None => "agent",
        Some("agent_bot" | "captain_assistant") => "bot",
        Some(_) => "system",
    }
}

/// What was said. Of an e-mail, the reply without what it quotes, which Chatwoot finds out itself.
fn text(message: &payload::Message) -> String {
    let Some(content) = &message.content else {
        return String::new();
    };
    let email = message.content_attributes.get("email");
    let reply = ["/text_content/quoted", "/html_content/quoted"]
        .into_iter()
        .filter_map(|place| email?.pointer(place)?.as_str())
        .find(|reply| !reply.trim().is_empty());
    match reply {
        Some(reply) if message.content_type.as_deref() == Some("incoming_email") => {
            reply.to_owned()
        }
        _ => content.clone(),
    }
}

/// Whatever else is known: content attributes under their own key, the rest under the domain's words.
fn attributes(message: payload::Message) -> Map<String, Value> {
    let mut content = message.content_attributes;
    let email = content.remove("email");
    let subject = email
        .as_ref()
        .and_then(|email| email.pointer("/subject"))
        .cloned();
    // Addresses of third persons, and what the text was taken from.
    for key in ["cc_email", "bcc_email"] {
        content.remove(key);
    }
    let csat = match content.get_mut("submitted_values") {
        Some(Value::Object(values)) => values.remove("csat_survey_response"),
        _ => None,
    };
    if csat.is_some() {
        content.remove("submitted_values");
    }
    let (author_id, author_email) = message
        .sender
        .map(|sender| (sender.id.map(|id| id.0), sender.email))
        .unwrap_or_default();
    let named = [
        ("csat", csat),
        ("subject", subject),
        ("source_id", message.source_id.map(Value::from)),
        ("author_id", author_id.map(Value::from)),
        ("author_email", author_email.map(Value::from)),
    ];
    let named = named
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let mut attributes = super::attributes(content, message.additional_attributes, &[]);
    attributes.extend(named);
    attributes.retain(|_, value| !value.is_null());
    attributes
}

fn digest(message: &Message) -> String {
    let text = serde_json::to_vec(message).expect("a message is plain data with text keys");
    hex::encode(Sha256::digest(text))
}
