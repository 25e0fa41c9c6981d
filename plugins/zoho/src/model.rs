//! The records of Zoho CRM that the connector will write, and what an operator sets for them.

use serde_json::{Value, json};

/// The kinds of record.
pub const OBJECTS: [&str; 4] = ["contact", "account", "deal", "note"];

/// The settings' JSON Schema.
pub fn settings() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "default_pipeline": {"type": ["string", "null"], "title": "Pipeline of new deals, by name", "x-choose-from": "pipelines"},
            "default_stage": {"type": ["string", "null"], "title": "Stage of new deals, by name", "x-choose-from": "pipelines"},
        },
    })
}
