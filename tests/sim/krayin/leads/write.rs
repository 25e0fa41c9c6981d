//! Making, changing and deleting leads, with the traps of facts §8: the stage must be sent, the pipeline follows
//! from it, the closing date is cleared by whoever does not send it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::answer::Answer;
use super::super::attributes::Attribute;
use super::super::audit;
use super::super::error::Failure;
use super::super::persons;
use super::super::php;
use super::super::rules;
use super::super::settings::{self, Stage};
use super::super::state::{Call, Outcome, State, Subject, indices, key, nullable_key};
use super::super::values::{self, Entity};
use super::columns::{apply, as_sent, clear_close_date, log_columns};
use super::{Lead, MODEL, STAGE};

const UPDATED: &str = "Lead updated successfully.";

/// `POST /leads`.
pub fn store(state: &mut State, call: &Call<'_>) -> Outcome {
    check(state, call, None)?;
    let mut data = call.request.input.clone();
    let target = stage(state, call)?;
    data.insert("status".to_owned(), Value::from(1));
    data.insert(
        "lead_pipeline_id".to_owned(),
        Value::from(target.pipeline_id),
    );
    data.insert(STAGE.to_owned(), Value::from(target.id));
    if target.is_closing() {
        data.insert(
            "closed_at".to_owned(),
            Value::from(php::column_time(call.now)),
        );
    }
    let is_titled = data.contains_key("title");
    join_person(state, call, &mut data)?;
    clear_close_date(&mut data);
    let mut row = Lead {
        id: state.leads.take_id(),
        title: String::new(),
        description: None,
        lead_value: None,
        status: 1,
        lost_reason: None,
        closed_at: None,
        user_id: None,
        person_id: None,
        lead_source_id: None,
        lead_type_id: None,
        lead_pipeline_id: target.pipeline_id,
        lead_pipeline_stage_id: target.id,
        expected_close_date: None,
        tags: BTreeSet::new(),
        created_at: call.now,
        updated_at: call.now,
    };
    apply(state, &mut row, &data)?;
    let id = row.id;
    state.leads.insert(row);
    audit::created(state, call, Subject::Lead(id));
    values::save(state, call, (Entity::Leads, id), &data, |_| true)?;
    let mut shown = as_sent(state, call, id, &data)?;
    if !is_titled {
        shown["title"] = Value::Null;
    }
    Ok(Answer::written(shown, "Lead created successfully."))
}

/// `PUT /leads/{id}`.
pub fn update(state: &mut State, call: &Call<'_>) -> Outcome {
    check(state, call, Some(call.id))?;
    let mut data = call.request.input.clone();
    if data.contains_key(STAGE) || !call.is_new() {
        let target = stage(state, call)?;
        data.insert(
            "lead_pipeline_id".to_owned(),
            Value::from(target.pipeline_id),
        );
        data.insert(STAGE.to_owned(), Value::from(target.id));
    }
    change(state, call, data, |_| true)
}

/// `PUT /leads/attributes/edit/{id}`: nothing is validated.
pub fn edit_attributes(state: &mut State, call: &Call<'_>) -> Outcome {
    let is_wanted =
        |attribute: &Attribute| !matches!(attribute.code.as_str(), "title" | "description");
    change(state, call, call.request.input.clone(), is_wanted)
}

/// `PUT /leads/stage/edit/{id}`.
pub fn edit_stage(state: &mut State, call: &Call<'_>) -> Outcome {
    rules::require(call, &[STAGE])?;
    let wanted = call.id_in(STAGE);
    let pipeline = state
        .stages
        .get(wanted)
        .map(|target| target.pipeline_id)
        .ok_or_else(|| {
            Failure::invalid(STAGE, "The selected lead pipeline stage id is invalid.")
        })?;
    let lead = state
        .leads
        .get(call.id)
        .ok_or_else(|| Failure::not_found(MODEL, call.id))?;
    if lead.lead_pipeline_id != pipeline {
        return Err(Failure::not_found("Lead\\Models\\Stage", wanted));
    }
    let data = Map::from_iter([(STAGE.to_owned(), Value::from(wanted))]);
    change(state, call, data, |attribute| attribute.code == STAGE)
}

/// `POST /leads/mass-update`: the stage alone, past everything that a stage means.
pub fn mass_update(state: &mut State, call: &Call<'_>) -> Outcome {
    let ids = indices(call)?;
    rules::require(call, &["value"])?;
    let target = call.id_in("value");
    for id in ids
        .into_iter()
        .filter(|id| state.leads.contains(*id))
        .collect::<Vec<_>>()
    {
        if !state.stages.contains(target) {
            return Err(Failure::foreign_key("leads", STAGE));
        }
        state.leads.edit(id, |lead| {
            lead.lead_pipeline_stage_id = target;
            lead.updated_at = call.now;
        });
    }
    Ok(Answer::wrapped(UPDATED))
}

