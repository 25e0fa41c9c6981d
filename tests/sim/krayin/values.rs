//! The values of attributes: one row per record and attribute beside the record's own columns. Uniqueness of
//! e-mails, phones and custom attributes is asked here, never of the columns. It knows no column.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::attributes::Attribute;
use super::audit;
use super::error::Failure;
use super::php;
use super::state::{Call, State, Subject};
use super::table::Table;

/// The kinds of records that have attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entity {
    /// `persons`.
    Persons,
    /// `organizations`.
    Organizations,
    /// `leads`.
    Leads,
}

/// One value.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its own id.
    pub id: u32,
    /// Its attribute.
    pub attribute: u32,
    /// What is stored.
    pub value: Value,
}

/// The values of every record.
#[derive(Debug, Default)]
pub struct Values {
    last_id: u32,
    of: HashMap<(Entity, u32), Vec<Stored>>,
    taken: HashMap<(u32, String), Vec<u32>>,
}

impl Entity {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::Organizations => "organizations",
            Self::Leads => "leads",
        }
    }

    fn subject(self, id: u32) -> Option<Subject> {
        match self {
            Self::Persons => Some(Subject::Person(id)),
            Self::Leads => Some(Subject::Lead(id)),
            Self::Organizations => None,
        }
    }
}

impl Values {
    /// The values of a record, in the order in which they were first written.
    pub fn of(&self, entity: Entity, id: u32) -> &[Stored] {
        self.of.get(&(entity, id)).map_or(&[], Vec::as_slice)
    }

    /// One value; null where it was never written.
    pub fn get(&self, entity: Entity, id: u32, attribute: u32) -> Value {
        self.of(entity, id)
            .iter()
            .find(|stored| stored.attribute == attribute)
            .map_or(Value::Null, |stored| stored.value.clone())
    }

    /// Whether another record than `except` has this value in a unique attribute.
    pub fn is_taken(&self, attribute: &Attribute, value: &Value, except: Option<u32>) -> bool {
        unique_key(attribute, value)
            .and_then(|key| self.taken.get(&(attribute.id, key)))
            .is_some_and(|owners| owners.iter().any(|owner| Some(*owner) != except))
    }

    /// Forgets a record.
    pub fn remove(&mut self, attributes: &Table<Arc<Attribute>>, entity: Entity, id: u32) {
        for stored in self.of.remove(&(entity, id)).unwrap_or_default() {
            if let Some(attribute) = attributes.get(stored.attribute) {
                self.release(attribute, &stored.value, id);
            }
        }
    }

    /// Writes one value and gives the one before.
    fn put(&mut self, entity: Entity, id: u32, attribute: &Attribute, value: Value) -> Value {
        for key in unique_keys(attribute, &value) {
            self.taken.entry((attribute.id, key)).or_default().push(id);
        }
        let row = self.of.entry((entity, id)).or_default();
        let written = row
            .iter_mut()
            .find(|stored| stored.attribute == attribute.id);
        let before = if let Some(stored) = written {
            std::mem::replace(&mut stored.value, value)
        } else {
            self.last_id += 1;
            row.push(Stored {
                id: self.last_id,
                attribute: attribute.id,
                value,
            });
            Value::Null
        };
        self.release(attribute, &before, id);
        before
    }

    fn release(&mut self, attribute: &Attribute, value: &Value, id: u32) {
        for key in unique_keys(attribute, value) {
            let key = (attribute.id, key);
            if let Some(owners) = self.taken.get_mut(&key) {
                if let Some(position) = owners.iter().position(|owner| *owner == id) {
                    owners.swap_remove(position);
                }
                if owners.is_empty() {
                    self.taken.remove(&key);
                }
            }
        }
    }
}

/// Writes what `data` holds for the attributes in `wanted`, with an audit row for each that changes.
///
/// A boolean attribute that `data` does not name is reset to 0. What is written before an error stays written.
pub fn save(
    state: &mut State,
    call: &Call<'_>,
    (entity, id): (Entity, u32),
    data: &Map<String, Value>,
    wanted: impl Fn(&Attribute) -> bool,
) -> Result<(), Failure> {
    let attributes: Vec<Arc<Attribute>> = state
        .attributes
        .rows()
        .filter(|attribute| attribute.entity_type == entity.name() && wanted(attribute))
        .filter(|attribute| attribute.kind == "boolean" || data.contains_key(&attribute.code))
        .cloned()
        .collect();
    for attribute in attributes {
        let sent = data.get(&attribute.code).unwrap_or(&Value::Null);
        let value = column(&attribute, sent)?;
        let before = state.values.put(entity, id, &attribute, value.clone());
        if before != value
            && let Some(subject) = entity.subject(id)
        {
            audit::value_changed(state, call, subject, &attribute, (sent, &value), &before)?;
        }
    }
    Ok(())
}

/// What the column of an attribute keeps of a value.
fn column(attribute: &Attribute, sent: &Value) -> Result<Value, Failure> {
    let is_cleared = sent.is_null() || sent == "";
    Ok(match attribute.kind.as_str() {
        "boolean" => Value::from(i32::from(!php::is_empty(Some(sent)))),
        "email" | "phone" => present_items(sent)?,
        "address" => sent.clone(),
        "price" | "date" | "datetime" if is_cleared => Value::Null,
        "price" => php::float_json(php::number(sent).0),
        "select" | "lookup" if sent.is_null() => Value::Null,
        "select" | "lookup" => Value::from(php::integer(sent)),
        "multiselect" | "checkbox" => Value::from(joined(sent)?),
        "image" | "file" => Value::Null,
        _ if sent.is_null() => Value::Null,
        _ => php::text(sent)
            .map(Value::from)
            .ok_or_else(|| Failure::php("Array to string conversion"))?,
    })
}

fn present_items(sent: &Value) -> Result<Value, Failure> {
    let Value::Array(items) = sent else {
        return Ok(sent.clone());
    };
    if items.iter().any(|item| item.get("value").is_none()) {
        return Err(Failure::php("Undefined array key \"value\""));
    }
    Ok(items
        .iter()
        .filter(|item| !item["value"].is_null())
        .cloned()
        .collect())
}

fn joined(sent: &Value) -> Result<String, Failure> {
    let items = sent.as_array().ok_or_else(|| Failure::Broken {
        exception: "TypeError",
        message: "implode(): Argument #2 ($array) must be of type ?array".to_owned(),
    })?;
    Ok(items
        .iter()
        .filter_map(php::text)
        .collect::<Vec<_>>()
        .join(","))
}

fn unique_keys(attribute: &Attribute, value: &Value) -> Vec<String> {
    if !attribute.is_unique {
        return Vec::new();
    }
    match value {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| unique_key(attribute, item.get("value")?))
            .collect(),
        value => unique_key(attribute, value).into_iter().collect(),
    }
}

/// E-mails and phones are compared as JSON, byte by byte; the rest by a collation that ignores case.
fn unique_key(attribute: &Attribute, value: &Value) -> Option<String> {
    let text = php::text(value).filter(|text| !text.is_empty())?;
    let is_json = matches!(attribute.kind.as_str(), "email" | "phone");
    Some(if is_json { text } else { text.to_lowercase() })
}
