//! The SDK's host calls, answered by the real host: what the component's imports are, for native code.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::{Effect, Verdict};
use gladhand_egress::{Error, Request};
use gladhand_runtime::{Host, Stop};
use gladhand_sdk::{http, links, log};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::native::Stopped;

/// The host of one call, and why it ended it.
pub struct Shared {
    state: Mutex<(Host, Stopped)>,
    handle: Handle,
}

/// The connector's side of it.
pub struct Bridge(pub Arc<Shared>);

/// What unwinds through a connector that the host has ended.
struct Ended;

impl Shared {
    /// For one call.
    pub fn new(host: Host, handle: Handle) -> Self {
        Self {
            state: Mutex::new((host, None)),
            handle,
        }
    }

    /// What is left when the call is over.
    pub fn into_parts(self) -> (Host, Stopped) {
        self.state
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Bridge {
    fn ask<T>(&self, ask: impl AsyncFnOnce(&mut Host) -> Result<T, Stop>) -> T {
        let mut state = self
            .0
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match self.0.handle.block_on(ask(&mut state.0)) {
            Ok(answer) => answer,
            Err(stop) => {
                state.1 = Some(stop);
                drop(state);
                resume_unwind(Box::new(Ended))
            }
        }
    }
}

impl gladhand_sdk::host::Host for Bridge {
    fn send(&mut self, request: &http::Request) -> Result<http::Response, http::Error> {
        let request = asked(request);
        self.ask(async |host| match host.http_send(request).await {
            Ok(answer) => Ok(Ok(http::Response {
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
                is_replayed: answer.is_replayed,
            })),
            Err(Error::Refused(rule)) => Ok(Err(http::Error::Refused(rule))),
            Err(Error::Unreachable(why)) => Ok(Err(http::Error::Unreachable(why))),
            Err(Error::Timeout) => Ok(Err(http::Error::Timeout)),
            Err(Error::TooLarge(bytes)) => Ok(Err(http::Error::TooLarge(bytes))),
            Err(Error::InDoubt { age }) => {
                let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
                Ok(Err(http::Error::InDoubt { age_ms }))
            }
            Err(Error::End(end)) => Err(Stop::End(end)),
        })
    }

    fn conclude(&mut self, key: &str, verdict: http::Verdict) {
        let verdict = match verdict {
            http::Verdict::Done => Verdict::Done,
            http::Verdict::NotDone => Verdict::NotDone,
            http::Verdict::Unknown => Verdict::Unknown,
        };
        self.ask(async |host| {
            host.conclude(key, verdict);
            Ok(())
        });
    }

    fn report_budget(
        &mut self,
        budget: &str,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset_ms: Option<u64>,
    ) {
        self.ask(async |host| {
            host.report_budget(
                budget,
                limit,
                remaining,
                reset_ms.map(Duration::from_millis),
            );
            Ok(())
        });
    }

    fn link_get(&mut self, entity: &links::Entity, object: &str) -> Option<links::Link> {
        self.ask(async |host| Ok(host.link_get(&own(entity), object).await?.map(shown)))
    }

    fn link_put(&mut self, entity: &links::Entity, link: &links::Link) {
        let link = Link {
            object: link.object.clone(),
            remote_id: link.remote_id.clone(),
            digest: link.digest.clone(),
            revision: link.revision.clone(),
            url: link.url.clone(),
            attributes: link.attributes.clone(),
        };
        self.ask(async |host| host.link_put(own(entity), link));
    }

    fn link_redirect(&mut self, object: &str, from: &str, to: &str) {
        self.ask(async |host| host.link_redirect(object, from, to));
    }

    fn link_remove(&mut self, entity: &links::Entity, object: &str) {
        self.ask(async |host| host.link_remove(own(entity), object));
    }

    fn link_list(&mut self, entity: &links::Entity) -> Vec<links::Link> {
        self.ask(async |host| {
            Ok(host
                .link_list(&own(entity))
                .await?
                .into_iter()
                .map(shown)
                .collect())
        })
    }

    fn link_find_by_remote(&mut self, object: &str, remote_id: &str) -> Vec<links::Entity> {
        self.ask(async |host| {
            let found = host.link_find_by_remote(object, remote_id).await?;
            Ok(found
                .into_iter()
                .map(|entity| links::Entity {
                    kind: entity.kind,
                    id: entity.id,
                })
                .collect())
        })
    }

    fn variable_get(&mut self, name: &str) -> Option<Value> {
        self.ask(async |host| host.variable_get(name).await)
    }

    fn variable_set(&mut self, name: &str, value: &Value) {
        self.ask(async |host| host.variable_set(name, value.clone()).await);
    }

    fn cache_get(&mut self, key: &str) -> Option<Value> {
        self.ask(async |host| host.cache_get(key).await)
    }

    fn cache_put(&mut self, key: &str, value: &Value, ttl_ms: u64) {
        self.ask(async |host| host.cache_put(key, value.clone(), Duration::from_millis(ttl_ms)));
    }

    fn cache_remove(&mut self, key: &str) {
        self.ask(async |host| host.cache_remove(key));
    }

    fn lock(&mut self, keys: &[String]) {
        self.ask(async |host| host.lock(keys.to_vec()).await);
    }

    fn map_fields(&mut self, object: &str, source: &Value) -> Result<Vec<(String, Value)>, String> {
        self.ask(async |host| Ok(host.map_fields(object, source)))
    }

    fn e164(&mut self, number: &str, country: Option<&str>) -> Option<String> {
        self.ask(async |host| Ok(host.e164(number, country)))
    }

    fn html_to_text(&mut self, html: &str) -> String {
        self.ask(async |host| host.html_to_text(html))
    }

    fn markdown_to_html(&mut self, markdown: &str) -> String {
        self.ask(async |host| host.markdown_to_html(markdown))
    }

    fn escape_html(&mut self, text: &str) -> String {
        self.ask(async |host| host.escape_html(text))
    }

    fn truncate_bytes(&mut self, text: &str, limit: u32) -> String {
        self.ask(async |host| Ok(host.truncate_bytes(text, limit).to_owned()))
    }

    fn log(&mut self, level: log::Level, message: &str, fields: &[(String, String)]) {
        self.ask(async |host| {
            host.log(level.as_str(), message, fields.to_vec());
            Ok(())
        });
    }

    fn now(&mut self) -> u64 {
        self.ask(async |host| Ok(u64::try_from(host.now().0).unwrap_or(0)))
    }

    fn local(&mut self, at: u64, zone: &str) -> String {
        self.ask(
            async |host| Ok(host.local(Timestamp(i64::try_from(at).unwrap_or(i64::MAX)), zone)),
        )
    }
}

fn asked(request: &http::Request) -> Request {
    let effect = match &request.effect {
        http::Effect::Read => Effect::Read,
        http::Effect::Set(key) => Effect::Set(key.clone()),
        http::Effect::Once(keys) => Effect::Once(keys.clone()),
    };
    Request {
        method: request.method.clone(),
        query: request.query.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        body_secrets: request.body_secrets.clone(),
        effect,
        costs: request.costs.clone(),
        timeout: request
            .timeout_ms
            .map(|ms| Duration::from_millis(u64::from(ms))),
        ..Request::get(request.url.clone())
    }
}

fn own(entity: &links::Entity) -> Entity {
    Entity {
        kind: entity.kind.clone(),
        id: entity.id.clone(),
    }
}

fn shown(link: Link) -> links::Link {
    links::Link {
        object: link.object,
        remote_id: link.remote_id,
        digest: link.digest,
        revision: link.revision,
        url: link.url,
        attributes: link.attributes,
    }
}