/// `DELETE /leads/{id}`.
pub fn destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    if !remove(state, call.id) {
        return Err(Failure::not_found(MODEL, call.id));
    }
    Ok(Answer::wrapped("Lead deleted successfully."))
}

/// `POST /leads/mass-destroy`.
pub fn mass_destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    for id in indices(call)? {
        remove(state, id);
    }
    Ok(Answer::wrapped("Lead deleted successfully."))
}

fn remove(state: &mut State, id: u32) -> bool {
    if state.leads.remove(id).is_none() {
        return false;
    }
    state.values.remove(&state.attributes, Entity::Leads, id);
    state.drop_linked(Subject::Lead(id));
    true
}

/// The change that all three ways have in common.
fn change(
    state: &mut State,
    call: &Call<'_>,
    mut data: Map<String, Value>,
    wanted: impl Fn(&Attribute) -> bool,
) -> Outcome {
    join_person(state, call, &mut data)?;
    if let Some(target) = data.get(STAGE).filter(|target| !target.is_null()) {
        let target = state.stages.get(key(target)).ok_or(Failure::Null("code"))?;
        let sent = data.get("closed_at").filter(|sent| !sent.is_null());
        let closed_at = match (target.is_closing(), sent) {
            (true, Some(sent)) => sent.clone(),
            (true, None) => Value::from(php::column_time(call.now)),
            (false, _) => Value::Null,
        };
        data.insert("closed_at".to_owned(), closed_at);
    }
    if !call.is_new() || data.contains_key("expected_close_date") {
        clear_close_date(&mut data);
    }
    let before = state
        .leads
        .get(call.id)
        .ok_or_else(|| Failure::not_found(MODEL, call.id))?
        .clone();
    let mut row = before.clone();
    apply(state, &mut row, &data)?;
    if row != before {
        row.updated_at = call.now;
    }
    state.leads.edit(call.id, |old| *old = row.clone());
    log_columns(state, call, &before, &row);
    values::save(state, call, (Entity::Leads, call.id), &data, wanted)?;
    let shown = as_sent(state, call, call.id, &data)?;
    Ok(Answer::written(shown, UPDATED))
}

fn check(state: &State, call: &Call<'_>, except: Option<u32>) -> Result<(), Failure> {
    let mut errors = Vec::new();
    rules::check(
        state,
        Entity::Leads,
        ("", &call.request.input),
        except,
        &mut errors,
    );
    match call.set("person") {
        Some(Value::Object(person)) => {
            let except = person.get("id").map(key);
            rules::check(
                state,
                Entity::Persons,
                ("person.", person),
                except,
                &mut errors,
            );
        }
        Some(Value::Array(_)) | None => {}
        Some(_) => {
            return Err(Failure::Broken {
                exception: "TypeError",
                message: "array_keys(): Argument #1 ($array) must be of type array".to_owned(),
            });
        }
    }
    rules::close_date(call, &mut errors);
    rules::finish(errors)
}

/// The stage that the request names, or the first one where it names none.
fn stage(state: &State, call: &Call<'_>) -> Result<Stage, Failure> {
    let sent = call.request.input.get(STAGE);
    if sent.is_none() && !call.is_new() {
        return Err(Failure::php(format!("Undefined array key \"{STAGE}\"")));
    }
    let target = match nullable_key(sent) {
        Some(id) => state
            .stages
            .get(id)
            .ok_or_else(|| Failure::not_found("Lead\\Models\\Stage", id)),
        None => settings::default_stage(state).ok_or(Failure::Null("id")),
    };
    target.cloned()
}

/// Links the person that `person.id` names, or makes the one that is described.
fn join_person(
    state: &mut State,
    call: &Call<'_>,
    data: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let Some(person) = data.remove("person").filter(|person| !person.is_null()) else {
        return Ok(());
    };
    let id = match nullable_key(person.get("id")) {
        Some(id) if state.persons.contains(id) => id,
        Some(id) => return Err(Failure::not_found("Contact\\Models\\Person", id)),
        None => persons::create(state, call, person.as_object().unwrap_or(&Map::new()))?,
    };
    data.insert("person_id".to_owned(), Value::from(id));
    Ok(())
}
