//! From the contract's words to Krayin's fields. Pure but for the host's mapping rules and text helpers.

use gladhand_sdk::{
    Connection, Contact, Conversation, Failure, FailureKind, Message, clock, digest, log, mapping,
    text,
};
use serde_json::{Map, Value, json};

use crate::settings::Settings;

/// Krayin cuts titles and names off here, silently.
const TITLE_BYTES: u32 = 255;

/// A comment holds 65,535 bytes, and escaping makes a byte six at most.
const COMMENT_BYTES: u32 = 10_000;

/// Of the address of a contact that only has a number: the digits are between them.
const STAND_IN: (&str, &str) = ("phone-", "@chatwoot.invalid");

/// What a contact comes to in Krayin.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Not blank.
    pub name: Option<String>,
    /// Lower case, because Krayin compares by bytes.
    pub email: Option<String>,
    /// E.164, because Krayin compares by bytes.
    pub phone: Option<String>,
    /// Where the settings want organisations.
    pub organization: Option<String>,
    /// What the mapping rules for `person` gave.
    pub fields: Map<String, Value>,
}

impl Wanted {
    /// What `contact` comes to.
    pub fn new(
        connection: &Connection,
        settings: &Settings,
        contact: &Contact,
    ) -> Result<Self, Failure> {
        let phone = filled(contact.phone.as_deref()).and_then(|phone| {
            let number = text::e164(phone, settings.default_country.as_deref());
            number.or_else(|| {
                log::warn(
                    "the contact's phone number is not valid and is kept as it is",
                    &[],
                );
                phone
                    .contains(|c: char| c.is_ascii_digit())
                    .then(|| phone.to_owned())
            })
        });
        let company = contact.company.as_ref();
        Ok(Self {
            name: filled(contact.name.as_deref()).map(|name| cut(name, TITLE_BYTES)),
            email: filled(contact.email.as_deref()).map(str::to_lowercase),
            phone,
            organization: company
                .filter(|_| settings.sync_to_organization)
                .and_then(|company| filled(Some(&company.name)))
                .map(|name| cut(name, TITLE_BYTES)),
            fields: person_fields(connection, contact)?,
        })
    }

    /// What a person can be found by: `email:…`, `phone:…`.
    pub fn identities(&self) -> Vec<String> {
        let email = self.email.iter().map(|email| format!("email:{email}"));
        let phone = self.phone.iter().map(|phone| format!("phone:{phone}"));
        email.chain(phone).collect()
    }

    /// The address to store: Krayin demands one, so a contact that only has a number gets one that leads nowhere.
    pub fn email_to_store(&self) -> Option<String> {
        self.email.clone().or_else(|| {
            let phone = self.phone.as_deref()?;
            let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
            let (start, end) = STAND_IN;
            Some(format!("{start}{digits}{end}"))
        })
    }

    /// What to call the person.
    pub fn display_name(&self) -> String {
        [&self.name, &self.email, &self.phone]
            .into_iter()
            .flatten()
            .next()
            .cloned()
            .unwrap_or_else(|| "Chatwoot contact".to_owned())
    }

    /// Of all that a person is written from.
    pub fn digest(&self) -> String {
        digest(&json!([
            self.name,
            self.email,
            self.phone,
            self.organization,
            self.fields
        ]))
    }
}

/// Whether an address is one that leads nowhere.
pub fn is_stand_in(email: &str) -> bool {
    let (start, end) = STAND_IN;
    email.starts_with(start) && email.ends_with(end)
}

/// Fields of a person that rules must not write, because they say who the person is.
const OWN_FIELDS: [&str; 5] = [
    "id",
    "emails",
    "contact_numbers",
    "organization_id",
    "organization_name",
];

