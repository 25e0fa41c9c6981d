//! The auditor: what was acknowledged, what the CRM was asked and holds, and what the tables say, held against each
//! other. Pure: it asks nobody.

use std::collections::{BTreeMap, HashMap, HashSet};

use gladhand_core::clock::Timestamp;
use gladhand_tests::krayin::Snapshot;
use gladhand_tests::seen::Seen;
use serde_json::Value;

use crate::load::{Answer, Told};
use crate::record::{self, Index};
use crate::script::Says;
use crate::tables::Row;

/// Everything that an audit looks at, taken after everything had time to come to rest.
pub struct Evidence {
    /// What was sent, each contact's in order.
    pub told: Vec<Told>,
    /// Every delivery.
    pub rows: Vec<Row>,
    /// What the CRM holds.
    pub crm: Snapshot,
    /// What the CRM was asked, in order of arrival.
    pub requests: Vec<Seen>,
    /// The hosts' time.
    pub now: Timestamp,
}

/// What must not be, each in words.
#[derive(Debug, Default)]
pub struct Findings {
    /// Acknowledged, and neither in the CRM nor visible as needing attention; or not in the tables at all.
    pub lost: Vec<String>,
    /// Two records of the CRM for one thing.
    pub doubled: Vec<String>,
    /// Something older was written after something newer of the same contact.
    pub reordered: Vec<String>,
    /// Two requests for one contact at the same time.
    pub overlapped: Vec<String>,
    /// Could run, and does not.
    pub stuck: Vec<String>,
}

impl Findings {
    /// The line that scripts read.
    pub fn line(&self) -> String {
        format!(
            "lost {}, doubled {}, reordered {}, overlapped {}, stuck {}",
            self.lost.len(),
            self.doubled.len(),
            self.reordered.len(),
            self.overlapped.len(),
            self.stuck.len()
        )
    }

    /// Every finding with its kind.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let kinds = [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("reordered", &self.reordered),
            ("overlapped", &self.overlapped),
            ("stuck", &self.stuck),
        ];
        kinds
            .into_iter()
            .flat_map(|(kind, found)| found.iter().map(move |what| (kind, what)))
    }
}

/// Holds everything against everything.
pub fn audit(evidence: &Evidence) -> Findings {
    let index = Index::of(&evidence.crm);
    Findings {
        lost: lost(evidence, &index),
        doubled: doubled(&evidence.crm, &index),
        reordered: reordered(evidence, &index),
        overlapped: overlapped(&evidence.requests, &index),
        stuck: stuck(evidence),
    }
}

fn lost(evidence: &Evidence, index: &Index) -> Vec<String> {
    let crm = &evidence.crm;
    let known: HashSet<&str> = evidence
        .rows
        .iter()
        .map(|row| row.event_id.as_str())
        .collect();
    // Whoever looks sees that something of this contact has not arrived.
    let visible: HashSet<i64> = evidence
        .rows
        .iter()
        .filter(|row| !matches!(row.state.as_str(), "succeeded" | "skipped" | "superseded"))
        .filter_map(|row| row.lane.parse().ok())
        .collect();
    let titles = crm
        .activities
        .iter()
        .filter_map(|row| row["title"].as_str());
    let messages: HashSet<i64> = titles.filter_map(record::message).collect();
    let version = |row: &Value| {
        let contact = record::contact(&row["emails"].to_string())?;
        Some((contact, record::version(row["name"].as_str()?)?))
    };
    let versions: HashMap<i64, u32> = crm.persons.iter().filter_map(version).collect();
    let stage = |row: &Value| {
        let contact = index.of_lead(row["id"].as_u64()?)?;
        Some((contact, row["lead_pipeline_stage_id"].as_u64()?))
    };
    let mut stages: HashMap<i64, u64> = HashMap::new();
    for (contact, stage) in crm.leads.iter().filter_map(stage) {
        let furthest = stages.entry(contact).or_default();
        *furthest = stage.max(*furthest);
    }

    let mut lost = Vec::new();
    for Told {
        contact,
        says,
        answer,
    } in &evidence.told
    {
        let is_there = match says {
            Says::Version(wanted) => versions.get(contact).is_some_and(|is| is >= wanted),
            Says::Message { id, .. } => messages.contains(id),
            Says::Stage(_) | Says::Nothing => true,
        };
        let moves = match says {
            Says::Message { stage, .. } | Says::Stage(stage) => *stage,
            Says::Version(_) | Says::Nothing => 0,
        };
        let is_moved = moves == 0 || stages.get(contact).is_some_and(|is| *is >= moves);
        match answer {
            Answer::None => {}
            Answer::Stored(event) if !known.contains(event.as_str()) => {
                lost.push(format!(
                    "contact {contact}: event {event} is in no table ({says:?})"
                ));
            }
            Answer::Stored(_) | Answer::Duplicate if is_there && is_moved => {}
            Answer::Stored(_) | Answer::Duplicate if visible.contains(contact) => {}
            Answer::Stored(_) | Answer::Duplicate => {
                lost.push(format!("contact {contact}: {says:?} did not reach the CRM"));
            }
        }
    }
    lost
}

