//! The records of Krayin's answers, as far as they are read. Ids are text, whatever Krayin sends.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::Error;

/// `{"data": …}`, which nearly every answer is.
#[derive(Debug, Deserialize)]
struct Envelope<T> {
    data: T,
}

/// Reads the `data` of an answer.
pub fn data<T: for<'de> Deserialize<'de>>(answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer)
        .map(|Envelope { data }| data)
        .map_err(|error| {
            Error::Broken(format!(
                "Krayin's answer is not of the known shape: {error}"
            ))
        })
}

/// Anything that was just created or is named in a list.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default)]
    pub name: Option<String>,
}

/// An e-mail address or phone number with its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(default, deserialize_with = "text")]
    pub value: String,
    #[serde(default = "work", deserialize_with = "label")]
    pub label: String,
}

impl Entry {
    /// An entry of the kind that Krayin's own form makes.
    pub fn new(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            label: work(),
        }
    }
}

/// A person, as a search answers it.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default)]
    emails: Option<Vec<Entry>>,
    #[serde(default)]
    contact_numbers: Option<Vec<Entry>>,
}

impl Person {
    /// Whether this address is the person's, in any case.
    pub fn has_email(&self, email: &str) -> bool {
        entries(self.emails.as_ref()).any(|entry| entry.value.trim().to_lowercase() == email)
    }

    /// Whether this number is the person's, as stored.
    pub fn has_phone(&self, phone: &str) -> bool {
        entries(self.contact_numbers.as_ref()).any(|entry| entry.value.trim() == phone)
    }
}

fn entries(list: Option<&Vec<Entry>>) -> impl Iterator<Item = &Entry> {
    list.into_iter().flatten()
}

/// A lead.
#[derive(Debug, Clone, Deserialize)]
pub struct Lead {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default)]
    pub person: Option<Named>,
    #[serde(rename = "lead_pipeline_id")]
    pub pipeline: u64,
    #[serde(rename = "lead_pipeline_stage_id")]
    pub stage: u64,
}

/// An activity.
#[derive(Debug, Clone, Deserialize)]
pub struct Activity {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

/// A pipeline with its stages, in the order in which leads move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    pub id: u64,
    pub name: String,
    #[serde(default, deserialize_with = "flag")]
    pub is_default: bool,
    pub stages: Vec<Stage>,
}

impl Pipeline {
    /// The stage of this id.
    pub fn stage(&self, id: u64) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == id)
    }

    /// How far along a stage is.
    pub fn position(&self, id: u64) -> Option<usize> {
        self.stages.iter().position(|stage| stage.id == id)
    }
}

/// One step of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub id: u64,
    #[serde(default)]
    pub code: Option<String>,
    pub name: String,
}

impl Stage {
    /// A lead here was won.
    pub fn is_won(&self) -> bool {
        self.code.as_deref() == Some("won")
    }

    /// A lead here is finished: Krayin has no status beside the stage's code.
    pub fn is_closed(&self) -> bool {
        self.is_won() || self.code.as_deref() == Some("lost")
    }
}

/// A source, a type or a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub id: u64,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(serde::de::Error::custom(format!("{other} is no id"))),
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(|label| label.unwrap_or_else(work))
}

fn work() -> String {
    "work".to_owned()
}

/// Krayin writes flags as 0 and 1, newer ones as false and true.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value == Value::Bool(true) || value == 1)
}
