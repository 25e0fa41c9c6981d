//! Whether a connection's settings and credentials fit the connector that it is to run.

use gladhand_core::connection::Connection;
use gladhand_core::descriptor::Descriptor;
use gladhand_store::catalog::Version;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::nearest::nearest;

/// What a connection gives its connector.
pub struct Given<'a> {
    /// Where its CRM is was said.
    pub has_base_url: bool,
    /// The credentials that are given with it …
    pub credentials: &'a [&'a str],
    /// … and those that its account has.
    pub stored: &'a [&'a str],
    /// The connector's own settings.
    pub settings: &'a Value,
}

/// Everything about a connection that does not fit its connector.
pub fn misfits(descriptor: &Descriptor, given: &Given<'_>) -> Vec<String> {
    let needs_base_url = descriptor
        .hosts
        .iter()
        .any(|host| host.contains("{base-url}"));
    let missing = (needs_base_url && !given.has_base_url).then(|| {
        format!(
            "the connector `{}` needs the `base_url` (--base-url) of the CRM",
            descriptor.id
        )
    });
    missing
        .into_iter()
        .chain(credential_problems(
            descriptor,
            given.credentials,
            given.stored,
        ))
        .chain(settings_problems(descriptor, given.settings))
        .collect()
}

/// Everything about `settings` that the connector's schema does not allow.
fn settings_problems(descriptor: &Descriptor, settings: &Value) -> Vec<String> {
    if descriptor.settings.is_null() {
        return Vec::new();
    }
    let schema = match jsonschema::validator_for(&descriptor.settings) {
        Ok(schema) => schema,
        Err(error) => {
            return vec![format!(
                "the settings schema of the connector `{}` cannot be used: {error}",
                descriptor.id
            )];
        }
    };
    let problem = |error: jsonschema::ValidationError<'_>| {
        let path = error.instance_path().as_str().replace('/', ".");
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } if path.is_empty() => {
                let unknown = unexpected.iter();
                unknown
                    .map(|name| unknown_setting(descriptor, name))
                    .collect()
            }
            _ => vec![format!("settings{path}: {error}")],
        }
    };
    schema.iter_errors(settings).flat_map(problem).collect()
}

fn unknown_setting(descriptor: &Descriptor, name: &str) -> String {
    let known = descriptor.settings["properties"].as_object();
    let known: Vec<&str> = known
        .into_iter()
        .flat_map(|known| known.keys().map(String::as_str))
        .collect();
    let advice = nearest(name, known.iter().copied()).map_or_else(
        || format!("it has {}", known.join(", ")),
        |nearest| format!("did you mean `{nearest}`?"),
    );
    format!(
        "the connector `{}` has no setting `{name}`; {advice}",
        descriptor.id
    )
}

/// Which credentials the connector needs and neither gets nor has, and which it gets and does not know.
///
/// One that is `stored` and no longer known is of an earlier version, and nobody's fault.
fn credential_problems(descriptor: &Descriptor, given: &[&str], stored: &[&str]) -> Vec<String> {
    let wanted = descriptor.auth.secrets();
    let missing = wanted
        .iter()
        .filter(|wanted| !given.contains(&wanted.as_str()) && !stored.contains(&wanted.as_str()));
    let unknown = given
        .iter()
        .filter(|given| !wanted.iter().any(|wanted| wanted == *given));
    let id = &descriptor.id;
    missing
        .map(|name| format!("the connector `{id}` needs the credential `{name}`"))
        .chain(unknown.map(|name| match wanted {
            [] => format!("the connector `{id}` takes no credentials, and `{name}` is given"),
            _ => format!(
                "the connector `{id}` knows no credential `{name}`; it takes {}",
                wanted.join(", ")
            ),
        }))
        .collect()
}

/// The version that a connection runs, or would be given.
pub fn version_of<'a>(
    connection: &Connection,
    route: Option<&str>,
    versions: &'a [Version],
) -> Result<&'a Version, String> {
    let routed = route.and_then(|digest| versions.iter().find(|version| version.digest == digest));
    routed.or_else(|| gladhand_engine::directory::choose(connection, versions)).ok_or_else(|| {
        let wanted = &connection.connector;
        let mut known: Vec<&str> = versions.iter().map(|version| version.descriptor.id.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        match known.as_slice() {
            [] => format!("there is no connector `{wanted}`, and no other: add one with `gladhand connector add FILE`"),
            known => format!("there is no connector `{wanted}`; there are {}", known.join(", ")),
        }
    })
}
