//! The records of Odoo that the connector will write, and what an operator sets for them.

use serde_json::{Value, json};

/// The kinds of record.
pub const OBJECTS: [&str; 3] = ["partner", "lead", "note"];

/// The settings' JSON Schema.
pub fn settings() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "database": {"type": ["string", "null"], "title": "Database, where the server has several"},
            "default_team_id": {"type": ["integer", "null"], "title": "Sales team of new leads", "x-choose-from": "pipelines"},
            "default_stage_id": {"type": ["integer", "null"], "title": "Stage of new leads", "x-choose-from": "pipelines"},
        },
    })
}
