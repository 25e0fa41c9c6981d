//! Leads (facts §8): what is stored, and how it is shown, listed and searched. Writing them is in `write`.

mod columns;
mod write;

use std::collections::BTreeSet;

use gladhand_core::clock::Timestamp;
use serde_json::{Map, Value, json};

pub use self::write::{
    destroy, edit_attributes, edit_stage, mass_destroy, mass_update, store, update,
};

use super::answer::Answer;
use super::attributes;
use super::cell::Cell;
use super::error::Failure;
use super::list;
use super::persons;
use super::php;
use super::search;
use super::settings;
use super::state::{Call, Outcome, State, Subject};
use super::table::Row;
use super::users;
use super::values::Entity;

const MODEL: &str = "Lead\\Models\\Lead";
const STAGE: &str = "lead_pipeline_stage_id";

/// A lead.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the columns' own names")]
pub struct Lead {
    /// Its id.
    pub id: u32,
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: Option<String>,
    /// What it may be worth.
    pub lead_value: Option<f64>,
    /// 1.
    pub status: i64,
    /// Why it was lost.
    pub lost_reason: Option<String>,
    /// When it was won or lost.
    pub closed_at: Option<Timestamp>,
    /// Its sales owner.
    pub user_id: Option<u32>,
    /// Whose it is.
    pub person_id: Option<u32>,
    /// Where it came from.
    pub lead_source_id: Option<u32>,
    /// What it is.
    pub lead_type_id: Option<u32>,
    /// Its pipeline.
    pub lead_pipeline_id: u32,
    /// Its stage.
    pub lead_pipeline_stage_id: u32,
    /// `Y-m-d`.
    pub expected_close_date: Option<String>,
    /// Its tags.
    pub tags: BTreeSet<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Row for Lead {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "title",
        "description",
        "lead_value",
        "status",
        "lost_reason",
        "closed_at",
        "user_id",
        "person_id",
        "lead_source_id",
        "lead_type_id",
        "lead_pipeline_id",
        "lead_pipeline_stage_id",
        "expected_close_date",
        "created_at",
        "updated_at",
    ];
    const INDEXED: &'static [&'static str] = &["title", "person_id"];

    fn id(&self) -> u32 {
        self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        Some(match column {
            "id" => Cell::key(Some(self.id)),
            "title" => Cell::text(Some(&self.title)),
            "description" => Cell::text(self.description.as_deref()),
            "lead_value" => self.lead_value.map_or(Cell::Null, Cell::Number),
            "status" => Cell::Int(self.status),
            "lost_reason" => Cell::text(self.lost_reason.as_deref()),
            "closed_at" => Cell::time(self.closed_at),
            "user_id" => Cell::key(self.user_id),
            "person_id" => Cell::key(self.person_id),
            "lead_source_id" => Cell::key(self.lead_source_id),
            "lead_type_id" => Cell::key(self.lead_type_id),
            "lead_pipeline_id" => Cell::key(Some(self.lead_pipeline_id)),
            "lead_pipeline_stage_id" => Cell::key(Some(self.lead_pipeline_stage_id)),
            "expected_close_date" => Cell::text(self.expected_close_date.as_deref()),
            "created_at" => Cell::time(Some(self.created_at)),
            "updated_at" => Cell::time(Some(self.updated_at)),
            _ => return None,
        })
    }
}

/// A lead as answers show it.
pub fn render(state: &State, call: &Call<'_>, row: &Lead) -> Value {
    let mut shown = json!({
        "id": row.id, "title": row.title, "description": row.description,
        "lead_value": row.lead_value.map(|value| format!("{value:.4}")),
        "status": row.status, "lost_reason": row.lost_reason,
        "closed_at": row.closed_at.map(php::iso),
        "lead_products": [],
        "lead_source_id": row.lead_source_id, "lead_type_id": row.lead_type_id,
        "lead_pipeline_id": row.lead_pipeline_id,
        "lead_pipeline_stage_id": row.lead_pipeline_stage_id,
        "created_at": php::iso(row.created_at), "updated_at": php::iso(row.updated_at),
        "expected_close_date": close_date(state, row),
    });
    shown["user"] = users::render_id(state, row.user_id.unwrap_or(0));
    shown["person"] = persons::render_id(state, call, row.person_id.unwrap_or(0));
    if call.is_new() {
        for (code, value) in attributes::custom(state, Entity::Leads, row.id) {
            shown[code] = value;
        }
    }
    shown
}