fn person_fields(
    connection: &Connection,
    contact: &Contact,
) -> Result<Map<String, Value>, Failure> {
    let fields = mapping::fields("person", &source(connection, contact))?;
    match OWN_FIELDS.iter().find(|field| fields.contains_key(**field)) {
        Some(field) => Err(Failure::new(
            FailureKind::Configuration,
            format!(
                "a mapping rule for person writes `{field}`, which the connector writes itself: remove the rule"
            ),
        )),
        None => Ok(fields),
    }
}

/// What the rules for `lead` give.
pub fn lead_fields(
    connection: &Connection,
    contact: &Contact,
) -> Result<Map<String, Value>, Failure> {
    mapping::fields("lead", &source(connection, contact))
}

/// What mapping rules read from: the contact, and its id as other systems should know it.
fn source(connection: &Connection, contact: &Contact) -> Value {
    let mut source = json!(contact);
    source["external_id"] = json!(connection.external_id(&contact.id));
    source
}

/// What an activity says and how it is found again.
#[derive(Debug, Clone)]
pub struct Note {
    /// Unique over every source, and without a comma: Krayin's filter splits values at commas.
    pub title: String,
    /// HTML.
    pub comment: String,
    /// note, email or call.
    pub kind: &'static str,
    /// Local time of the CRM; absent on notes.
    pub at: Option<String>,
}

impl Note {
    /// Whether it can be open and done; a note is born done.
    pub fn can_be_done(&self) -> bool {
        self.kind != "note"
    }

    /// Of a whole conversation.
    pub fn of_conversation(connection: &Connection, conversation: &Conversation) -> Self {
        let kind = match conversation.channel.as_str() {
            "email" => "email",
            "sms" | "whatsapp" => "call",
            _ => "note",
        };
        let zone = connection.time_zone.as_deref().unwrap_or("UTC");
        let mut lines = vec![format!("Channel: {}", conversation.channel)];
        let facts = [
            ("Inbox", &conversation.inbox_name),
            ("Subject", &conversation.subject),
            ("Priority", &conversation.priority),
            ("Team", &conversation.team),
            ("Link", &conversation.url),
        ];
        for (name, value) in facts {
            lines.extend(filled(value.as_deref()).map(|value| format!("{name}: {value}")));
        }
        if !conversation.labels.is_empty() {
            lines.push(format!("Labels: {}", conversation.labels.join(", ")));
        }
        Self {
            title: title(connection, "conversation", &conversation.id),
            comment: html(&lines.join("\n")),
            kind,
            at: (kind != "note").then(|| clock::local(conversation.created_at, zone)),
        }
    }

    /// Of one message; `None` where it says nothing.
    pub fn of_message(connection: &Connection, message: &Message) -> Option<Self> {
        let mut lines: Vec<String> = filled(Some(&message.text))
            .map(str::to_owned)
            .into_iter()
            .collect();
        for attachment in &message.attachments {
            let name = attachment.name.as_deref().unwrap_or("attachment");
            let url = attachment.url.as_deref().unwrap_or("without an address");
            lines.push(format!("{name}: {url}"));
        }
        if lines.is_empty() {
            return None;
        }
        let author = message
            .author_name
            .as_deref()
            .unwrap_or(&message.author_kind);
        Some(Self {
            title: title(connection, "message", &message.id),
            comment: html(&format!("{author}:\n{}", lines.join("\n"))),
            kind: "note",
            at: None,
        })
    }
}

/// `Chatwoot conversation #7 (support)`.
fn title(connection: &Connection, what: &str, id: &str) -> String {
    let title = format!("Chatwoot {what} #{id} ({})", connection.source);
    cut(&title.replace(',', " "), TITLE_BYTES)
}

/// Krayin shows comments as HTML: what a visitor wrote must show as itself.
fn html(plain: &str) -> String {
    text::escape_html(&cut(plain, COMMENT_BYTES)).replace('\n', "<br>")
}

fn cut(value: &str, limit: u32) -> String {
    text::truncate_bytes(value, limit)
}

fn filled(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}
