//! The body of a person: made, filled in or changed. Pure.
//!
//! A PUT wipes the owner, the organisation's part of the unique key and boolean attributes that it does not name, so
//! every body names them all.

use serde_json::{Map, Value, json};

use crate::mapping::{self, Wanted};
use crate::model::Entry;

/// What this contact last wrote, kept with its link: a changed address then replaces the old one and no other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// As stored: of a contact with a number only, the one that leads nowhere.
    pub email: Option<String>,
    pub phone: Option<String>,
    /// By name.
    pub organization: Option<String>,
}

impl Written {
    /// What a person is written from.
    pub fn of(wanted: &Wanted) -> Self {
        Self {
            email: wanted.email_to_store(),
            phone: wanted.phone.clone(),
            organization: wanted.organization.clone(),
        }
    }

    /// From a link.
    pub fn read(attributes: &Map<String, Value>) -> Self {
        let text = |name| {
            let value = attributes.get(name).and_then(Value::as_str);
            value.map(str::to_owned)
        };
        Self {
            email: text("email"),
            phone: text("phone"),
            organization: text("organization"),
        }
    }

    /// What the person could be found by.
    pub fn identities(&self) -> Vec<String> {
        let email = self.email.iter();
        let email = email.filter(|email| !mapping::is_stand_in(email));
        let email = email.map(|email| format!("email:{email}"));
        let phone = self.phone.iter().map(|phone| format!("phone:{phone}"));
        email.chain(phone).collect()
    }

    /// For a link.
    pub fn attributes(self) -> Map<String, Value> {
        [
            ("email", self.email),
            ("phone", self.phone),
            ("organization", self.organization),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
        .collect()
    }
}

/// The body of a new person.
pub fn create(wanted: &Wanted, organization: Option<&str>) -> Value {
    let emails: Vec<Entry> = wanted
        .email_to_store()
        .iter()
        .map(|email| Entry::new(email))
        .collect();
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(wanted.display_name()));
    body.insert("emails".to_owned(), json!(emails));
    body.insert(
        "contact_numbers".to_owned(),
        phones(
            wanted
                .phone
                .as_deref()
                .map(Entry::new)
                .into_iter()
                .collect(),
        ),
    );
    if let Some(organization) = organization {
        body.insert("organization_id".to_owned(), number(organization));
    }
    body.extend(wanted.fields.clone());
    Value::Object(body)
}

/// The body that makes `current` say what the contact says.
pub fn update(
    current: &Value,
    wanted: &Wanted,
    written: &Written,
    organization: Option<&str>,
) -> Map<String, Value> {
    let mut body = whole(current);
    if let Some(name) = &wanted.name {
        body.insert("name".to_owned(), json!(name));
    }
    // An address or number that the contact lost stays: Krayin demands one, and it may be all that people have.
    let mut emails = entries(&current["emails"]);
    if let Some(email) = wanted.email_to_store() {
        let is_stand_in = wanted.email.is_none();
        if !is_stand_in || emails.is_empty() {
            replace(&mut emails, written.email.as_deref(), &email);
        }
    }
    drop_stand_ins(&mut emails, wanted);
    let mut numbers = entries(&current["contact_numbers"]);
    if let Some(phone) = &wanted.phone {
        replace(&mut numbers, written.phone.as_deref(), phone);
    }
    body.insert("emails".to_owned(), json!(emails));
    body.insert("contact_numbers".to_owned(), phones(numbers));
    if let Some(organization) = organization {
        body.insert("organization_id".to_owned(), number(organization));
    }
    body.extend(wanted.fields.clone());
    body
}

