//! Looking records up by name or by id, whatever kind they are (facts §4).

use serde_json::{Value, json};

use super::answer::Answer;
use super::attributes::Attribute;
use super::cell::Cell;
use super::error::Failure;
use super::leads;
use super::organizations;
use super::persons;
use super::state::{Call, Outcome, State};

/// `GET /settings/attributes/lookup/{lookup}`: id and name of the records whose name contains `query`.
pub fn lookup(state: &mut State, call: &Call<'_>) -> Outcome {
    let query = call.request.query("query").unwrap_or_default();
    let is_wanted = |name: &str| Cell::text(Some(name)).is_like(&format!("%{query}%"));
    let named = named(state, call.last)
        .ok_or_else(|| Failure::php("Trying to access array offset on value of type null"))?;
    let rows = named.into_iter().filter(|(_, name)| is_wanted(name)).map(|(id, name)| {
        json!({
            "id": id, "code": null, "name": name, "type": null, "lookup_type": null, "entity_type": null,
            "sort_order": null, "validation": null, "is_required": null, "is_unique": null,
            "quick_add": null, "is_user_defined": null, "options": null, "created_at": null,
            "updated_at": null,
        })
    });
    Ok(Answer::data(rows.collect()))
}

/// `GET /settings/attributes/lookup-entity/{lookup}`: one record by id, with every attribute by its code.
pub fn lookup_entity(state: &mut State, call: &Call<'_>) -> Outcome {
    let id = call
        .request
        .query("query")
        .map_or(0, |id| super::state::key(&Value::from(id)));
    let found = match call.last {
        "persons" => persons::raw(state, id),
        "leads" => leads::raw(state, id),
        "organizations" => organizations::raw(state, id),
        other => named(state, other)
            .ok_or_else(|| Failure::php("Trying to access array offset on value of type null"))?
            .into_iter()
            .find(|(found, _)| *found == id)
            .map(|(id, name)| json!({ "id": id, "name": name })),
    };
    Ok(Answer::ok(found.unwrap_or_else(|| json!({}))))
}

/// What people call the record that an attribute's value refers to; null where there is none.
pub fn name_of(state: &State, attribute: &Attribute, id: u32) -> Value {
    let name = |name: Option<&String>| name.map_or(Value::Null, |name| Value::from(name.as_str()));
    match attribute.lookup_type.as_deref() {
        Some("lead_sources") => name(state.sources.get(id).map(|row| &row.name)),
        Some("lead_types") => name(state.types.get(id).map(|row| &row.name)),
        Some("lead_pipelines") => name(state.pipelines.get(id).map(|row| &row.name)),
        Some("lead_pipeline_stages") => name(state.stages.get(id).map(|row| &row.name)),
        Some("users") => name(state.users.get(id).map(|row| &row.name)),
        Some("organizations") => name(state.organizations.get(id).map(|row| &row.name)),
        Some("persons") => name(state.persons.get(id).map(|row| &row.name)),
        Some(_) => Value::Null,
        None => {
            let chosen = attribute.options.iter().find(|option| option["id"] == id);
            chosen.map_or(Value::Null, |option| option["name"].clone())
        }
    }
}

fn named<'a>(state: &'a State, lookup: &str) -> Option<Vec<(u32, &'a str)>> {
    Some(match lookup {
        "leads" => state
            .leads
            .rows()
            .map(|row| (row.id, &*row.title))
            .collect(),
        "lead_sources" => state
            .sources
            .rows()
            .map(|row| (row.id, &*row.name))
            .collect(),
        "lead_types" => state.types.rows().map(|row| (row.id, &*row.name)).collect(),
        "lead_pipelines" => state
            .pipelines
            .rows()
            .map(|row| (row.id, &*row.name))
            .collect(),
        "lead_pipeline_stages" => state
            .stages
            .rows()
            .map(|row| (row.id, &*row.name))
            .collect(),
        "users" => state.users.rows().map(|row| (row.id, &*row.name)).collect(),
        "organizations" => state
            .organizations
            .rows()
            .map(|row| (row.id, &*row.name))
            .collect(),
        "persons" => state
            .persons
            .rows()
            .map(|row| (row.id, &*row.name))
            .collect(),
        _ => return None,
    })
}