fn doubled(crm: &Snapshot, index: &Index) -> Vec<String> {
    let text = |row: &Value, key: &str| row[key].as_str().map(str::to_owned);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut count = |what: Option<String>| {
        if let Some(what) = what {
            *seen.entry(what).or_default() += 1;
        }
    };
    for row in &crm.persons {
        count(Some(format!("person {}", row["emails"])));
    }
    for row in &crm.leads {
        let contact = row["id"].as_u64().and_then(|id| index.of_lead(id));
        count(contact.map(|contact| format!("lead of contact {contact}")));
    }
    for row in &crm.activities {
        count(text(row, "title").map(|title| format!("activity {title}")));
    }
    for row in &crm.organizations {
        count(text(row, "name").map(|name| format!("organisation {name}")));
    }
    seen.into_iter()
        .filter(|(_, number)| *number > 1)
        .map(|(what, number)| format!("{what}: {number} times"))
        .collect()
}

fn reordered(evidence: &Evidence, index: &Index) -> Vec<String> {
    let mut newest: HashMap<(i64, &str), u64> = HashMap::new();
    let mut reordered = Vec::new();
    let mut follow = |contact: i64, what: &'static str, number: u64| {
        let newest = newest.entry((contact, what)).or_default();
        if number < *newest {
            reordered.push(format!("contact {contact}: {what} {number} after {newest}"));
        }
        *newest = number.max(*newest);
    };
    // A message whose sender gave up may have come in at any time.
    let acknowledged: HashSet<i64> = evidence
        .told
        .iter()
        .filter(|told| told.is_acknowledged())
        .filter_map(|told| match told.says {
            Says::Message { id, .. } => Some(id),
            _ => None,
        })
        .collect();
    for row in &evidence.crm.activities {
        let message = row["title"].as_str().and_then(record::message);
        let contact = row["id"].as_u64().and_then(|id| index.of_activity(id));
        if let (Some(message), Some(contact)) = (message, contact)
            && acknowledged.contains(&message)
        {
            follow(contact, "message", message.unsigned_abs());
        }
    }
    for seen in &evidence.requests {
        let Some(contact) = index.of_request(seen).filter(|_| seen.method == "PUT") else {
            continue;
        };
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        if let Some(version) = body["name"].as_str().and_then(record::version) {
            follow(contact, "version", version.into());
        }
        if let Some(stage) = body["lead_pipeline_stage_id"].as_u64() {
            follow(contact, "stage", stage);
        }
    }
    reordered
}

/// Of a request whose client left, nobody knows when it was over; the next one may come at once.
fn overlapped(requests: &[Seen], index: &Index) -> Vec<String> {
    let mut running: HashMap<i64, (Timestamp, &Seen)> = HashMap::new();
    let mut overlapped = Vec::new();
    for seen in requests {
        let Some(contact) = index.of_request(seen) else {
            continue;
        };
        if let Some((until, before)) = running.get(&contact)
            && seen.at < *until
        {
            overlapped.push(format!(
                "contact {contact}: {} {} came at {} while {} {} ran until {until}",
                seen.method, seen.path, seen.at, before.method, before.path
            ));
        }
        let until = seen.until.unwrap_or(seen.at);
        let longest = running
            .get(&contact)
            .is_none_or(|(known, _)| until > *known);
        if longest {
            running.insert(contact, (until, seen));
        }
    }
    overlapped
}

fn stuck(evidence: &Evidence) -> Vec<String> {
    let waits =
        |row: &&Row| row.state == "waiting" && row.not_before.is_some_and(|at| at > evidence.now.0);
    let held: HashSet<&str> = evidence
        .rows
        .iter()
        .filter(waits)
        .map(|row| row.lane.as_str())
        .collect();
    evidence
        .rows
        .iter()
        .filter(|row| matches!(row.state.as_str(), "pending" | "running" | "waiting"))
        .filter(|row| !held.contains(row.lane.as_str()))
        .map(|row| {
            let why = row.message.as_deref().unwrap_or("no reason is given");
            format!("contact {}: {} is {}: {why}", row.lane, row.kind, row.state)
        })
        .collect()
}

#[cfg(test)]
mod tests;
