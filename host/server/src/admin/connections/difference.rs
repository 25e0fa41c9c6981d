//! What is different about a connection after a change, for the audit log: of settings and credentials only the names.

use std::collections::BTreeSet;

use gladhand_core::connection::Connection;
use serde_json::{Value, json};

use super::policy::PolicyView;

/// A connection with what is its account's.
#[derive(Clone, Copy)]
pub struct State<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// Attempts at once, over all connections of the account.
    pub concurrency: u32,
}

/// What is different; `credentials` are those that were given anew.
pub fn difference(was: State<'_>, is: State<'_>, credentials: &[&str]) -> String {
    let facts = facts(was).into_iter().zip(facts(is));
    let facts = facts
        .filter(|((_, was), (_, is))| was != is)
        .map(|((key, was), (_, is))| format!("{key} from {was} to {is}"));
    let settings = settings(&was.connection.settings, &is.connection.settings);
    let settings = settings.into_iter().map(|name| format!("setting `{name}`"));
    let credentials = credentials
        .iter()
        .map(|name| format!("credential `{name}`"));
    let parts: Vec<String> = facts.chain(settings).chain(credentials).collect();
    if parts.is_empty() {
        "nothing is different".to_owned()
    } else {
        parts.join(", ")
    }
}

/// By the keys that a configuration has for them.
fn facts(state: State<'_>) -> [(&'static str, Value); 8] {
    let connection = state.connection;
    let policy = PolicyView::of(&connection.policy);
    [
        ("mode", json!(connection.mode)),
        ("inboxes", json!(connection.inboxes)),
        ("time_zone", json!(connection.time_zone)),
        ("concurrency", json!(state.concurrency)),
        ("on_dead", json!(policy.on_dead)),
        ("retry_from_secs", json!(policy.retry_from_secs)),
        ("retry_to_secs", json!(policy.retry_to_secs)),
        ("retry_for_secs", json!(policy.retry_for_secs)),
    ]
}

/// The names of those that one of the two has and the other has not, or has otherwise.
fn settings<'s>(was: &'s Value, is: &'s Value) -> Vec<&'s str> {
    let objects = [was, is].into_iter().filter_map(Value::as_object);
    let names: BTreeSet<&str> = objects
        .flat_map(|fields| fields.keys().map(String::as_str))
        .collect();
    names
        .into_iter()
        .filter(|name| was.get(name) != is.get(name))
        .collect()
}
