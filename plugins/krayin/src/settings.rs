//! What an operator sets per connection, and its JSON Schema.
//!
//! `x-choose-from` names the `discover` listing that a setup page offers for a field.

use serde::Deserialize;
use serde_json::{Value, json};

/// Settings of a connection. Ids that are not set are found out: see `catalog`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub default_pipeline_id: Option<u64>,
    pub default_stage_id: Option<u64>,
    pub default_source_id: Option<u64>,
    pub default_type_id: Option<u64>,
    /// ISO 3166-1 alpha-2: where phone numbers without a country code are from.
    pub default_country: Option<String>,
    pub sync_conversations: bool,
    pub sync_messages: bool,
    pub sync_to_organization: bool,
    pub stage_progression_enabled: bool,
    pub stage_on_conversation_created: Option<u64>,
    pub stage_on_first_response: Option<u64>,
    pub stage_on_conversation_resolved: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_pipeline_id: None,
            default_stage_id: None,
            default_source_id: None,
            default_type_id: None,
            default_country: None,
            sync_conversations: true,
            // One request per message is a lot of sixty per minute.
            sync_messages: false,
            sync_to_organization: true,
            stage_progression_enabled: false,
            stage_on_conversation_created: None,
            stage_on_first_response: None,
            stage_on_conversation_resolved: None,
        }
    }
}

/// The settings' JSON Schema.
pub fn schema() -> Value {
    let id = |title: &str, from: &str| json!({"type": ["integer", "null"], "minimum": 1, "title": title, "x-choose-from": from});
    let flag =
        |title: &str, default: bool| json!({"type": "boolean", "title": title, "default": default});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "default_pipeline_id": id("Pipeline of new leads", "pipelines"),
            "default_stage_id": id("Stage of new leads", "pipelines"),
            "default_source_id": id("Source of new leads", "sources"),
            "default_type_id": id("Type of new leads", "types"),
            "default_country": {
                "type": ["string", "null"], "pattern": "^[A-Z]{2}$",
                "title": "Country of phone numbers without a country code (ISO 3166-1 alpha-2)",
            },
            "sync_conversations": flag("Make an activity of each conversation", true),
            "sync_messages": flag("Make a note of each message", false),
            "sync_to_organization": flag("Put persons into the organisation of their company", true),
            "stage_progression_enabled": flag("Move leads as conversations go on", false),
            "stage_on_conversation_created": id("Stage when a conversation begins", "pipelines"),
            "stage_on_first_response": id("Stage when an agent first answers", "pipelines"),
            "stage_on_conversation_resolved": id("Stage when a conversation is resolved", "pipelines"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_in_the_schema_and_every_property_is_a_setting() {
        let schema = schema();
        let properties = schema["properties"].as_object().unwrap();
        for name in properties.keys() {
            serde_json::from_value::<Settings>(json!({name: Value::Null}))
                .err()
                .into_iter()
                .for_each(|error| assert!(!error.to_string().contains("unknown field"), "{name}"));
        }
        let printed = format!("{:?}", Settings::default());
        assert_eq!(printed.matches(": ").count(), properties.len());
    }

    #[test]
    fn nothing_set_is_a_valid_configuration() {
        assert_eq!(
            serde_json::from_value::<Settings>(json!({})).unwrap(),
            Settings::default()
        );
    }
}
