//! What connectors say of themselves and of their CRM, against the schemas that other languages are told to follow.

use std::fs;
use std::path::PathBuf;

use gladhand_core::descriptor::Descriptor;
use gladhand_tests::host::{Setup, TestHost};
use jsonschema::Validator;
use serde_json::Value;
use tempfile::TempDir;

use crate::day::krayin;

#[tokio::test(flavor = "multi_thread")]
async fn every_descriptor_is_as_its_schema_says_and_loses_nothing_in_the_host() {
    let dir = TempDir::new().expect("a folder");
    let host = TestHost::start(&Setup::new(dir.path(), Vec::new()))
        .await
        .expect("the host starts");
    let schema = schema("descriptor");
    let versions = gladhand_store::Catalog::versions(&*host.host.store)
        .await
        .expect("a list");
    let mut names: Vec<_> = versions
        .iter()
        .map(|version| version.descriptor.id.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["hubspot", "krayin", "odoo", "zoho"]);
    for version in &versions {
        let json = serde_json::to_value(&version.descriptor).expect("a descriptor is JSON");
        check(
            &schema,
            &version.descriptor.id,
            &without_nulls(json.clone()),
        );
        let again: Descriptor = serde_json::from_value(json).expect("its own JSON");
        assert_eq!(again, version.descriptor);
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_krayin_offers_to_discover_is_as_its_schema_says() {
    let (_crm, joined) = krayin();
    let dir = TempDir::new().expect("a folder");
    let host = TestHost::start(&Setup::new(dir.path(), vec![joined]))
        .await
        .expect("the host starts");
    let schema = schema("discover");
    let directory = host.host.engine.directory();
    let connection = directory.order[0];
    let connector = directory.connector_of(connection).expect("it is loaded");
    assert!(!connector.descriptor().discovers.is_empty());
    for what in &connector.descriptor().discovers {
        let answer = host
            .host
            .engine
            .discover(connection, what)
            .await
            .expect("an answer");
        check(&schema, what, &answer);
    }
    host.stop().await;
}

#[track_caller]
fn check(schema: &Validator, what: &str, instance: &Value) {
    let problems: Vec<String> = schema
        .iter_errors(instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{what}: {problems:#?}\n{instance:#}");
}

fn schema(name: &str) -> Validator {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = workspace
        .join("../docs/schema")
        .join(format!("{name}.json"));
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("the schema")).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// The host writes absent fields as null; a connector leaves them out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
