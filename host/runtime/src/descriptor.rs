//! From a component's own words to a descriptor that the host can rely on.

use gladhand_core::descriptor::Descriptor;
use serde_json::Value;

use crate::limits::Limits;
use crate::refusal::LoadError;

/// Bytes of a descriptor. A settings schema of a large CRM has some ten thousand.
const MOST_BYTES: usize = 1 << 20;

/// Reads a descriptor and says where it is wrong.
pub fn read(text: &str) -> Result<Descriptor, LoadError> {
    if text.len() > MOST_BYTES {
        return Err(problem(
            ".",
            format!("it has {} bytes and may have {MOST_BYTES}", text.len()),
        ));
    }
    let json: Value =
        serde_json::from_str(text).map_err(|error| problem(".", error.to_string()))?;
    let descriptor: Descriptor = serde_path_to_error::deserialize(json)
        .map_err(|error| problem(&error.path().to_string(), error.inner().to_string()))?;
    check(&descriptor)?;
    Ok(descriptor)
}

/// What a call of this connector may use: what it asks for, within what this host gives.
pub fn limits(descriptor: &Descriptor, host: &Limits) -> Result<Limits, LoadError> {
    let asked = &descriptor.limits;
    let mut limits = *host;
    if let Some(bytes) = asked.memory_bytes {
        limits.memory_bytes = within("bytes of memory", bytes, host.memory_bytes as u64)?
            .try_into()
            .unwrap_or(usize::MAX);
    }
    if let Some(ms) = asked.deadline_ms {
        let most = u64::try_from(host.deadline.as_millis()).unwrap_or(u64::MAX);
        limits.deadline =
            std::time::Duration::from_millis(within("milliseconds for a call", ms, most)?);
    }
    Ok(limits)
}

fn within(what: &'static str, asked: u64, limit: u64) -> Result<u64, LoadError> {
    if asked > limit {
        return Err(LoadError::Limit { what, asked, limit });
    }
    Ok(asked)
}

fn check(descriptor: &Descriptor) -> Result<(), LoadError> {
    let is_id_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let id = &descriptor.id;
    if id.is_empty() || id.len() > 64 || !id.chars().all(is_id_char) {
        return Err(problem(
            "id",
            "it may have lower-case letters, digits and hyphens, at most 64",
        ));
    }
    if let Err(error) = semver::Version::parse(&descriptor.version) {
        return Err(problem("version", format!("{error}, expected like 1.2.0")));
    }
    if descriptor.hosts.is_empty() {
        return Err(problem(
            "hosts",
            "it names no host, so that no request could leave: name `{base-url}`",
        ));
    }
    if descriptor.events.is_empty() {
        return Err(problem(
            "events",
            "it names no event kind, so that nothing would ever reach it",
        ));
    }
    if !(descriptor.settings.is_null() || descriptor.settings.is_object()) {
        return Err(problem("settings", "a JSON Schema is an object"));
    }
    Ok(())
}

fn problem(path: &str, problem: impl Into<String>) -> LoadError {
    LoadError::Descriptor {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn descriptor() -> Value {
        json!({
            "id": "acme",
            "name": "Acme",
            "version": "1.2.0",
            "state": 1,
            "auth": { "scheme": "none" },
            "hosts": ["{base-url}"],
            "events": ["contact.changed"],
            "lookup-after-ms": 60_000,
        })
    }

    #[track_caller]
    fn check(field: &str, value: Value, expect: &str) {
        let mut descriptor = descriptor();
        descriptor[field] = value;
        let refusal = read(&descriptor.to_string()).expect_err("it is wrong");
        assert_eq!(
            refusal.to_string(),
            format!("the component's descriptor is not valid at {expect}")
        );
    }

    #[test]
    fn what_a_newer_connector_says_is_ignored() {
        let mut newer = descriptor();
        newer["telepathy"] = json!({ "range-m": 3 });
        assert!(read(&newer.to_string()).is_ok());
    }

    #[test]
    fn a_wrong_descriptor_says_where() {
        check(
            "id",
            json!("Acme CRM"),
            "`id`: it may have lower-case letters, digits and hyphens, at most 64",
        );
        check(
            "version",
            json!("1.2"),
            "`version`: unexpected end of input while parsing minor version number, expected like 1.2.0",
        );
        check(
            "hosts",
            json!([]),
            "`hosts`: it names no host, so that no request could leave: name `{base-url}`",
        );
        check(
            "events",
            json!([]),
            "`events`: it names no event kind, so that nothing would ever reach it",
        );
        check(
            "settings",
            json!([]),
            "`settings`: a JSON Schema is an object",
        );
        check(
            "budgets",
            json!([{ "name": "requests", "limit": "sixty", "window-ms": 1, "kind": "fixed" }]),
            "`budgets[0].limit`: invalid type: string \"sixty\", expected u32",
        );
    }

    #[test]
    fn text_that_is_not_json_is_no_descriptor() {
        let refusal = read("I am Acme").expect_err("it is prose");
        assert_eq!(
            refusal.to_string(),
            "the component's descriptor is not valid at `.`: expected value at line 1 column 1"
        );
    }

    #[test]
    fn a_connector_may_ask_for_less_and_not_for_more() {
        let mut modest = descriptor();
        modest["limits"] = json!({ "memory-bytes": 1_048_576, "deadline-ms": 5_000 });
        let modest = read(&modest.to_string()).expect("it is valid");
        let limits = limits(&modest, &Limits::STANDARD).expect("it is less");
        assert_eq!(limits.memory_bytes, 1 << 20);
        assert_eq!(limits.deadline.as_millis(), 5_000);

        let mut greedy = descriptor();
        greedy["limits"] = json!({ "memory-bytes": 1 << 30 });
        let greedy = read(&greedy.to_string()).expect("it is valid");
        let refusal = super::limits(&greedy, &Limits::STANDARD).expect_err("it is more");
        assert_eq!(
            refusal.to_string(),
            "the component asks for 1073741824 bytes of memory and this host gives at most 67108864"
        );
    }
}
