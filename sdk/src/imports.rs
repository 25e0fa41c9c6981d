//! The host behind the imports of a component: every function of `Host` in the contract's own types.

use serde_json::{Map, Value};

use crate::bindings::gladhand::connector as wit;
use crate::clock::Timestamp;
use crate::host::Host;
use crate::http;
use crate::links::{Entity, Link};
use crate::log::Level;

/// The host behind the imports.
pub(crate) struct Imports;

impl Host for Imports {
    fn send(&mut self, request: &http::Request) -> Result<http::Response, http::Error> {
        let request = wit::http::Request {
            method: request.method.clone(),
            url: request.url.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            body_secrets: request.body_secrets.clone(),
            effect: match &request.effect {
                http::Effect::Read => wit::http::Effect::Read,
                http::Effect::Set(key) => wit::http::Effect::Set(key.clone()),
                http::Effect::Once(keys) => wit::http::Effect::Once(keys.clone()),
            },
            costs: request.costs.clone(),
            timeout_ms: request.timeout_ms,
            attributes: Vec::new(),
        };
        match wit::http::send(&request) {
            Ok(response) => Ok(http::Response {
                status: response.status,
                headers: response.headers,
                body: response.body,
                is_replayed: response.replayed,
            }),
            Err(error) => Err(match error {
                wit::http::Error::Refused(rule) => http::Error::Refused(rule),
                wit::http::Error::Unreachable(why) => http::Error::Unreachable(why),
                wit::http::Error::Timeout => http::Error::Timeout,
                wit::http::Error::TooLarge(bytes) => http::Error::TooLarge(bytes),
                wit::http::Error::InDoubt(age_ms) => http::Error::InDoubt { age_ms },
                wit::http::Error::Other(text) => http::Error::Other(text),
            }),
        }
    }

    fn conclude(&mut self, key: &str, verdict: http::Verdict) {
        wit::http::conclude(key, verdict.as_str());
    }

    fn report_budget(
        &mut self,
        budget: &str,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset_ms: Option<u64>,
    ) {
        wit::http::report_budget(budget, limit, remaining, reset_ms);
    }

    fn link_get(&mut self, entity: &Entity, object: &str) -> Option<Link> {
        wit::links::get(&entity_out(entity), object).map(link_in)
    }

    fn link_put(&mut self, entity: &Entity, link: &Link) {
        wit::links::put(&entity_out(entity), &link_out(link));
    }

    fn link_redirect(&mut self, object: &str, from: &str, to: &str) {
        wit::links::redirect(object, from, to);
    }

    fn link_remove(&mut self, entity: &Entity, object: &str) {
        wit::links::remove(&entity_out(entity), object);
    }

    fn link_list(&mut self, entity: &Entity) -> Vec<Link> {
        wit::links::list(&entity_out(entity))
            .into_iter()
            .map(link_in)
            .collect()
    }

    fn link_find_by_remote(&mut self, object: &str, remote_id: &str) -> Vec<Entity> {
        wit::links::find_by_remote(object, remote_id)
            .into_iter()
            .map(|entity| Entity {
                kind: entity.kind,
                id: entity.id,
            })
            .collect()
    }

    fn variable_get(&mut self, name: &str) -> Option<Value> {
        wit::variables::get(name).map(|text| json(&text))
    }

    fn variable_set(&mut self, name: &str, value: &Value) {
        wit::variables::set(name, &value.to_string());
    }

    fn cache_get(&mut self, key: &str) -> Option<Value> {
        wit::cache::get(key).map(|text| json(&text))
    }

    fn cache_put(&mut self, key: &str, value: &Value, ttl_ms: u64) {
        wit::cache::put(key, &value.to_string(), ttl_ms);
    }

    fn cache_remove(&mut self, key: &str) {
        wit::cache::remove(key);
    }

    fn lock(&mut self, keys: &[String]) {
        wit::locks::acquire(keys);
    }

    fn map_fields(&mut self, object: &str, source: &Value) -> Result<Vec<(String, Value)>, String> {
        Ok(wit::mapping::fields(object, &source.to_string())?
            .into_iter()
            .map(|field| (field.key, json(&field.value)))
            .collect())
    }

    fn e164(&mut self, number: &str, country: Option<&str>) -> Option<String> {
        wit::text::e164(number, country)
    }

    fn html_to_text(&mut self, html: &str) -> String {
        wit::text::html_to_text(html)
    }

    fn markdown_to_html(&mut self, markdown: &str) -> String {
        wit::text::markdown_to_html(markdown)
    }

    fn escape_html(&mut self, text: &str) -> String {
        wit::text::escape_html(text)
    }

    fn truncate_bytes(&mut self, text: &str, limit: u32) -> String {
        wit::text::truncate_bytes(text, limit)
    }

    fn log(&mut self, level: Level, message: &str, fields: &[(String, String)]) {
        wit::log::write(level.as_str(), message, fields);
    }

    fn now(&mut self) -> Timestamp {
        wit::clock::now()
    }

    fn local(&mut self, at: Timestamp, zone: &str) -> String {
        wit::clock::local(at, zone)
    }
}

/// JSON text of the contract. The host writes only JSON; anything else would be its fault and is kept as text.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The open end of a record, read.
pub(crate) fn attributes_in(attributes: Vec<wit::types::Attribute>) -> Map<String, Value> {
    attributes
        .into_iter()
        .map(|attribute| (attribute.key, json(&attribute.value)))
        .collect()
}

/// The open end of a record, written.
pub(crate) fn attributes_out(attributes: &Map<String, Value>) -> Vec<wit::types::Attribute> {
    attributes
        .iter()
        .map(|(key, value)| wit::types::Attribute {
            key: key.clone(),
            value: value.to_string(),
        })
        .collect()
}

fn entity_out(entity: &Entity) -> wit::links::Entity {
    wit::links::Entity {
        kind: entity.kind.clone(),
        id: entity.id.clone(),
    }
}

fn link_in(link: wit::links::Link) -> Link {
    Link {
        object: link.object,
        remote_id: link.remote_id,
        digest: link.digest,
        revision: link.revision,
        url: link.url,
        attributes: attributes_in(link.attributes),
    }
}

fn link_out(link: &Link) -> wit::links::Link {
    wit::links::Link {
        object: link.object.clone(),
        remote_id: link.remote_id.clone(),
        digest: link.digest.clone(),
        revision: link.revision.clone(),
        url: link.url.clone(),
        attributes: attributes_out(&link.attributes),
    }
}
