//! Tags, and attaching them to persons and leads (facts §6, §10).

use gladhand_core::clock::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::cell::Cell;
use super::error::Failure;
use super::list;
use super::php;
use super::rules;
use super::search;
use super::state::{Call, Outcome, State};
use super::table::Row;
use super::users;

/// A tag.
#[derive(Debug, Clone)]
pub struct Tag {
    /// Its id.
    pub id: u32,
    /// Its name, unique.
    pub name: String,
    /// Its colour, such as `#337CFF`.
    pub color: Option<String>,
    /// Who made it.
    pub user_id: u32,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Row for Tag {
    const COLUMNS: &'static [&'static str] =
        &["id", "name", "color", "user_id", "created_at", "updated_at"];
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
            "color" => Cell::text(self.color.as_deref()),
            "user_id" => Cell::key(Some(self.user_id)),
            "created_at" => Cell::time(Some(self.created_at)),
            "updated_at" => Cell::time(Some(self.updated_at)),
            _ => return None,
        })
    }
}

/// `GET /settings/tags`.
pub fn index(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.tags, call, |tag| render(state, tag))
}

/// `GET /settings/tags/search`.
pub fn find(state: &mut State, call: &Call<'_>) -> Outcome {
    let fields = ["name", "color", "user_id"];
    search::search(&state.tags, call, &fields, Row::cell, |tag| {
        render(state, tag)
    })
}

/// `GET /settings/tags/{id}`.
pub fn show(state: &mut State, call: &Call<'_>) -> Outcome {
    let tag = state.tags.get(call.id).ok_or(Failure::Null("id"))?;
    Ok(Answer::data(render(state, tag)))
}

/// `POST /settings/tags`.
pub fn store(state: &mut State, call: &Call<'_>) -> Outcome {
    let name = free_name(state, call, None)?;
    let id = state.tags.take_id();
    let tag = Tag {
        id,
        name,
        color: call.set("color").and_then(php::text),
        user_id: call.set("user_id").map_or(call.user, super::state::key),
        created_at: call.now,
        updated_at: call.now,
    };
    let data = render(state, &tag);
    state.tags.insert(tag);
    Ok(Answer::written(data, "Tag created successfully."))
}

/// `PUT /settings/tags/{id}`.
pub fn update(state: &mut State, call: &Call<'_>) -> Outcome {
    let name = free_name(state, call, Some(call.id))?;
    let color = call.set("color").and_then(php::text);
    let change = |tag: &mut Tag| {
        tag.name = name;
        tag.color = color.or(tag.color.take());
        tag.updated_at = call.now;
    };
    let missing = || Failure::not_found("Tag\\Models\\Tag", call.id);
    state.tags.edit(call.id, change).ok_or_else(missing)?;
    let tag = state.tags.get(call.id).ok_or_else(missing)?;
    Ok(Answer::written(
        render(state, tag),
        "Tag updated successfully.",
    ))
}

/// `DELETE /settings/tags/{id}`: also from every record.
#[expect(clippy::unnecessary_wraps, reason = "a handler, as its neighbours are")]
pub fn destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    if state.tags.remove(call.id).is_some() {
        let persons: Vec<u32> = state
            .persons
            .rows()
            .filter(|row| row.tags.contains(&call.id))
            .map(|row| row.id)
            .collect();
        for id in persons {
            state
                .persons
                .edit(id, |person| person.tags.remove(&call.id));
        }
        let leads: Vec<u32> = state
            .leads
            .rows()
            .filter(|row| row.tags.contains(&call.id))
            .map(|row| row.id)
            .collect();
        for id in leads {
            state.leads.edit(id, |lead| lead.tags.remove(&call.id));
        }
    }
    Ok(Answer::wrapped("Tag deleted successfully."))
}

/// `POST /contacts/persons/{id}/tags`.
pub fn attach_to_person(state: &mut State, call: &Call<'_>) -> Outcome {
    let tag = known(state, call, state.persons.contains(call.id), "person_tags")?;
    state
        .persons
        .edit(call.id, |person| person.tags.insert(tag));
    Ok(Answer::message("Tag attached successfully."))
}

/// `DELETE /contacts/persons/{id}/tags`.
pub fn detach_from_person(state: &mut State, call: &Call<'_>) -> Outcome {
    let tag = call.id_in("tag_id");
    let removed = state
        .persons
        .edit(call.id, |person| person.tags.remove(&tag));
    detached(call, removed)?;
    Ok(Answer::message("Tag detached successfully."))
}

/// `POST /leads/{id}/tags`.
pub fn attach_to_lead(state: &mut State, call: &Call<'_>) -> Outcome {
    let tag = known(state, call, state.leads.contains(call.id), "lead_tags")?;
    state.leads.edit(call.id, |lead| lead.tags.insert(tag));
    Ok(Answer::wrapped("Tag attached successfully."))
}

/// `DELETE /leads/{id}/tags`.
pub fn detach_from_lead(state: &mut State, call: &Call<'_>) -> Outcome {
    let tag = call.id_in("tag_id");
    let removed = state.leads.edit(call.id, |lead| lead.tags.remove(&tag));
    detached(call, removed)?;
    Ok(Answer::wrapped("Tag detached successfully."))
}

fn known(state: &State, call: &Call<'_>, is_there: bool, table: &str) -> Result<u32, Failure> {
    if !is_there {
        return Err(Failure::Null("tags"));
    }
    let tag = call.id_in("tag_id");
    match (state.tags.contains(tag), call.is_new()) {
        (true, _) => Ok(tag),
        (false, true) => Err(Failure::invalid(
            "tag_id",
            "The selected tag id is invalid.",
        )),
        (false, false) => Err(Failure::foreign_key(table, "tag_id")),
    }
}

fn detached(call: &Call<'_>, removed: Option<bool>) -> Result<(), Failure> {
    match removed {
        None => Err(Failure::php("Call to a member function tags() on null")),
        Some(false) if call.is_new() => {
            Err(Failure::not_found("Tag\\Models\\Tag", call.id_in("tag_id")))
        }
        Some(_) => Ok(()),
    }
}

fn free_name(state: &State, call: &Call<'_>, except: Option<u32>) -> Result<String, Failure> {
    rules::require(call, &["name"])?;
    let name = call.set("name").and_then(php::text).unwrap_or_default();
    let same = state.tags.having("name", &[&name]).unwrap_or_default();
    if same.into_iter().any(|id| Some(id) != except) {
        return Err(Failure::invalid("name", "The name has already been taken."));
    }
    Ok(name)
}

fn render(state: &State, tag: &Tag) -> Value {
    let mut shown = json!({
        "id": tag.id, "name": tag.name, "color": tag.color,
        "created_at": php::iso(tag.created_at), "updated_at": php::iso(tag.updated_at),
    });
    shown["user"] = users::render_id(state, tag.user_id);
    shown
}
