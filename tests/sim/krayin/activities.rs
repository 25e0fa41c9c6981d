//! Activities (facts §9): what is stored, and how it is shown and listed. Writing them is in `write`.

mod write;

use gladhand_core::clock::Timestamp;
use serde_json::{Value, json};

pub use self::write::{destroy, mass_destroy, store, update};

use super::answer::{Answer, object};
use super::cell::Cell;
use super::error::Failure;
use super::list;
use super::persons;
use super::php;
use super::state::{Call, Outcome, State, Subject};
use super::table::Row;
use super::users;

const MODEL: &str = "Activity\\Models\\Activity";

/// An activity.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Its id.
    pub id: u32,
    /// Its title.
    pub title: Option<String>,
    /// `note`, `call`, …, or `system` for an audit row.
    pub kind: String,
    /// Its text.
    pub comment: Option<String>,
    /// Any JSON, as text.
    pub additional: Option<String>,
    /// When it begins.
    pub schedule_from: Option<Timestamp>,
    /// When it ends.
    pub schedule_to: Option<Timestamp>,
    /// 1 where it is done.
    pub is_done: i64,
    /// Whose it is.
    pub user_id: Option<u32>,
    /// Where it takes place.
    pub location: Option<String>,
    /// Users who take part.
    pub users: Vec<u32>,
    /// Persons who take part.
    pub persons: Vec<u32>,
    /// What it is linked to.
    pub links: Vec<Subject>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Activity {
    /// An activity with nothing in it.
    pub fn new(id: u32, kind: &str, title: Option<String>, now: Timestamp) -> Self {
        Self {
            id,
            title,
            kind: kind.to_owned(),
            comment: None,
            additional: None,
            schedule_from: None,
            schedule_to: None,
            is_done: 0,
            user_id: None,
            location: None,
            users: Vec::new(),
            persons: Vec::new(),
            links: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }
}

impl Row for Activity {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "title",
        "type",
        "comment",
        "additional",
        "schedule_from",
        "schedule_to",
        "is_done",
        "user_id",
        "location",
        "created_at",
        "updated_at",
    ];
    const INDEXED: &'static [&'static str] = &["title"];

    fn id(&self) -> u32 {
        self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        Some(match column {
            "id" => Cell::key(Some(self.id)),
            "title" => Cell::text(self.title.as_deref()),
            "type" => Cell::text(Some(&self.kind)),
            "comment" => Cell::text(self.comment.as_deref()),
            "additional" => self
                .additional
                .as_deref()
                .map_or(Cell::Null, |text| Cell::Json(text.into())),
            "schedule_from" => Cell::time(self.schedule_from),
            "schedule_to" => Cell::time(self.schedule_to),
            "is_done" => Cell::Int(self.is_done),
            "user_id" => Cell::key(self.user_id),
            "location" => Cell::text(self.location.as_deref()),
            "created_at" => Cell::time(Some(self.created_at)),
            "updated_at" => Cell::time(Some(self.updated_at)),
            _ => return None,
        })
    }
}

/// An activity as answers show it. In its user a bug puts the name where the last change belongs.
pub fn render(state: &State, call: &Call<'_>, row: &Activity) -> Value {
    let user = row.user_id.and_then(|id| state.users.get(id)).map(|user| {
        json!({
            "id": user.id, "name": user.name, "email": user.email, "image": null,
            "created_at": php::iso(user.created_at), "updated_at": user.name,
        })
    });
    let users = row
        .users
        .iter()
        .map(|id| object([("user", users::render_id(state, *id))]));
    // A participant that was deleted since is gone from the list.
    let persons = row.persons.iter().filter(|id| state.persons.contains(**id));
    let persons = persons.map(|id| object([("person", persons::render_id(state, call, *id))]));
    let additional = row
        .additional
        .as_deref()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "id": row.id, "parent_id": null, "title": row.title, "type": row.kind,
        "comment": row.comment, "additional": additional,
        "schedule_from": row.schedule_from.map(php::iso), "schedule_to": row.schedule_to.map(php::iso),
        "is_done": row.is_done, "user": user, "files": [],
        "participants": users.chain(persons).collect::<Vec<_>>(), "location": row.location,
        "created_at": php::iso(row.created_at), "updated_at": php::iso(row.updated_at),
    })
}

/// `GET /activities`, audit rows included.
pub fn index(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.activities, call, |row| render(state, call, row))
}

/// `GET /activities/{id}`.
pub fn show(state: &mut State, call: &Call<'_>) -> Outcome {
    let row = state
        .activities
        .get(call.id)
        .ok_or_else(|| Failure::not_found(MODEL, call.id))?;
    Ok(Answer::data(render(state, call, row)))
}
