//! Webhook bodies in Chatwoot's shapes: three serialisers for one person, three formats for one time.

use chrono::DateTime;
use serde_json::{Value, json};

use super::account::{Contact, Conversation};

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The contact.
    Contact,
    /// The one agent there is.
    Agent,
}

/// A message on its way into a body.
pub struct Message<'a> {
    /// Chatwoot's id.
    pub id: i64,
    /// Markdown.
    pub text: &'a str,
    /// Who wrote it.
    pub author: Author,
    /// The contact does not see it.
    pub private: bool,
    /// When: milliseconds.
    pub at_ms: i64,
}

/// A contact at the top of a body.
pub fn contact(contact: &Contact) -> Value {
    json!({
        "account": account(),
        "additional_attributes": additional(contact),
        "avatar": "",
        "custom_attributes": {},
        "email": contact.email,
        "id": contact.id,
        "identifier": null,
        "name": contact.name,
        "phone_number": contact.phone,
        "thumbnail": "",
        "blocked": false,
    })
}

/// A conversation at the top of a body or inside a message's.
pub fn conversation(conversation: &Conversation, contact: &Contact) -> Value {
    json!({
        "additional_attributes": channel_attributes(conversation),
        "can_reply": true,
        "channel": conversation.inbox.channel,
        "contact_inbox": {
            "id": 500 + conversation.display_id, "contact_id": contact.id, "inbox_id": conversation.inbox.id,
            "source_id": format!("source-{}", contact.id), "created_at": iso(conversation.created_ms),
            "updated_at": iso(conversation.created_ms), "hmac_verified": false, "pubsub_token": "pubsub-token-of-the-simulator",
        },
        "id": conversation.display_id,
        "inbox_id": conversation.inbox.id,
        "messages": conversation.last_message.iter().collect::<Vec<_>>(),
        "labels": [],
        "meta": {
            "sender": pushed(contact),
            "assignee": conversation.first_reply_ms.map(|_| agent_pushed()),
            "assignee_type": conversation.first_reply_ms.map(|_| "User"),
            "team": null,
            "hmac_verified": false,
        },
        "status": conversation.status,
        "custom_attributes": {},
        "snoozed_until": null,
        "unread_count": 1,
        "first_reply_created_at": conversation.first_reply_ms.map(iso),
        "priority": null,
        "waiting_since": conversation.created_ms / 1_000,
        "agent_last_seen_at": 0,
        "contact_last_seen_at": 0,
        "last_activity_at": conversation.updated_ms / 1_000,
        "timestamp": conversation.updated_ms / 1_000,
        "created_at": conversation.created_ms / 1_000,
        "updated_at": conversation.updated_ms as f64 / 1_000.0,
        "account": account(),
    })
}

/// A message at the top of a body.
pub fn message(message: &Message<'_>, of: &Conversation, from: &Contact) -> Value {
    let sender = match message.author {
        Author::Contact => contact(from),
        Author::Agent => {
            json!({"id": 7, "name": "Ravi Kumar", "email": "ravi@acme.example", "type": "user"})
        }
    };
    json!({
        "account": account(),
        "additional_attributes": {},
        "content_attributes": {},
        "content_type": content_type(of, message),
        "content": message.text,
        "conversation": conversation(of, from),
        "created_at": iso(message.at_ms),
        "id": message.id,
        "inbox": {"id": of.inbox.id, "name": of.inbox.name},
        "message_type": if message.author == Author::Contact { "incoming" } else { "outgoing" },
        "private": message.private,
        "sender": sender,
        "source_id": null,
    })
}

/// A message inside a conversation: other types for the same fields.
pub fn message_element(message: &Message<'_>, of: &Conversation, from: &Contact) -> Value {
    let (kind, sender_type, sender_id, sender) = match message.author {
        Author::Contact => (0, "Contact", from.id, pushed(from)),
        Author::Agent => (1, "User", 7, agent_pushed()),
    };
    json!({
        "id": message.id, "content": message.text, "account_id": 1, "inbox_id": of.inbox.id,
        "conversation_id": of.display_id, "message_type": kind, "created_at": message.at_ms / 1_000,
        "updated_at": iso(message.at_ms), "private": message.private, "status": "sent", "source_id": null,
        "content_type": content_type(of, message), "content_attributes": {}, "sender_type": sender_type,
        "sender_id": sender_id, "external_source_ids": {}, "additional_attributes": {},
        "processed_message_content": message.text, "sentiment": {}, "sender": sender,
        "conversation": {"assignee_id": null, "unread_count": 1, "last_activity_at": message.at_ms / 1_000,
            "contact_inbox": {"source_id": format!("source-{}", from.id)}},
    })
}

/// `2026-06-17T10:00:30.500Z`
pub fn iso(at_ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms).expect("a time of our era");
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn content_type(of: &Conversation, message: &Message<'_>) -> &'static str {
    let is_mail = of.inbox.channel == "Channel::Email" && message.author == Author::Contact;
    if is_mail { "incoming_email" } else { "text" }
}

fn account() -> Value {
    json!({"id": 1, "name": "Acme Inc"})
}

fn additional(contact: &Contact) -> Value {
    match &contact.company {
        Some(company) => json!({"company_name": company}),
        None => json!({}),
    }
}

fn pushed(contact: &Contact) -> Value {
    json!({
        "additional_attributes": additional(contact), "custom_attributes": {}, "email": contact.email, "id": contact.id,
        "identifier": null, "name": contact.name, "phone_number": contact.phone, "thumbnail": "", "blocked": false,
        "type": "contact",
    })
}

fn agent_pushed() -> Value {
    json!({
        "id": 7, "name": "Ravi Kumar", "available_name": "Ravi Kumar", "avatar_url": "", "type": "user",
        "availability_status": "online", "thumbnail": "",
    })
}

fn channel_attributes(conversation: &Conversation) -> Value {
    match conversation.inbox.channel {
        "Channel::WebWidget" => {
            json!({"browser_language": "en", "referer": "https://www.acme.example/pricing"})
        }
        "Channel::Email" => {
            json!({"source": "email", "mail_subject": "Question about your product"})
        }
        _ => json!({}),
    }
}
