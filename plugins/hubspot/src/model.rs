//! The records of HubSpot that the connector will write, and what an operator sets for them.

use serde_json::{Value, json};

/// The kinds of record.
pub const OBJECTS: [&str; 4] = ["contact", "company", "deal", "note"];

/// The settings' JSON Schema.
pub fn settings() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "default_pipeline_id": {"type": ["string", "null"], "title": "Pipeline of new deals", "x-choose-from": "pipelines"},
            "default_stage_id": {"type": ["string", "null"], "title": "Stage of new deals", "x-choose-from": "pipelines"},
        },
    })
}
