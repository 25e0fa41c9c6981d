//! The shapes of what `discover` answers, so that setup looks alike for every CRM. Serialised: docs/schema/discover.json.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A list of what the CRM offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing<T> {
    /// In the CRM's own order.
    pub items: Vec<T>,
}

impl<T: Serialize> Listing<T> {
    /// As `discover` answers it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a listing holds nothing but text, numbers and flags")
    }
}

/// For `pipelines`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// The CRM's id.
    pub id: String,
    /// What is written to put a record there; ids and values differ in some CRMs.
    pub value: Value,
    /// For people.
    pub name: String,
    /// Used where nothing is configured.
    pub default: bool,
    /// In the order in which records move.
    pub stages: Vec<Stage>,
}

/// One step of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The CRM's id.
    pub id: String,
    /// What is written to put a record there.
    pub value: Value,
    /// For people.
    pub name: String,
    /// A record here is finished.
    pub closed: bool,
    /// A record here was won.
    pub won: bool,
}

/// For `sources`, `types` and `owners`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The CRM's id.
    pub id: String,
    /// What is written to choose it.
    pub value: Value,
    /// For people.
    pub name: String,
    /// Of an owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}
