//! The operator's mapping rules, run by the host, so that every connector has the same language.

use serde_json::{Map, Value};

use crate::failure::{Failure, FailureKind};
use crate::host;

/// Runs the rule set `object` over `source`: the operator's rules, or the descriptor's default ones.
///
/// A field that no rule fills is absent, which leaves it alone in the CRM; `null` clears it.
/// Rules that cannot be followed are a failure of kind `configuration`.
pub fn fields(object: &str, source: &Value) -> Result<Map<String, Value>, Failure> {
    host::call(|host| host.map_fields(object, source))
        .map(|fields| fields.into_iter().collect())
        .map_err(|problem| {
            Failure::new(
                FailureKind::Configuration,
                format!("the mapping rules for {object} cannot be followed: {problem}"),
            )
        })
}
