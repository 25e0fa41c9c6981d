//! From the domain's types to the contract's. Nothing can go wrong: the domain says less than the contract can hold.

use std::time::Duration;

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Timestamp;
use gladhand_core::event::{Agent, Attachment, Company, Contact, Conversation, Event, Message};
use gladhand_egress::Response;
use serde_json::Value;

use crate::bindings::gladhand::connector::{http, links, types};
use crate::call::Call;

/// What a connector is told of the connection that it serves.
pub fn connection(call: &Call) -> types::Connection {
    types::Connection {
        id: call.connection.id.to_string(),
        source: call.source.external_prefix().to_owned(),
        base_url: call.target.account().base_url.clone(),
        settings: json(&call.connection.settings),
        time_zone: call.connection.time_zone.clone(),
        attributes: Vec::new(),
    }
}

/// One thing that happened.
pub fn event(event: &Event) -> types::Event {
    types::Event {
        id: event.id.clone(),
        kind: event.kind.as_str().to_owned(),
        occurred_at: timestamp(event.occurred_at),
        contact: event.contact.as_ref().map(contact),
        conversation: event.conversation.as_ref().map(conversation),
        messages: event.messages.iter().map(message).collect(),
        changed: event.changed.clone(),
        attributes: attributes(&event.attributes),
    }
}

/// An HTTP answer.
pub fn response(response: Response) -> http::Response {
    http::Response {
        status: response.status,
        headers: response.headers,
        body: response.body,
        replayed: response.is_replayed,
        attributes: Vec::new(),
    }
}

/// One side of a link.
pub fn entity(entity: Entity) -> links::Entity {
    links::Entity {
        kind: entity.kind,
        id: entity.id,
    }
}

/// Which record an entity is.
pub fn link(link: Link) -> links::Link {
    links::Link {
        object: link.object,
        remote_id: link.remote_id,
        digest: link.digest,
        revision: link.revision,
        url: link.url,
        attributes: attributes(&link.attributes),
    }
}

/// Named values.
pub fn attributes<K: AsRef<str>, V: std::borrow::Borrow<Value>>(
    attributes: impl IntoIterator<Item = (K, V)>,
) -> Vec<types::Attribute> {
    attributes
        .into_iter()
        .map(|(key, value)| types::Attribute {
            key: key.as_ref().to_owned(),
            value: json(value.borrow()),
        })
        .collect()
}

/// JSON text.
pub fn json(value: &Value) -> String {
    value.to_string()
}

/// Milliseconds since the Unix epoch; what lies before it is it.
pub fn timestamp(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}

/// Whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn contact(contact: &Contact) -> types::Contact {
    types::Contact {
        id: contact.id.clone(),
        name: contact.name.clone(),
        email: contact.email.clone(),
        phone: contact.phone.clone(),
        identifier: contact.identifier.clone(),
        company: contact.company.as_ref().map(company),
        blocked: contact.blocked,
        attributes: attributes(&contact.attributes),
    }
}

fn company(company: &Company) -> types::Company {
    types::Company {
        name: company.name.clone(),
        domain: company.domain.clone(),
        attributes: attributes(&company.attributes),
    }
}

fn agent(agent: &Agent) -> types::Agent {
    types::Agent {
        id: agent.id.clone(),
        name: agent.name.clone(),
        email: agent.email.clone(),
        attributes: attributes(&agent.attributes),
    }
}

fn conversation(conversation: &Conversation) -> types::Conversation {
    types::Conversation {
        id: conversation.id.clone(),
        url: conversation.url.clone(),
        inbox_id: conversation.inbox_id.clone(),
        inbox_name: conversation.inbox_name.clone(),
        channel: conversation.channel.clone(),
        status: conversation.status.clone(),
        priority: conversation.priority.clone(),
        subject: conversation.subject.clone(),
        labels: conversation.labels.clone(),
        assignee: conversation.assignee.as_ref().map(agent),
        team: conversation.team.clone(),
        created_at: timestamp(conversation.created_at),
        updated_at: timestamp(conversation.updated_at),
        first_reply_at: conversation.first_reply_at.map(timestamp),
        attributes: attributes(&conversation.attributes),
    }
}

fn message(message: &Message) -> types::Message {
    types::Message {
        id: message.id.clone(),
        incoming: message.incoming,
        private: message.private,
        author_kind: message.author_kind.clone(),
        author_name: message.author_name.clone(),
        text: message.text.clone(),
        content_type: message.content_type.clone(),
        attachments: message.attachments.iter().map(attachment).collect(),
        created_at: timestamp(message.created_at),
        attributes: attributes(&message.attributes),
    }
}

fn attachment(attachment: &Attachment) -> types::Attachment {
    types::Attachment {
        name: attachment.name.clone(),
        media_type: attachment.media_type.clone(),
        size: attachment.size,
        url: attachment.url.clone(),
        attributes: attributes(&attachment.attributes),
    }
}
