//! From the contract's types to the domain's. Open words become closed sets, and whatever is unbounded is cut.
//!
//! What an unknown word counts as: a failure's kind as `internal`; a skip's code as `unsupported-event`, named in the
//! reason; a change's action as `updated`; a verdict as `unknown`; a check's state as `failed`, its severity as `error`.

use std::time::Duration;

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::{Effect, Verdict};
use gladhand_core::failure::{Failure, FailureKind, Tally};
use gladhand_core::outcome::{Change, Outcome, SkipCode};
use gladhand_egress::Request;
use gladhand_mapping::text::truncate_bytes;
use serde_json::Value;

use crate::bindings::gladhand::connector::{http, links, types};
use crate::call::Check;
use crate::stop::Stop;

/// Bytes of a text that an operator reads.
const MOST_TEXT_BYTES: usize = 4 << 10;
/// Entries of a list that an operator reads.
const MOST_ENTRIES: usize = 200;
/// Bytes of an id or a name.
const MOST_NAME_BYTES: usize = 512;

/// How a delivery's call ended, as the connector says.
pub fn result(result: Result<types::Outcome, types::Failure>) -> Result<Outcome, Failure> {
    outcome(result.map_err(failure)?)
}

/// What went wrong, as the connector says. Kinds that only the host may give count as `internal`.
pub fn failure(failure: types::Failure) -> Failure {
    use FailureKind as K;
    let kind = match FailureKind::parse(&failure.kind) {
        Some(
            kind @ (K::Auth
            | K::Permission
            | K::Invalid
            | K::NotFound
            | K::Gone
            | K::Merged
            | K::Conflict
            | K::RateLimited
            | K::Unavailable
            | K::Indeterminate
            | K::Configuration
            | K::CursorExpired
            | K::Unsupported
            | K::Internal),
        ) => kind,
        _ => K::Internal,
    };
    Failure {
        kind,
        message: text(failure.message),
        provider_code: failure.provider_code.map(name),
        retry_after_ms: failure.retry_after_ms,
        fields: failure
            .fields
            .into_iter()
            .take(MOST_ENTRIES)
            .map(|(field, problem)| (name(field), text(problem)))
            .collect(),
        tally: Tally::default(),
    }
}

/// One named fact that setup looked at.
pub fn check(check: types::Check) -> Check {
    Check {
        name: name(check.name),
        state: known(check.state, &["passed", "failed", "skipped"], "failed"),
        severity: known(check.severity, &["error", "warning", "info"], "error"),
        message: text(check.message),
        hint: check.hint.map(text),
        provisionable: check.provisionable,
    }
}

/// All of them.
pub fn checks(checks: Vec<types::Check>) -> Vec<Check> {
    checks.into_iter().take(MOST_ENTRIES).map(check).collect()
}

/// A request, as egress takes it; an effect that this host does not know is refused.
pub fn request(request: http::Request) -> Result<Request, http::Error> {
    let effect = match request.effect {
        http::Effect::Read => Effect::Read,
        http::Effect::Set(key) => Effect::Set(key),
        http::Effect::Once(keys) => Effect::Once(keys),
        http::Effect::Other(effect) => {
            return Err(http::Error::Refused(format!(
                "this host does not know the effect `{}`: use read, set or once",
                name(effect)
            )));
        }
    };
    Ok(Request {
        method: request.method,
        url: request.url,
        query: request.query,
        headers: request.headers,
        body: request.body,
        body_secrets: request.body_secrets,
        effect,
        costs: request.costs,
        timeout: request
            .timeout_ms
            .map(|ms| Duration::from_millis(u64::from(ms))),
    })
}

/// What the connector found out about an effect.
pub fn verdict(verdict: &str) -> Verdict {
    match verdict {
        "done" => Verdict::Done,
        "not-done" => Verdict::NotDone,
        _ => Verdict::Unknown,
    }
}

/// One side of a link.
pub fn entity(entity: links::Entity) -> Entity {
    Entity {
        kind: entity.kind,
        id: entity.id,
    }
}

/// Which record an entity is.
pub fn link(link: links::Link) -> Result<Link, Stop> {
    let mut attributes = serde_json::Map::new();
    for attribute in link.attributes {
        let value = json("links.put", &attribute.value)?;
        attributes.insert(attribute.key, value);
    }
    Ok(Link {
        object: link.object,
        remote_id: link.remote_id,
        digest: link.digest,
        revision: link.revision,
        url: link.url,
        attributes,
    })
}

/// JSON that the connector gave to `call`.
pub fn json(call: &str, text: &str) -> Result<Value, Stop> {
    serde_json::from_str(text).map_err(|error| {
        Stop::misuse(format!(
            "the connector gave `{call}` a value that is not JSON: {error}"
        ))
    })
}

/// A moment; what a calendar of signed milliseconds does not hold is its last.
pub fn timestamp(at: u64) -> Timestamp {
    Timestamp(i64::try_from(at).unwrap_or(i64::MAX))
}

fn outcome(outcome: types::Outcome) -> Result<Outcome, Failure> {
    match outcome {
        types::Outcome::Synced(changes) => Ok(Outcome::Synced {
            changes: changes.into_iter().take(MOST_ENTRIES).map(change).collect(),
        }),
        types::Outcome::Skipped(skip) => Ok(skipped(skip)),
        // It may have written, so this is no skip; a person must see it.
        types::Outcome::Other(other) => Err(Failure::new(
            FailureKind::Internal,
            format!(
                "the connector answered with the outcome `{}`, which this host does not know: update the host",
                name(other)
            ),
        )),
    }
}

fn skipped(skip: types::Skip) -> Outcome {
    use SkipCode as S;
    let reason = text(skip.reason);
    match SkipCode::parse(&skip.code) {
        Some(
            code @ (S::NoIdentity
            | S::Unchanged
            | S::DisabledBySetting
            | S::BlockedContact
            | S::UnsupportedEvent
            | S::Stale),
        ) => Outcome::Skipped { code, reason },
        _ => Outcome::Skipped {
            code: S::UnsupportedEvent,
            reason: format!("{}: {reason}", name(skip.code)),
        },
    }
}

fn change(change: types::ChangeMade) -> Change {
    const ACTIONS: [&str; 5] = ["created", "updated", "unchanged", "linked", "removed"];
    Change {
        object: name(change.object),
        remote_id: name(change.remote_id),
        action: known(change.action, &ACTIONS, "updated"),
        url: change.url.map(text),
    }
}

fn known(word: String, words: &[&str], otherwise: &str) -> String {
    if words.contains(&word.as_str()) {
        word
    } else {
        otherwise.to_owned()
    }
}

fn text(text: String) -> String {
    cut(text, MOST_TEXT_BYTES)
}

fn name(name: String) -> String {
    cut(name, MOST_NAME_BYTES)
}

fn cut(mut text: String, limit: usize) -> String {
    let kept = truncate_bytes(&text, limit).len();
    if kept < text.len() {
        text.truncate(kept);
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests;
