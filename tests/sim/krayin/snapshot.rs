//! What the database holds, for a test to compare: rows as plain JSON, custom attributes by their codes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::activities::Activity;
use super::attributes;
use super::leads::Lead;
use super::persons::Person;
use super::state::{State, Subject};
use super::values::Entity;

/// Everything that a connector can have written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// Persons, in order of ids.
    pub persons: Vec<Value>,
    /// Organizations.
    pub organizations: Vec<Value>,
    /// Leads.
    pub leads: Vec<Value>,
    /// Activities without audit rows.
    pub activities: Vec<Value>,
    /// Tags.
    pub tags: Vec<Value>,
}

impl Snapshot {
    /// Takes a snapshot.
    pub fn of(state: &State) -> Self {
        Self {
            persons: state.persons.rows().map(|row| person(state, row)).collect(),
            organizations: state
                .organizations
                .rows()
                .map(|row| json!({ "id": row.id, "name": row.name, "address": row.address, "user_id": row.user_id }))
                .collect(),
            leads: state.leads.rows().map(|row| lead(state, row)).collect(),
            activities: state.activities.rows().filter(|row| row.kind != "system").map(activity).collect(),
            tags: state
                .tags
                .rows()
                .map(|row| json!({ "id": row.id, "name": row.name, "color": row.color }))
                .collect(),
        }
    }

    /// The same with ids counted from 1 in each list and without times, so that two runs are equal whose rows
    /// are, even where one of them used up ids on inserts that failed.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        let persons = ranks(&self.persons);
        let organizations = ranks(&self.organizations);
        let leads = ranks(&self.leads);
        let tags = ranks(&self.tags);
        for row in &mut self.persons {
            renumber(row, "organization_id", &organizations);
            renumber(row, "tags", &tags);
            row["unique_id"] = Value::Null;
        }
        for row in &mut self.leads {
            renumber(row, "person_id", &persons);
            renumber(row, "tags", &tags);
            row["closed_at"] = Value::from(!row["closed_at"].is_null());
        }
        for row in &mut self.activities {
            renumber(row, "person_ids", &persons);
            renumber(row, "participant_ids", &persons);
            renumber(row, "lead_ids", &leads);
        }
        let all = [
            &mut self.persons,
            &mut self.organizations,
            &mut self.leads,
            &mut self.activities,
            &mut self.tags,
        ];
        for rows in all {
            for (rank, row) in (1_u64..).zip(rows) {
                row["id"] = Value::from(rank);
            }
        }
        self
    }
}

fn person(state: &State, row: &Person) -> Value {
    let mut fields = json!({
        "id": row.id, "name": row.name, "emails": row.emails, "contact_numbers": row.contact_numbers,
        "job_title": row.job_title, "user_id": row.user_id, "organization_id": row.organization_id,
        "unique_id": row.unique_id, "tags": row.tags,
    });
    for (code, value) in attributes::custom(state, Entity::Persons, row.id) {
        fields[code] = value;
    }
    fields
}

fn lead(state: &State, row: &Lead) -> Value {
    let mut fields = json!({
        "id": row.id, "title": row.title, "description": row.description, "lead_value": row.lead_value,
        "status": row.status, "lost_reason": row.lost_reason,
        "closed_at": row.closed_at.map(super::php::column_time),
        "user_id": row.user_id, "person_id": row.person_id, "lead_source_id": row.lead_source_id,
        "lead_type_id": row.lead_type_id, "lead_pipeline_id": row.lead_pipeline_id,
        "lead_pipeline_stage_id": row.lead_pipeline_stage_id,
        "expected_close_date": row.expected_close_date, "tags": row.tags,
    });
    for (code, value) in attributes::custom(state, Entity::Leads, row.id) {
        fields[code] = value;
    }
    fields
}

fn activity(row: &Activity) -> Value {
    let linked =
        |pick: fn(&Subject) -> Option<u32>| row.links.iter().filter_map(pick).collect::<Vec<_>>();
    let persons = linked(|subject| match subject {
        Subject::Person(id) => Some(*id),
        Subject::Lead(_) => None,
    });
    let leads = linked(|subject| match subject {
        Subject::Lead(id) => Some(*id),
        Subject::Person(_) => None,
    });
    json!({
        "id": row.id, "type": row.kind, "title": row.title, "comment": row.comment,
        "additional": row.additional, "is_done": row.is_done, "user_id": row.user_id,
        "schedule_from": row.schedule_from.map(super::php::column_time),
        "schedule_to": row.schedule_to.map(super::php::column_time), "location": row.location,
        "person_ids": persons, "lead_ids": leads, "participant_ids": row.persons,
    })
}

fn ranks(rows: &[Value]) -> BTreeMap<u64, u64> {
    rows.iter()
        .filter_map(|row| row["id"].as_u64())
        .zip(1..)
        .collect()
}

/// Replaces an id, or each of a list of ids, by its rank; one that points nowhere becomes 0.
fn renumber(row: &mut Value, column: &str, ranks: &BTreeMap<u64, u64>) {
    let rank = |id: &mut Value| {
        if let Some(number) = id.as_u64() {
            *id = Value::from(ranks.get(&number).copied().unwrap_or(0));
        }
    };
    match &mut row[column] {
        Value::Array(ids) => ids.iter_mut().for_each(rank),
        id => rank(id),
    }
}
