//! Making, changing and deleting persons, with the traps of facts §6: phones must be there, an absent owner is
//! wiped, `unique_id` is made from the request alone.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::answer::Answer;
use super::super::audit;
use super::super::error::Failure;
use super::super::organizations;
use super::super::php;
use super::super::rules;
use super::super::state::{Call, Outcome, State, Subject, indices, nullable_key};
use super::super::values::{self, Entity};
use super::columns::{apply, no_emails, put, sanitized};
use super::{Person, render, render_in};

const MODEL: &str = "Contact\\Models\\Person";

/// `POST /contacts/persons`.
pub fn store(state: &mut State, call: &Call<'_>) -> Outcome {
    let input = &call.request.input;
    check(state, call, None)?;
    require_numbers(call, input)?;
    let id = create(state, call, input)?;
    let row = state.persons.get(id).ok_or(Failure::Null("id"))?;
    let mut data = render(state, call, row);
    if !input.contains_key("name") {
        data["name"] = Value::Null;
    }
    Ok(Answer::written(data, "Person created successfully."))
}

/// `PUT /contacts/persons/{id}`.
pub fn update(state: &mut State, call: &Call<'_>) -> Outcome {
    check(state, call, Some(call.id))?;
    require_numbers(call, &call.request.input)?;
    let mut data = sanitized(call, &call.request.input)?;
    let owner = nullable_key(data.get("user_id")).map_or(Value::Null, Value::from);
    data.insert("user_id".to_owned(), owner);
    join_organization(state, call, &mut data)?;
    let before = state.persons.get(call.id);
    let before = before
        .ok_or_else(|| Failure::not_found(MODEL, call.id))?
        .clone();
    let mut row = before.clone();
    apply(state, &mut row, &data)?;
    if row != before {
        row.updated_at = call.now;
    }
    let (old, new) = (
        Value::from(before.unique_id.as_str()),
        Value::from(row.unique_id.as_str()),
    );
    put(state, row);
    if old != new {
        audit::column_changed(
            state,
            call,
            Subject::Person(call.id),
            "unique_id",
            &new,
            &old,
        );
    }
    values::save(state, call, (Entity::Persons, call.id), &data, |_| true)?;
    let row = state.persons.get(call.id).ok_or(Failure::Null("id"))?;
    // The organization was loaded before the change, and it is that one which is answered.
    let data = render_in(state, call, row, before.organization_id);
    Ok(Answer::written(data, "Person updated successfully."))
}

/// `DELETE /contacts/persons/{id}`: says that it was deleted, whether or not it was.
pub fn destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    if !state.persons.contains(call.id) {
        return Err(if call.is_new() {
            Failure::not_found(MODEL, call.id)
        } else {
            Failure::php("__clone method called on non-object")
        });
    }
    let message = "Person deleted successfully.";
    if remove(state, call.id) {
        Ok(Answer::message(message))
    } else {
        Ok(Answer::json(500, serde_json::json!({ "message": message })))
    }
}

/// `POST /contacts/persons/mass-destroy`.
pub fn mass_destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    for id in indices(call)? {
        if state.persons.contains(id) && !remove(state, id) {
            return Err(Failure::foreign_key("leads", "person_id"));
        }
    }
    Ok(Answer::message("Person deleted successfully."))
}

/// Makes a person of `data`, the body of a request or the `person` of a lead's.
pub fn create(
    state: &mut State,
    call: &Call<'_>,
    data: &Map<String, Value>,
) -> Result<u32, Failure> {
    let mut data = sanitized(call, data)?;
    join_organization(state, call, &mut data)?;
    if data.get("emails").is_none_or(Value::is_null) {
        // `emails` is NOT NULL, which the database checks before it gives an id.
        return Err(no_emails(call, &data));
    }
    let mut row = Person {
        id: state.persons.take_id(),
        name: String::new(),
        emails: Value::Null,
        emails_text: String::new(),
        contact_numbers: Value::Null,
        numbers_text: String::new(),
        job_title: None,
        user_id: None,
        organization_id: None,
        unique_id: String::new(),
        tags: BTreeSet::new(),
        created_at: call.now,
        updated_at: call.now,
    };
    apply(state, &mut row, &data)?;
    let id = row.id;
    put(state, row);
    audit::created(state, call, Subject::Person(id));
    values::save(state, call, (Entity::Persons, id), &data, |_| true)?;
    Ok(id)
}

/// Deletes a person. One that has leads stays, but its values and activities are gone by then.
fn remove(state: &mut State, id: u32) -> bool {
    state.values.remove(&state.attributes, Entity::Persons, id);
    state.drop_linked(Subject::Person(id));
    let leads = state
        .leads
        .having("person_id", &[&id.to_string()])
        .unwrap_or_default();
    if !leads.is_empty() {
        return false;
    }
    if let Some(row) = state.persons.remove(id) {
        state.unique_ids.remove(&row.unique_id.to_lowercase());
    }
    true
}

fn check(state: &State, call: &Call<'_>, except: Option<u32>) -> Result<(), Failure> {
    let mut errors = Vec::new();
    rules::check(
        state,
        Entity::Persons,
        ("", &call.request.input),
        except,
        &mut errors,
    );
    rules::finish(errors)
}

fn require_numbers(call: &Call<'_>, input: &Map<String, Value>) -> Result<(), Failure> {
    match input.get("contact_numbers") {
        None if !call.is_new() => Err(Failure::php("Undefined array key \"contact_numbers\"")),
        Some(Value::Null) if !call.is_new() => Err(Failure::php("Undefined array key 0")),
        _ => Ok(()),
    }
}

fn join_organization(
    state: &mut State,
    call: &Call<'_>,
    data: &mut Map<String, Value>,
) -> Result<(), Failure> {
    if let Some(name) = data
        .remove("organization_name")
        .filter(|name| !php::is_empty(Some(name)))
    {
        let name = php::text(&name).unwrap_or_default();
        let organization = organizations::find_or_create(state, call, &name)?;
        data.insert("organization_id".to_owned(), Value::from(organization));
    }
    Ok(())
}
