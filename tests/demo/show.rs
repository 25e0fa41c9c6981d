//! What the stranger sees: what was sent, what arrived, and a table in the end.

use std::collections::BTreeMap;

use chrono::DateTime;
use gladhand_tests::chatwoot::Webhook;
use gladhand_tests::chatwoot::day::Expected;
use gladhand_tests::krayin::{Krayin, Snapshot};
use serde_json::Value;

/// Prints a line.
#[expect(
    clippy::disallowed_macros,
    reason = "the demonstration is what it prints"
)]
pub fn line(text: &str) {
    println!("{text}");
}

/// What was shown so far.
pub struct Show<'a> {
    crm: &'a Krayin,
    seen: Snapshot,
    stages: BTreeMap<u64, u64>,
}

impl<'a> Show<'a> {
    /// Nothing yet.
    pub fn new(crm: &'a Krayin) -> Self {
        Self {
            crm,
            seen: crm.snapshot(),
            stages: BTreeMap::new(),
        }
    }

    /// Shows what was sent, where it says something.
    pub fn sent(webhook: &Webhook) {
        let body = &webhook.body;
        let what = match webhook.event.as_str() {
            "contact_created" => format!("{} appears", text(&body["name"])),
            "contact_updated" if body["changed_attributes"].to_string().contains("\"email\"") => {
                format!(
                    "{} leaves an address: {}",
                    text(&body["name"]),
                    text(&body["email"])
                )
            }
            "message_created" if body["private"] == true => "a private note".to_owned(),
            "message_created" => format!(
                "{}: {}",
                text(&body["sender"]["name"]),
                text(&body["content"])
            ),
            "conversation_created" => {
                format!("conversation #{} opens ({})", body["id"], channel(body))
            }
            "conversation_status_changed" => {
                format!("conversation #{} is {}", body["id"], text(&body["status"]))
            }
            _ => return,
        };
        line(&format!("  {}  {what}", time(webhook.at_ms)));
    }

    /// Shows what is new in the CRM.
    pub fn arrived(&mut self) {
        let now = self.crm.snapshot();
        for person in new(&self.seen.persons, &now.persons) {
            let email = text(&person["emails"][0]["value"]);
            arrow(&format!(
                "person #{}  {} <{email}>",
                person["id"],
                text(&person["name"])
            ));
        }
        for organization in new(&self.seen.organizations, &now.organizations) {
            arrow(&format!(
                "organisation #{}  {}",
                organization["id"],
                text(&organization["name"])
            ));
        }
        for lead in new(&self.seen.leads, &now.leads) {
            arrow(&format!("lead #{}  {}", lead["id"], text(&lead["title"])));
        }
        for activity in new(&self.seen.activities, &now.activities) {
            arrow(&format!(
                "{} #{}  {}",
                text(&activity["type"]),
                activity["id"],
                text(&activity["title"])
            ));
        }
        for lead in &now.leads {
            let (Some(id), Some(stage)) =
                (lead["id"].as_u64(), lead["lead_pipeline_stage_id"].as_u64())
            else {
                continue;
            };
            if let Some(before) = self
                .stages
                .insert(id, stage)
                .filter(|before| *before != stage)
            {
                arrow(&format!("lead #{id}  stage {before} → {stage}"));
            }
        }
        self.seen = now;
    }

    /// Shows what the CRM holds, and counts it.
    pub fn table(&self, webhooks: usize) -> Expected {
        let now = self.crm.snapshot();
        line(&format!(
            "\n  {:<26}{:<28}{:<24}{}",
            "person", "organisation", "lead", "activities"
        ));
        for person in &now.persons {
            let of = |rows: &[Value], key: &str, id: &Value| {
                rows.iter()
                    .filter(|row| row[key] == *id)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            let organization = of(&now.organizations, "id", &person["organization_id"]);
            let leads = of(&now.leads, "person_id", &person["id"]);
            let is_on = |activity: &&Value| {
                activity["person_ids"]
                    .as_array()
                    .is_some_and(|ids| ids.contains(&person["id"]))
            };
            let activities = now.activities.iter().filter(is_on).count();
            let organization = organization
                .first()
                .map_or("", |organization| text(&organization["name"]));
            let lead = leads.first().map_or(String::new(), |lead| {
                format!(
                    "#{} in stage {}",
                    lead["id"], lead["lead_pipeline_stage_id"]
                )
            });
            line(&format!(
                "  {:<26}{organization:<28}{lead:<24}{activities}",
                text(&person["name"])
            ));
        }
        let found = Expected {
            persons: now.persons.len(),
            organizations: now.organizations.len(),
            leads: now.leads.len(),
            activities: now.activities.len(),
        };
        line(&format!(
            "\n  {webhooks} webhooks, {} requests to Krayin: {} persons, {} organisations, {} leads, {} activities. Nothing twice.",
            self.crm.request_count(),
            found.persons,
            found.organizations,
            found.leads,
            found.activities
        ));
        found
    }
}

fn new<'v>(before: &[Value], now: &'v [Value]) -> impl Iterator<Item = &'v Value> {
    let known: Vec<Value> = before.iter().map(|row| row["id"].clone()).collect();
    now.iter().filter(move |row| !known.contains(&row["id"]))
}

fn arrow(what: &str) {
    line(&format!("                → {what}"));
}

fn time(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms)
        .map(|at| at.format("%H:%M:%S").to_string())
        .unwrap_or_default()
}

fn channel(body: &Value) -> &str {
    text(&body["channel"]).trim_start_matches("Channel::")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
