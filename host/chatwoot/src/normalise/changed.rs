//! The names of changed fields as the domain knows the fields: the same words as in the contact or conversation itself.
//!
//! A column without a counterpart keeps its own name; bookkeeping is left out.

use serde_json::{Map, Value};

use crate::payload::{Change, Changes};

/// Where Chatwoot keeps a contact's company.
pub(super) const COMPANY: &str = "company_name";
/// Where Chatwoot keeps an e-mail conversation's subject.
pub(super) const SUBJECT: &str = "mail_subject";

/// What changed of a contact.
pub(super) fn of_contact(changes: &Changes) -> Vec<String> {
    names(changes, |column, change| match column {
        "updated_at" | "last_activity_at" | "cached_label_list" | "label_list" => Vec::new(),
        "phone_number" => vec!["phone".into()],
        "custom_attributes" => different_keys(change).collect(),
        "additional_attributes" => additional(change, COMPANY, "company"),
        _ => vec![column.into()],
    })
}

/// What changed of a conversation.
pub(super) fn of_conversation(changes: &Changes) -> Vec<String> {
    names(changes, |column, change| match column {
        "updated_at"
        | "last_activity_at"
        | "waiting_since"
        | "agent_last_seen_at"
        | "contact_last_seen_at"
        | "assignee_last_seen_at" => Vec::new(),
        // Chatwoot fills the cache with "" the first time it saves; nobody set a label.
        "cached_label_list" | "label_list"
            if is_blank(&change.previous_value) && is_blank(&change.current_value) =>
        {
            Vec::new()
        }
        "cached_label_list" | "label_list" => vec!["labels".into()],
        "assignee_id" | "assignee_agent_bot_id" => vec!["assignee".into()],
        "team_id" => vec!["team".into()],
        "first_reply_created_at" => vec!["first_reply_at".into()],
        "custom_attributes" => different_keys(change).collect(),
        "additional_attributes" => additional(change, SUBJECT, "subject"),
        _ => vec![column.into()],
    })
}

fn names(changes: &Changes, translate: impl Fn(&str, &Change) -> Vec<String>) -> Vec<String> {
    let mut names = Vec::new();
    for name in changes
        .iter()
        .flat_map(|(column, change)| translate(column, change))
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn additional(change: &Change, column: &str, name: &str) -> Vec<String> {
    different_keys(change)
        .map(|key| {
            if key == column {
                name.into()
            } else {
                format!("additional.{key}")
            }
        })
        .collect()
}

/// The keys of a hash, told whole before and after, whose values differ.
fn different_keys(change: &Change) -> impl Iterator<Item = String> {
    let empty = Map::new();
    let before = change.previous_value.as_object().unwrap_or(&empty);
    let after = change.current_value.as_object().unwrap_or(&empty);
    let new = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value));
    let gone = before.iter().filter(|(key, _)| !after.contains_key(*key));
    let keys: Vec<String> = new.chain(gone).map(|(key, _)| key.clone()).collect();
    keys.into_iter()
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