/// A lead with its attributes, as a look-up shows it.
///
/// Only id and title are read from the lead itself: stage and all are the copies among the values, which a mass
/// update leaves behind.
pub fn raw(state: &State, id: u32) -> Option<Value> {
    let row = state.leads.get(id)?;
    let mut fields = Map::from_iter([
        ("id".to_owned(), json!(row.id)),
        ("name".to_owned(), json!(row.title)),
        ("rotten_days".to_owned(), json!(0)),
    ]);
    fields.extend(attributes::raw(state, Entity::Leads, id));
    let copy = fields
        .get("lead_pipeline_stage_id")
        .map_or(0, super::state::key);
    let stage_row = state.stages.get(copy).map(|stage| {
        json!({
            "id": stage.id, "code": stage.code, "name": stage.name, "probability": stage.probability,
            "sort_order": stage.sort_order, "lead_pipeline_id": stage.pipeline_id,
        })
    });
    fields.insert("stage".to_owned(), stage_row.unwrap_or_default());
    Some(Value::Object(fields))
}

/// `GET /leads`.
pub fn index(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.leads, call, |row| render(state, call, row))
}

/// `GET /leads/{id}`.
pub fn show(state: &mut State, call: &Call<'_>) -> Outcome {
    let row = state
        .leads
        .get(call.id)
        .ok_or_else(|| Failure::not_found(MODEL, call.id))?;
    Ok(Answer::data(render(state, call, row)))
}

/// `GET /leads/search`.
pub fn find(state: &mut State, call: &Call<'_>) -> Outcome {
    persons::refuse_limited(state, call)?;
    let fields = [
        "title",
        "lead_value",
        "status",
        "user_id",
        "user.name",
        "person_id",
        "person.name",
        "lead_source_id",
        "lead_type_id",
        "lead_pipeline_id",
        "lead_pipeline_stage_id",
        "created_at",
        "closed_at",
        "expected_close_date",
    ];
    search::search(
        &state.leads,
        call,
        &fields,
        |row, field| cell(state, row, field),
        |row| render(state, call, row),
    )
}

/// `GET /leads/get`: the leads of a pipeline by stage, ten of each.
pub fn kanban(state: &mut State, call: &Call<'_>) -> Outcome {
    let asked = |name: &str| {
        call.request
            .query(name)
            .map(|id| super::state::key(&Value::from(id)))
    };
    let pipeline = match asked("pipeline_id") {
        Some(id) => state.pipelines.get(id),
        None => state.pipelines.rows().find(|pipeline| pipeline.is_default),
    };
    let pipeline = pipeline.ok_or(Failure::Null("stages"))?.id;
    let wanted = asked("pipeline_stage_id");
    let stages = settings::stages(state, pipeline).into_iter();
    let stages = stages.filter(|stage| wanted.is_none_or(|wanted| wanted == stage.id));
    let data = stages.map(|stage| {
        let is_in = |lead: &&Lead| {
            lead.lead_pipeline_id == pipeline && lead.lead_pipeline_stage_id == stage.id
        };
        let leads: Vec<_> = state.leads.rows().filter(is_in).collect();
        let sum: f64 = leads.iter().filter_map(|lead| lead.lead_value).sum();
        let page: Vec<_> = leads
            .iter()
            .take(10)
            .map(|lead| render(state, call, lead))
            .collect();
        let bound = |number: usize| {
            if page.is_empty() {
                Value::Null
            } else {
                json!(number)
            }
        };
        let meta = json!({
            "current_page": 1, "from": bound(1), "last_page": leads.len().div_ceil(10).max(1),
            "per_page": 10, "to": bound(page.len()), "total": leads.len(),
        });
        let mut shown = stage.render(Some(sum));
        shown["leads"] = json!({ "data": page, "meta": meta });
        shown
    });
    Ok(Answer::data(data.collect()))
}

/// `GET /leads/{id}/activities`.
#[expect(clippy::unnecessary_wraps, reason = "a handler, as its neighbours are")]
pub fn activities(state: &mut State, call: &Call<'_>) -> Outcome {
    let rows = state.linked(Subject::Lead(call.id));
    let rendered = rows
        .into_iter()
        .map(|row| super::activities::render(state, call, row));
    Ok(Answer::data(rendered.collect()))
}

fn cell<'a>(state: &'a State, row: &'a Lead, field: &str) -> Option<Cell<'a>> {
    match field {
        "user.name" => Some(persons::owner_name(state, row.user_id)),
        "person.name" => {
            let person = row.person_id.and_then(|id| state.persons.get(id));
            Some(Cell::text(person.map(|person| person.name.as_str())))
        }
        _ => row.cell(field),
    }
}

/// The column, or where that is null the copy among the values, which stage edits do not clear.
fn close_date(state: &State, row: &Lead) -> Value {
    let copy = || {
        let is_it = |value: &&std::sync::Arc<attributes::Attribute>| {
            value.entity_type == "leads" && value.code == "expected_close_date"
        };
        let attribute = state.attributes.rows().find(is_it)?.id;
        state
            .values
            .get(Entity::Leads, row.id, attribute)
            .as_str()
            .map(str::to_owned)
    };
    let day = row.expected_close_date.clone().or_else(copy);
    day.map_or(Value::Null, |day| {
        Value::from(format!("{day}T00:00:00.000000Z"))
    })
}