/// The body that adds to `current` what it lacks, behind what it has.
pub fn adopt(current: &Value, wanted: &Wanted, organization: Option<&str>) -> Map<String, Value> {
    let mut body = whole(current);
    if is_blank(&current["name"]) {
        body.insert("name".to_owned(), json!(wanted.display_name()));
    }
    let mut emails = entries(&current["emails"]);
    let email = wanted
        .email
        .clone()
        .or_else(|| wanted.email_to_store().filter(|_| emails.is_empty()));
    add(&mut emails, email.as_deref());
    drop_stand_ins(&mut emails, wanted);
    let mut numbers = entries(&current["contact_numbers"]);
    add(&mut numbers, wanted.phone.as_deref());
    body.insert("emails".to_owned(), json!(emails));
    body.insert("contact_numbers".to_owned(), phones(numbers));
    if let Some(organization) = organization {
        body.insert("organization_id".to_owned(), number(organization));
    }
    for (field, value) in &wanted.fields {
        if is_blank(&current[field]) {
            body.insert(field.clone(), value.clone());
        }
    }
    body
}

/// Whether the person has the address that was written.
pub fn has_email(current: &Value, written: &Written) -> bool {
    let emails = entries(&current["emails"]);
    let email = written.email.as_deref();
    email.is_some_and(|email| emails.iter().any(|entry| is(entry, email)))
}

/// Takes back what the body says about phone numbers.
pub fn keep_phones(current: &Value, body: &mut Map<String, Value>) {
    let numbers = phones(entries(&current["contact_numbers"]));
    body.insert("contact_numbers".to_owned(), numbers);
}

/// Whether a PUT of `body` would change nothing.
pub fn is_unchanged(current: &Value, body: &Map<String, Value>) -> bool {
    body.iter().all(|(field, value)| match field.as_str() {
        "emails" => *value == json!(entries(&current["emails"])),
        "contact_numbers" => *value == phones(entries(&current["contact_numbers"])),
        field => *value == current[field] || (value.is_null() && is_blank(&current[field])),
    })
}

/// What every PUT must name, as it is.
fn whole(current: &Value) -> Map<String, Value> {
    let mut body = Map::new();
    let fields = current.as_object().into_iter().flatten();
    for (field, value) in fields {
        let is_kept = match field.as_str() {
            "name" => true,
            "user_id" | "organization_id" => !value.is_null(),
            // Booleans that are not named fall back to 0. They come as flags or as 0 and 1.
            "id" | "emails" | "contact_numbers" => false,
            _ => value.is_boolean() || *value == 0 || *value == 1,
        };
        if is_kept {
            body.insert(field.clone(), value.clone());
        }
    }
    body
}

/// The entries that hold something.
fn entries(list: &Value) -> Vec<Entry> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|entry| serde_json::from_value(entry.clone()).ok())
        .filter(|entry: &Entry| !entry.value.trim().is_empty())
        .collect()
}

/// Krayin demands the key and one entry, even of a person without a number.
fn phones(mut numbers: Vec<Entry>) -> Value {
    if numbers.is_empty() {
        numbers.push(Entry::new(""));
    }
    json!(numbers)
}

/// Puts `new` where `old` was, first where `old` is not there.
fn replace(entries: &mut Vec<Entry>, old: Option<&str>, new: &str) {
    if entries.iter().any(|entry| is(entry, new)) {
        // Krayin refuses a value twice; what the new one replaces goes all the same.
        entries.retain(|entry| is(entry, new) || !old.is_some_and(|old| is(entry, old)));
        return;
    }
    let replaced = old.and_then(|old| entries.iter_mut().find(|entry| is(entry, old)));
    match replaced {
        Some(entry) => new.clone_into(&mut entry.value),
        None => entries.insert(0, Entry::new(new)),
    }
}

fn add(entries: &mut Vec<Entry>, new: Option<&str>) {
    if let Some(new) = new
        && !entries.iter().any(|entry| is(entry, new))
    {
        entries.push(Entry::new(new));
    }
}

/// An address that leads nowhere goes once there is a real one, whichever number it was made of.
fn drop_stand_ins(emails: &mut Vec<Entry>, wanted: &Wanted) {
    if wanted.email.is_some() {
        emails.retain(|entry| !mapping::is_stand_in(&entry.value));
    }
}

fn is(entry: &Entry, value: &str) -> bool {
    entry.value.trim().to_lowercase() == value.to_lowercase()
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Krayin's ids are numbers.
pub fn number(id: &str) -> Value {
    id.parse::<u64>()
        .map_or_else(|_| Value::String(id.to_owned()), Value::from)
}
