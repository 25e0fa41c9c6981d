//! Conversations, and the events about them.

use gladhand_core::event::{Agent, Contact, Conversation, Message};
use gladhand_core::intake::{Reading, Snapshot, Subject};
use serde_json::{Map, Value};

use super::changed::{self, SUBJECT};
use super::{Context, Understood, attributes, contact::contact_of, filled, message};
use crate::payload::{self, Body, Envelope, Error, Id, Inbox, Moment, Object};

/// Reads an event about a conversation.
pub(super) fn read(context: &Context, name: &str, body: &Body) -> Result<Understood, Error> {
    let envelope: Envelope = body.view()?;
    let account = envelope.account.and_then(|account| account.id);
    let parts = parts(context, body.view()?, account, None)?;
    let version = parts.version.map(|version| version.0);
    // One change is told as several events with one `updated_at`; each is kept, and the difference to what is known
    // makes one transition of them.
    let semantic_key = version.map(|version| format!("{name}/{}/{version}", parts.conversation.id));
    let snapshot = Snapshot {
        subject: Subject::Conversation,
        contact: parts.contact,
        messages: parts.messages,
        changed: changed::of_conversation(&envelope.changed_attributes),
        occurred_at: Some(parts.conversation.updated_at),
        version,
        conversation_version: version,
        conversation: Some(parts.conversation),
    };
    Ok((semantic_key, Reading::Snapshot(Box::new(snapshot))))
}

/// What a conversation's payload holds.
pub(super) struct Parts {
    pub(super) conversation: Conversation,
    pub(super) contact: Option<Contact>,
    pub(super) messages: Vec<Message>,
    /// None before 4.0.2. Other times do not move with every change, so two states would look like one.
    pub(super) version: Option<Moment>,
}

/// Takes a conversation's payload apart; `account` is the event's, and only a message's event names the inbox.
pub(super) fn parts(
    context: &Context,
    conversation: payload::Conversation,
    account: Option<Id>,
    inbox: Option<Inbox>,
) -> Result<Parts, Error> {
    // Before 4.14.2 only the last message says whose conversation it is.
    let account = account.or_else(|| conversation.messages.first()?.account_id.clone());
    context.expect_account(account.as_ref())?;
    let (inbox_id, inbox_name) = inbox
        .map(|inbox| (inbox.id, inbox.name))
        .unwrap_or_default();
    let meta = conversation.meta;
    let (sender, assignee, team) = meta
        .map(|meta| (meta.sender, meta.assignee, meta.team))
        .unwrap_or_default();
    let address = conversation.contact_inbox;
    let (owner, address_inbox, source_id) = address
        .map(|row| (row.contact, row.inbox, row.address))
        .unwrap_or_default();

    let id = conversation.id.ok_or(Error::Missing {
        field: "conversation id",
    })?;
    let version = conversation.updated_at;
    let last_known = version.or(conversation.last_activity_at);
    let created_at = conversation
        .created_at
        .or(last_known)
        .ok_or(Error::Missing {
            field: "created_at",
        })?;
    let channel = channel(
        conversation.channel.as_deref(),
        &conversation.additional_attributes,
        source_id.as_deref(),
    );
    let subject = conversation
        .additional_attributes
        .get(SUBJECT)
        .and_then(Value::as_str)
        .map(str::to_owned);
    let messages = conversation
        .messages
        .into_iter()
        .filter_map(message::last_of)
        .collect();
    Ok(Parts {
        contact: contact(sender, owner),
        messages,
        version,
        conversation: Conversation {
            url: url(context, account.as_ref(), &id),
            id: id.0,
            inbox_id: conversation
                .inbox_id
                .or(inbox_id)
                .or(address_inbox)
                .ok_or(Error::Missing { field: "inbox_id" })?
                .0,
            inbox_name: filled(inbox_name),
            channel: channel.to_owned(),
            status: filled(conversation.status).ok_or(Error::Missing { field: "status" })?,
            priority: filled(conversation.priority),
            subject: filled(subject),
            labels: conversation.labels,
            assignee: assignee.and_then(agent),
            team: team.and_then(|team| filled(team.name)),
            created_at: created_at.timestamp(),
            updated_at: last_known.unwrap_or(created_at).timestamp(),
            first_reply_at: conversation.first_reply_created_at.map(Moment::timestamp),
            attributes: attributes(
                conversation.custom_attributes,
                conversation.additional_attributes,
                &[SUBJECT],
            ),
        },
    })
}

/// The sender; a payload without one still says whose the conversation is.
fn contact(sender: Option<payload::Contact>, owner: Option<Id>) -> Option<Contact> {
    let sender = sender.unwrap_or_default();
    let id = sender.id.clone().or(owner)?;
    Some(contact_of(id, sender))
}

fn agent(agent: payload::Agent) -> Option<Agent> {
    let is_bot = agent.kind.as_deref() == Some("agent_bot");
    let kind = if is_bot { "bot" } else { "agent" };
    Some(Agent {
        id: agent.id?.0,
        name: filled(agent.available_name)
            .or(filled(agent.name))
            .unwrap_or_default(),
        email: filled(agent.email),
        attributes: Map::from_iter([("kind".to_owned(), kind.into())]),
    })
}

fn url(context: &Context, account: Option<&Id>, conversation: &Id) -> Option<String> {
    let base = context.base_url.as_deref()?.trim_end_matches('/');
    let account = context
        .account_id
        .map(|id| id.to_string())
        .or(account.map(|id| id.0.clone()))?;
    Some(format!(
        "{base}/app/accounts/{account}/conversations/{}",
        conversation.0
    ))
}

/// The domain's word for a channel. Two are told by more than their class: WhatsApp by way of Twilio, and Instagram by
/// way of a Facebook page.
fn channel(class: Option<&str>, additional: &Object, source_id: Option<&str>) -> &'static str {
    let is_whatsapp = source_id.is_some_and(|address| address.starts_with("whatsapp:"));
    let is_instagram =
        additional.get("type").and_then(Value::as_str) == Some("instagram_direct_message");
    match class.unwrap_or_default().trim_start_matches("Channel::") {
        "WebWidget" => "web-widget",
        "Email" => "email",
        "Whatsapp" => "whatsapp",
        "TwilioSms" if is_whatsapp => "whatsapp",
        "TwilioSms" | "Sms" => "sms",
        "Api" => "api",
        "Telegram" => "telegram",
        "FacebookPage" if is_instagram => "instagram",
        "FacebookPage" => "facebook",
        "Instagram" => "instagram",
        "Line" => "line",
        "Tiktok" => "tiktok",
        "TwitterProfile" => "twitter",
        _ => "other",
    }
}
