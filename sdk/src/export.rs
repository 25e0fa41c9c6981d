//! A connector as a component: the exports of the contract on one side, the `Connector` trait on the other.

use std::marker::PhantomData;

use crate::bindings::exports::gladhand::connector::connector::Guest;
use crate::bindings::gladhand::connector::types as wit;
use crate::connector::{Check, Connection, Connector};
use crate::event::{Agent, Attachment, Company, Contact, Conversation, Event, EventKind, Message};
use crate::failure::Failure;
use crate::imports::{attributes_in, attributes_out, json};
use crate::outcome::Outcome;

/// What `export_connector!` exports.
pub struct Exported<C>(PhantomData<C>);

impl<C: Connector + Default> Guest for Exported<C> {
    fn describe() -> String {
        C::default().describe().to_json().to_string()
    }

    fn check(connection: wit::Connection) -> Result<Vec<wit::Check>, wit::Failure> {
        C::default()
            .check(&connection_in(connection))
            .map(|checks| checks.into_iter().map(check_out).collect())
            .map_err(failure_out)
    }

    fn discover(connection: wit::Connection, what: String) -> Result<String, wit::Failure> {
        C::default()
            .discover(&connection_in(connection), &what)
            .map(|found| found.to_string())
            .map_err(failure_out)
    }

    fn handle(
        connection: wit::Connection,
        event: wit::Event,
    ) -> Result<wit::Outcome, wit::Failure> {
        C::default()
            .handle(&connection_in(connection), &event_in(event))
            .map(outcome_out)
            .map_err(failure_out)
    }
}

fn connection_in(connection: wit::Connection) -> Connection {
    Connection {
        id: connection.id,
        source: connection.source,
        base_url: connection.base_url,
        settings: json(&connection.settings),
        time_zone: connection.time_zone,
        attributes: attributes_in(connection.attributes),
    }
}

fn event_in(event: wit::Event) -> Event {
    Event {
        id: event.id,
        kind: EventKind::from(event.kind),
        occurred_at: event.occurred_at,
        contact: event.contact.map(contact_in),
        conversation: event.conversation.map(conversation_in),
        messages: event.messages.into_iter().map(message_in).collect(),
        changed: event.changed,
        attributes: attributes_in(event.attributes),
    }
}

fn contact_in(contact: wit::Contact) -> Contact {
    Contact {
        id: contact.id,
        name: contact.name,
        email: contact.email,
        phone: contact.phone,
        identifier: contact.identifier,
        company: contact.company.map(|company| Company {
            name: company.name,
            domain: company.domain,
            attributes: attributes_in(company.attributes),
        }),
        blocked: contact.blocked,
        attributes: attributes_in(contact.attributes),
    }
}

fn conversation_in(conversation: wit::Conversation) -> Conversation {
    Conversation {
        id: conversation.id,
        url: conversation.url,
        inbox_id: conversation.inbox_id,
        inbox_name: conversation.inbox_name,
        channel: conversation.channel,
        status: conversation.status,
        priority: conversation.priority,
        subject: conversation.subject,
        labels: conversation.labels,
        assignee: conversation.assignee.map(|agent| Agent {
            id: agent.id,
            name: agent.name,
            email: agent.email,
            attributes: attributes_in(agent.attributes),
        }),
        team: conversation.team,
        created_at: conversation.created_at,
        updated_at: conversation.updated_at,
        first_reply_at: conversation.first_reply_at,
        attributes: attributes_in(conversation.attributes),
    }
}

fn message_in(message: wit::Message) -> Message {
    Message {
        id: message.id,
        incoming: message.incoming,
        private: message.private,
        author_kind: message.author_kind,
        author_name: message.author_name,
        text: message.text,
        content_type: message.content_type,
        attachments: message
            .attachments
            .into_iter()
            .map(|attachment| Attachment {
                name: attachment.name,
                media_type: attachment.media_type,
                size: attachment.size,
                url: attachment.url,
                attributes: attributes_in(attachment.attributes),
            })
            .collect(),
        created_at: message.created_at,
        attributes: attributes_in(message.attributes),
    }
}

fn outcome_out(outcome: Outcome) -> wit::Outcome {
    match outcome {
        Outcome::Synced { changes } => wit::Outcome::Synced(
            changes
                .into_iter()
                .map(|change| wit::ChangeMade {
                    object: change.object,
                    remote_id: change.remote_id,
                    action: change.action.as_str().to_owned(),
                    url: change.url,
                    attributes: Vec::new(),
                })
                .collect(),
        ),
        Outcome::Skipped { code, reason } => wit::Outcome::Skipped(wit::Skip {
            code: code.as_str().to_owned(),
            reason,
            attributes: Vec::new(),
        }),
    }
}

fn failure_out(failure: Failure) -> wit::Failure {
    wit::Failure {
        kind: failure.kind.as_str().to_owned(),
        message: failure.message,
        provider_code: failure.provider_code,
        retry_after_ms: failure.retry_after_ms,
        fields: failure.fields,
        attributes: attributes_out(&failure.attributes),
    }
}

fn check_out(check: Check) -> wit::Check {
    wit::Check {
        name: check.name,
        state: check.state.as_str().to_owned(),
        severity: check.severity.as_str().to_owned(),
        message: check.message,
        hint: check.hint,
        provisionable: check.provisionable,
        attributes: Vec::new(),
    }
}
