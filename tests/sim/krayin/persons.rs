//! Persons (facts §6): what is stored, and how it is shown, listed and searched. Writing them is in `write`.

mod columns;
mod write;

use std::collections::BTreeSet;

use gladhand_core::clock::Timestamp;
use serde_json::{Map, Value, json};

pub use self::write::{create, destroy, mass_destroy, store, update};

use super::answer::Answer;
use super::attributes;
use super::cell::Cell;
use super::error::Failure;
use super::list;
use super::organizations;
use super::php;
use super::search;
use super::state::{Call, Outcome, State, Subject};
use super::table::Row;
use super::users;
use super::values::Entity;

/// A person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// `[{value, label}]`.
    pub emails: Value,
    /// `emails` as the column holds it, which is what a search sees.
    pub emails_text: String,
    /// `[{value, label}]`; null where a nested person had none.
    pub contact_numbers: Value,
    /// `contact_numbers` as the column holds it.
    pub numbers_text: String,
    /// Its job title.
    pub job_title: Option<String>,
    /// Its sales owner.
    pub user_id: Option<u32>,
    /// Its organization.
    pub organization_id: Option<u32>,
    /// What the unique index is over.
    pub unique_id: String,
    /// Its tags.
    pub tags: BTreeSet<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Row for Person {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "emails",
        "contact_numbers",
        "job_title",
        "user_id",
        "organization_id",
        "unique_id",
        "created_at",
        "updated_at",
    ];
    const INDEXED: &'static [&'static str] = &["name", "organization_id"];
    const SEARCHED: &'static [&'static str] = &["emails", "contact_numbers"];

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
            "emails" => Cell::Json(self.emails_text.as_str().into()),
            "contact_numbers" if self.contact_numbers.is_null() => Cell::Null,
            "contact_numbers" => Cell::Json(self.numbers_text.as_str().into()),
            "job_title" => Cell::text(self.job_title.as_deref()),
            "user_id" => Cell::key(self.user_id),
            "organization_id" => Cell::key(self.organization_id),
            "unique_id" => Cell::text(Some(&self.unique_id)),
            "created_at" => Cell::time(Some(self.created_at)),
            "updated_at" => Cell::time(Some(self.updated_at)),
            _ => return None,
        })
    }
}

/// A person as answers show it.
pub fn render(state: &State, call: &Call<'_>, row: &Person) -> Value {
    render_in(state, call, row, row.organization_id)
}

/// A person by id; null where there is none.
pub fn render_id(state: &State, call: &Call<'_>, id: u32) -> Value {
    state
        .persons
        .get(id)
        .map_or(Value::Null, |row| render(state, call, row))
}

/// A person with its attributes, as a look-up shows it.
pub fn raw(state: &State, id: u32) -> Option<Value> {
    let row = state.persons.get(id)?;
    let mut fields = Map::from_iter([
        ("id".to_owned(), json!(row.id)),
        ("name".to_owned(), json!(row.name)),
    ]);
    fields.extend(attributes::raw(state, Entity::Persons, id));
    let organization = fields.get("organization_id").map_or(0, super::state::key);
    let organization = state.organizations.get(organization).map(|row| {
        let mut fields = organizations::raw(state, row.id).unwrap_or_default();
        fields["created_at"] = php::iso(row.created_at);
        fields["updated_at"] = php::iso(row.updated_at);
        fields
    });
    fields.insert("organization".to_owned(), organization.unwrap_or_default());
    Some(Value::Object(fields))
}

/// `GET /contacts/persons`.
pub fn index(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.persons, call, |row| render(state, call, row))
}

/// `GET /contacts/persons/{id}`.
pub fn show(state: &mut State, call: &Call<'_>) -> Outcome {
    let row = state.persons.get(call.id).ok_or(Failure::Null("id"))?;
    Ok(Answer::data(render(state, call, row)))
}

/// `GET /contacts/persons/search`.
pub fn find(state: &mut State, call: &Call<'_>) -> Outcome {
    refuse_limited(state, call)?;
    let fields = [
        "name",
        "emails",
        "contact_numbers",
        "organization_id",
        "job_title",
        "organization.name",
        "user_id",
        "user.name",
    ];
    search::search(
        &state.persons,
        call,
        &fields,
        |row, field| cell(state, row, field),
        |row| render(state, call, row),
    )
}

/// `GET /contacts/persons/{id}/activities`: an unknown person has none.
#[expect(clippy::unnecessary_wraps, reason = "a handler, as its neighbours are")]
pub fn activities(state: &mut State, call: &Call<'_>) -> Outcome {
    let rows = state.linked(Subject::Person(call.id));
    let rendered = rows
        .into_iter()
        .map(|row| super::activities::render(state, call, row));
    Ok(Answer::data(rendered.collect()))
}

/// Both searches crash for users who may not see everything.
pub fn refuse_limited(state: &State, call: &Call<'_>) -> Result<(), Failure> {
    let is_limited = state
        .users
        .get(call.user)
        .is_some_and(|user| user.view_permission != "global");
    if is_limited && !call.is_new() {
        return Err(Failure::Broken {
            exception: "BadMethodCallException",
            message:
                "Method Illuminate\\Database\\Eloquent\\Collection::findWhereIn does not exist."
                    .to_owned(),
        });
    }
    Ok(())
}

/// The name of a record's owner.
pub fn owner_name(state: &State, user: Option<u32>) -> Cell<'_> {
    let user = user.and_then(|id| state.users.get(id));
    Cell::text(user.map(|user| user.name.as_str()))
}

fn cell<'a>(state: &'a State, row: &'a Person, field: &str) -> Option<Cell<'a>> {
    match field {
        "organization.name" => {
            let organization = row
                .organization_id
                .and_then(|id| state.organizations.get(id));
            Some(Cell::text(organization.map(|row| row.name.as_str())))
        }
        "user.name" => Some(owner_name(state, row.user_id)),
        _ => row.cell(field),
    }
}

fn render_in(state: &State, call: &Call<'_>, row: &Person, organization: Option<u32>) -> Value {
    let mut shown = json!({
        "id": row.id, "name": row.name, "emails": row.emails,
        "contact_numbers": row.contact_numbers, "job_title": row.job_title,
        "created_at": php::iso(row.created_at), "updated_at": php::iso(row.updated_at),
    });
    if let Some(organization) = organization.and_then(|id| state.organizations.get(id)) {
        shown["organization"] = organizations::render(organization);
    }
    if let Some(owner) = row.user_id.and_then(|id| state.users.get(id)) {
        shown["sales_owner"] = users::render(state, owner);
    }
    if call.is_new() {
        for (code, value) in attributes::custom(state, Entity::Persons, row.id) {
            shown[code] = value;
        }
    }
    shown
}
