//! Everything an installation stores. The rules about it live with each noun; here is only what is there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use gladhand_core::clock::Timestamp;
use serde_json::Value;

use super::activities::Activity;
use super::attributes::Attribute;
use super::auth::Tokens;
use super::error::{Contract, Failure};
use super::leads::Lead;
use super::organizations::Organization;
use super::persons::Person;
use super::request::Request;
use super::settings::{Named, Pipeline, Stage};
use super::table::Table;
use super::tags::Tag;
use super::throttle::Throttle;
use super::users::{Role, User};
use super::values::Values;

/// The database.
#[derive(Debug, Default)]
pub struct State {
    /// People who can log in.
    pub users: Table<User>,
    /// Their roles.
    pub roles: Table<Role>,
    /// Personal access tokens.
    pub tokens: Tokens,
    /// Requests counted per minute.
    pub throttle: Throttle,
    /// Sales pipelines.
    pub pipelines: Table<Pipeline>,
    /// Their stages.
    pub stages: Table<Stage>,
    /// Lead sources.
    pub sources: Table<Named>,
    /// Lead types.
    pub types: Table<Named>,
    /// Fields of records, seeded and custom.
    pub attributes: Table<Arc<Attribute>>,
    /// What records hold in those fields.
    pub values: Values,
    /// Tags.
    pub tags: Table<Tag>,
    /// Persons.
    pub persons: Table<Person>,
    /// `persons.unique_id`, which has a unique index.
    pub unique_ids: HashMap<String, u32>,
    /// Organizations.
    pub organizations: Table<Organization>,
    /// Leads.
    pub leads: Table<Lead>,
    /// Activities, audit rows included.
    pub activities: Table<Activity>,
    /// Activities by what they are linked to.
    pub links: HashMap<Subject, BTreeSet<u32>>,
    /// Whether changes write audit rows.
    pub is_audited: bool,
}

/// What an activity can be linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person.
    Person(u32),
    /// A lead.
    Lead(u32),
}

/// One request on its way through the application.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The request.
    pub request: &'a Request,
    /// The id in the path; 0 where there is none.
    pub id: u32,
    /// The last segment of the path.
    pub last: &'a str,
    /// Who asks; 0 before a login.
    pub user: u32,
    /// The server's time.
    pub now: Timestamp,
    /// How errors are said, and which generation answers.
    pub contract: Contract,
    /// Where the server thinks it is.
    pub base_url: &'a str,
    /// Records made after this are not found by lists and searches yet.
    pub visible_until: Timestamp,
}

impl Call<'_> {
    /// Whether the rest-api of 2026 answers.
    pub fn is_new(&self) -> bool {
        self.contract == Contract::Generation2026
    }

    /// A field of the input; null counts as absent, as in `isset`.
    pub fn set(&self, name: &str) -> Option<&Value> {
        self.request
            .input
            .get(name)
            .filter(|value| !value.is_null())
    }

    /// An id in the input; 0 where it is none.
    pub fn id_in(&self, name: &str) -> u32 {
        self.set(name).map_or(0, key)
    }
}

impl State {
    /// A fresh installation, made at `now`.
    pub fn seeded(now: Timestamp, admin: (&str, &str), is_audited: bool) -> Self {
        let mut state = Self {
            is_audited,
            ..Self::default()
        };
        super::seed::fill(&mut state, now, admin);
        state
    }

    /// Links an activity.
    pub fn link(&mut self, subject: Subject, activity: u32) {
        if self.links.entry(subject).or_default().insert(activity) {
            self.activities
                .edit(activity, |row| row.links.push(subject));
        }
    }

    /// The activities of a record, newest first.
    pub fn linked(&self, subject: Subject) -> Vec<&Activity> {
        let ids = self.links.get(&subject).into_iter().flatten();
        let mut rows: Vec<_> = ids.filter_map(|id| self.activities.get(*id)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at.0 / 1000, row.id)));
        rows
    }

    /// Deletes the activities of a record, as deleting the record does first of all.
    pub fn drop_linked(&mut self, subject: Subject) {
        for id in self.links.remove(&subject).unwrap_or_default() {
            self.remove_activity(id);
        }
    }

    /// Deletes an activity and its links.
    pub fn remove_activity(&mut self, id: u32) -> bool {
        let Some(row) = self.activities.remove(id) else {
            return false;
        };
        for subject in row.links {
            if let Some(ids) = self.links.get_mut(&subject) {
                ids.remove(&id);
            }
        }
        true
    }
}

/// A value as a foreign key; 0 where it is none.
pub fn key(value: &Value) -> u32 {
    u32::try_from(super::php::integer(value)).unwrap_or(0)
}

/// A foreign key column as the input sets it: null where it is empty.
pub fn nullable_key(value: Option<&Value>) -> Option<u32> {
    value
        .filter(|value| !super::php::is_empty(Some(value)))
        .map(key)
}

/// What a handler gives.
pub type Outcome = Result<super::answer::Answer, Failure>;

/// The `indices` of a mass action.
pub fn indices(call: &Call<'_>) -> Result<Vec<u32>, Failure> {
    super::rules::require(call, &["indices"])?;
    let indices = call.set("indices").and_then(Value::as_array);
    let indices =
        indices.ok_or_else(|| Failure::invalid("indices", "The indices must be an array."))?;
    Ok(indices.iter().map(key).collect())
}
