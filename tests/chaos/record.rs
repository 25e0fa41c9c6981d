//! How people are named, so that a record of the CRM, or a request to it, tells whom it is about and how new it is.

use std::collections::HashMap;

use gladhand_tests::krayin::Snapshot;
use gladhand_tests::seen::Seen;
use serde_json::Value;

/// Where leads go when a conversation begins.
pub const STAGE_OPENED: u64 = 2;
/// Where leads go when an agent answers.
pub const STAGE_ANSWERED: u64 = 3;
/// Where leads go when a conversation is resolved; still an open one, so that a person keeps one lead.
pub const STAGE_RESOLVED: u64 = 4;

/// The connector's settings that go with it.
pub const SETTINGS: &str = "sync_messages = true\nstage_progression_enabled = true\nstage_on_conversation_created = 2\n\
     stage_on_first_response = 3\nstage_on_conversation_resolved = 4\n";

/// What begins every name and address, before five digits.
const MARK: &str = "chaos-";

/// `chaos-00012 v3`
pub fn name(contact: i64, version: u32) -> String {
    format!("{MARK}{contact:05} v{version}")
}

/// An address that leads nowhere.
pub fn email(contact: i64) -> String {
    format!("{MARK}{contact:05}@example.com")
}

/// The number in a name.
pub fn version(name: &str) -> Option<u32> {
    let (_, number) = name.split_once(" v")?;
    number.parse().ok()
}

/// The contact that a text names first.
pub fn contact(text: &str) -> Option<i64> {
    digits(text, MARK)
}

/// The message that the title of an activity names.
pub fn message(title: &str) -> Option<i64> {
    digits(title, "Chatwoot message #")
}

fn digits(text: &str, mark: &str) -> Option<i64> {
    let (_, rest) = text.split_once(mark)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Who is behind the ids of the CRM.
pub struct Index {
    persons: HashMap<u64, i64>,
    leads: HashMap<u64, i64>,
    activities: HashMap<u64, i64>,
    titles: HashMap<String, i64>,
}

impl Index {
    /// Of everything that the CRM holds.
    pub fn of(crm: &Snapshot) -> Self {
        let person =
            |row: &Value| Some((row["id"].as_u64()?, contact(&row["emails"].to_string())?));
        let persons: HashMap<_, _> = crm.persons.iter().filter_map(person).collect();
        let lead = |row: &Value| {
            Some((
                row["id"].as_u64()?,
                *persons.get(&row["person_id"].as_u64()?)?,
            ))
        };
        let leads: HashMap<_, _> = crm.leads.iter().filter_map(lead).collect();
        let owner = |row: &Value| {
            let lead = row["lead_ids"][0].as_u64().and_then(|id| leads.get(&id));
            let person = || persons.get(&row["person_ids"][0].as_u64()?);
            lead.or_else(person).copied()
        };
        let activity = |row: &Value| Some((row["id"].as_u64()?, owner(row)?));
        let title = |row: &Value| Some((row["title"].as_str()?.to_owned(), owner(row)?));
        Self {
            activities: crm.activities.iter().filter_map(activity).collect(),
            titles: crm.activities.iter().filter_map(title).collect(),
            persons,
            leads,
        }
    }

    /// The contact of a lead's or an activity's row.
    pub fn of_lead(&self, id: u64) -> Option<i64> {
        self.leads.get(&id).copied()
    }

    /// The contact of an activity.
    pub fn of_activity(&self, id: u64) -> Option<i64> {
        self.activities.get(&id).copied()
    }

    /// Whom a request is about; none for what is about nobody, such as the list of pipelines.
    pub fn of_request(&self, seen: &Seen) -> Option<i64> {
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        let asked: HashMap<String, String> = form_urlencoded::parse(seen.query.as_bytes())
            .into_owned()
            .collect();
        let said = body.to_string();
        let named = contact(&said).or_else(|| asked.values().find_map(|value| contact(value)));
        let titled = || {
            let title = body["title"]
                .as_str()
                .or_else(|| asked.get("title").map(String::as_str))?;
            self.titles.get(title).copied()
        };
        let id = || seen.path.rsplit('/').next()?.parse::<u64>().ok();
        let by_path = || match seen.path.trim_start_matches("/api/v1/") {
            path if path.starts_with("contacts/persons/") => self.persons.get(&id()?).copied(),
            path if path.starts_with("leads/") => self.of_lead(id()?),
            path if path.starts_with("activities/") => self.of_activity(id()?),
            path if path.ends_with("/lookup-entity/persons") => self
                .persons
                .get(&asked.get("query")?.parse().ok()?)
                .copied(),
            _ => self
                .persons
                .get(&asked.get("person_id")?.parse().ok()?)
                .copied(),
        };
        named.or_else(titled).or_else(by_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_titles_tell_whom_they_are_about() {
        assert_eq!(contact(&name(12, 3)), Some(12));
        assert_eq!(version(&name(12, 3)), Some(3));
        assert_eq!(contact(&email(207)), Some(207));
        assert_eq!(message("Chatwoot message #9031 (support)"), Some(9_031));
        assert_eq!(message("Chatwoot conversation #51 (support)"), None);
        assert_eq!((contact("Company 3"), version("Anna")), (None, None));
    }
}
