//! Organizations (facts §7): the name is unique, and a missing one is an empty one.

use gladhand_core::clock::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::attributes;
use super::cell::Cell;
use super::error::Failure;
use super::list;
use super::php;
use super::rules;
use super::state::{Call, Outcome, State, nullable_key};
use super::table::Row;
use super::values::{self, Entity};

const MODEL: &str = "Contact\\Models\\Organization";

/// An organization.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its address as sent.
    pub address: Value,
    /// Whose it is.
    pub user_id: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Row for Organization {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "address",
        "user_id",
        "created_at",
        "updated_at",
    ];
    const INDEXED: &'static [&'static str] = &["name"];

    fn id(&self) -> u32 {
        self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        Some(match column {
            "id" => Cell::key(Some(self.id)),
            "name" => Cell::text(Some(&self.name)),
            "address" if self.address.is_null() => Cell::Null,
            "address" => Cell::Json(php::json_text(&self.address).into()),
            "user_id" => Cell::key(self.user_id),
            "created_at" => Cell::time(Some(self.created_at)),
            "updated_at" => Cell::time(Some(self.updated_at)),
            _ => return None,
        })
    }
}

/// An organization as answers show it.
pub fn render(row: &Organization) -> Value {
    json!({
        "id": row.id, "name": row.name, "address": row.address,
        "created_at": php::iso(row.created_at), "updated_at": php::iso(row.updated_at),
    })
}

/// An organization with its attributes, as a look-up shows it.
pub fn raw(state: &State, id: u32) -> Option<Value> {
    let row = state.organizations.get(id)?;
    let mut fields = Map::from_iter([("id".to_owned(), json!(row.id))]);
    fields.extend(attributes::raw(state, Entity::Organizations, id));
    Some(Value::Object(fields))
}

/// The one with exactly this name (case aside), made if there is none.
pub fn find_or_create(state: &mut State, call: &Call<'_>, name: &str) -> Result<u32, Failure> {
    if let Some(id) = state
        .organizations
        .having("name", &[name])
        .unwrap_or_default()
        .first()
    {
        return Ok(*id);
    }
    create(
        state,
        call,
        &Map::from_iter([("name".to_owned(), Value::from(name))]),
    )
}

/// `GET /contacts/organizations`.
pub fn index(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.organizations, call, render)
}

/// `GET /contacts/organizations/{id}`.
pub fn show(state: &mut State, call: &Call<'_>) -> Outcome {
    let row = state
        .organizations
        .get(call.id)
        .ok_or(Failure::Null("id"))?;
    Ok(Answer::data(render(row)))
}

/// `POST /contacts/organizations`.
pub fn store(state: &mut State, call: &Call<'_>) -> Outcome {
    let input = &call.request.input;
    check(state, call, None)?;
    let id = create(state, call, input)?;
    let row = state.organizations.get(id).ok_or(Failure::Null("id"))?;
    let mut data = render(row);
    if !input.contains_key("name") {
        data["name"] = Value::Null;
    }
    Ok(Answer::written(data, "Organization created successfully."))
}

/// `PUT /contacts/organizations/{id}`.
pub fn update(state: &mut State, call: &Call<'_>) -> Outcome {
    let input = &call.request.input;
    check(state, call, Some(call.id))?;
    let missing = || Failure::not_found(MODEL, call.id);
    let mut row = state
        .organizations
        .get(call.id)
        .ok_or_else(missing)?
        .clone();
    apply(state, &mut row, input)?;
    row.updated_at = call.now;
    let data = render(&row);
    state.organizations.edit(call.id, |old| *old = row);
    values::save(state, call, (Entity::Organizations, call.id), input, |_| {
        true
    })?;
    Ok(Answer::written(data, "Organization updated successfully."))
}

/// `DELETE /contacts/organizations/{id}`: 200 whatever happened.
#[expect(clippy::unnecessary_wraps, reason = "a handler, as its neighbours are")]
pub fn destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    if remove(state, call.id) {
        Ok(Answer::wrapped("Organization deleted successfully."))
    } else {
        Ok(Answer::wrapped("Organization delete failed."))
    }
}

/// `POST /contacts/organizations/mass-destroy`.
pub fn mass_destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    for id in super::state::indices(call)? {
        remove(state, id);
    }
    Ok(Answer::wrapped("Organization deleted successfully."))
}

fn remove(state: &mut State, id: u32) -> bool {
    if state.organizations.remove(id).is_none() {
        return false;
    }
    state
        .values
        .remove(&state.attributes, Entity::Organizations, id);
    let members = state
        .persons
        .having("organization_id", &[&id.to_string()])
        .unwrap_or_default();
    for person in members {
        state
            .persons
            .edit(person, |person| person.organization_id = None);
    }
    true
}

fn check(state: &State, call: &Call<'_>, except: Option<u32>) -> Result<(), Failure> {
    let mut errors = Vec::new();
    rules::check(
        state,
        Entity::Organizations,
        ("", &call.request.input),
        except,
        &mut errors,
    );
    rules::finish(errors)
}

fn create(state: &mut State, call: &Call<'_>, input: &Map<String, Value>) -> Result<u32, Failure> {
    let mut row = Organization {
        id: state.organizations.take_id(),
        name: String::new(),
        address: Value::Null,
        user_id: None,
        created_at: call.now,
        updated_at: call.now,
    };
    apply(state, &mut row, input)?;
    let id = row.id;
    state.organizations.insert(row);
    values::save(state, call, (Entity::Organizations, id), input, |_| true)?;
    Ok(id)
}

fn apply(state: &State, row: &mut Organization, input: &Map<String, Value>) -> Result<(), Failure> {
    if let Some(name) = input.get("name") {
        row.name = php::truncate_chars(php::text(name).unwrap_or_default(), 255);
    }
    if let Some(address) = input.get("address") {
        row.address = address.clone();
    }
    if input.contains_key("user_id") {
        row.user_id = nullable_key(input.get("user_id"));
    }
    if row.user_id.is_some_and(|user| !state.users.contains(user)) {
        return Err(Failure::foreign_key("organizations", "user_id"));
    }
    let same = state
        .organizations
        .having("name", &[&row.name])
        .unwrap_or_default();
    if same.into_iter().any(|other| other != row.id) {
        return Err(Failure::duplicate(&row.name, "organizations_name_unique"));
    }
    Ok(())
}
