//! The columns of a lead: set from a request, refused by the database, told to the audit, shown as they were sent.

use serde_json::{Map, Value};

use super::super::audit;
use super::super::error::Failure;
use super::super::php;
use super::super::state::{Call, State, Subject, key};
use super::{Lead, STAGE, render};

/// An absent closing date is a cleared one.
pub fn clear_close_date(data: &mut Map<String, Value>) {
    if php::is_empty(data.get("expected_close_date")) {
        data.insert("expected_close_date".to_owned(), Value::Null);
    }
}

/// Sets the columns that `data` names, and refuses what the database would.
pub fn apply(state: &State, row: &mut Lead, data: &Map<String, Value>) -> Result<(), Failure> {
    let text = |value: &Value| php::text(value).map(|text| php::truncate_bytes(text, 65_535));
    for (column, value) in data {
        match column.as_str() {
            "title" => row.title = php::truncate_chars(php::text(value).unwrap_or_default(), 255),
            "description" => row.description = text(value),
            "lead_value" => row.lead_value = (!value.is_null()).then(|| php::number(value).0),
            "status" => row.status = php::integer(value),
            "lost_reason" => row.lost_reason = text(value),
            "closed_at" if value.is_null() => row.closed_at = None,
            "closed_at" => {
                let at = php::text(value).and_then(|text| php::naive_time(&text));
                row.closed_at = Some(at.ok_or_else(|| Failure::php("Could not parse closed_at"))?);
            }
            "expected_close_date" if value.is_null() => row.expected_close_date = None,
            "expected_close_date" => {
                let at = php::text(value).and_then(|text| php::naive_time(&text));
                let at = at.ok_or_else(|| Failure::php("Could not parse expected_close_date"))?;
                row.expected_close_date = Some(php::column_time(at)[..10].to_owned());
            }
            "user_id" => row.user_id = (!value.is_null()).then(|| key(value)),
            "person_id" => row.person_id = (!value.is_null()).then(|| key(value)),
            "lead_source_id" => row.lead_source_id = (!value.is_null()).then(|| key(value)),
            "lead_type_id" => row.lead_type_id = (!value.is_null()).then(|| key(value)),
            "lead_pipeline_id" => row.lead_pipeline_id = key(value),
            STAGE => row.lead_pipeline_stage_id = key(value),
            _ => {}
        }
    }
    let refers = [
        (
            "user_id",
            row.user_id.is_none_or(|id| state.users.contains(id)),
        ),
        (
            "person_id",
            row.person_id.is_none_or(|id| state.persons.contains(id)),
        ),
        (
            "lead_source_id",
            row.lead_source_id
                .is_none_or(|id| state.sources.contains(id)),
        ),
        (
            "lead_type_id",
            row.lead_type_id.is_none_or(|id| state.types.contains(id)),
        ),
        (STAGE, state.stages.contains(row.lead_pipeline_stage_id)),
    ];
    match refers.iter().find(|(_, is_there)| !is_there) {
        Some((column, _)) => Err(Failure::foreign_key("leads", column)),
        None => Ok(()),
    }
}

/// The columns that are no attributes, in the order of the table.
pub fn log_columns(state: &mut State, call: &Call<'_>, old: &Lead, new: &Lead) {
    let reason = |lead: &Lead| lead.lost_reason.as_deref().map_or(Value::Null, Value::from);
    let person = |lead: &Lead| lead.person_id.map_or(Value::Null, Value::from);
    let written = new
        .closed_at
        .map_or(Value::Null, |at| Value::from(php::column_time(at)));
    let read = old.closed_at.map_or(Value::Null, php::iso);
    let is_closed_anew = old.closed_at.map(|at| at.0 / 1000) != new.closed_at.map(|at| at.0 / 1000);
    let changes = [
        (
            "status",
            Value::from(new.status),
            Value::from(old.status),
            new.status != old.status,
        ),
        (
            "lost_reason",
            reason(new),
            reason(old),
            new.lost_reason != old.lost_reason,
        ),
        ("closed_at", written, read, is_closed_anew),
        (
            "person_id",
            person(new),
            person(old),
            new.person_id != old.person_id,
        ),
    ];
    for (column, new, old, is_changed) in changes {
        if is_changed {
            audit::column_changed(state, call, Subject::Lead(call.id), column, &new, &old);
        }
    }
}

/// A lead as a write answers it: what was sent is shown as it was sent, not as it was stored.
pub fn as_sent(
    state: &State,
    call: &Call<'_>,
    id: u32,
    data: &Map<String, Value>,
) -> Result<Value, Failure> {
    let row = state.leads.get(id).ok_or(Failure::Null("id"))?;
    let mut shown = render(state, call, row);
    for column in ["lead_value", "lead_source_id", "lead_type_id", "status"] {
        if let Some(sent) = data.get(column).filter(|sent| !sent.is_null()) {
            shown[column] = sent.clone();
        }
    }
    Ok(shown)
}
