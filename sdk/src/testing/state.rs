//! What the in-memory host holds, and how it answers the functions of `Host`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::journal::{Before, Journal};
use super::{Answer, Memory, text};
use crate::clock::Timestamp;
use crate::descriptor::MappingRule;
use crate::host::Host;
use crate::http::{Error, Request, Response, Verdict};
use crate::links::{Entity, Link};
use crate::log::Level;

/// 2026-01-01T00:00:00Z.
const START: Timestamp = 1_767_225_600_000;

type Crm = Box<dyn FnMut(&Request) -> Answer>;

pub(super) struct State {
    crm: Option<Crm>,
    journal: Journal,
    delivery: String,
    deliveries: u32,
    pub is_scripted: bool,
    pub sent: Vec<Request>,
    pub sent_ever: usize,
    pub locks: Option<Vec<String>>,
    pub concluded: Vec<(String, Verdict)>,
    pub logged: Vec<String>,
    pub links: Links,
    pub variables: BTreeMap<String, Value>,
    pub mapping: BTreeMap<String, Vec<MappingRule>>,
    pub zones: BTreeMap<String, i64>,
    pub now: Timestamp,
    cache: BTreeMap<String, (Value, Timestamp)>,
}

/// Links by entity and object.
#[derive(Default)]
pub(super) struct Links(BTreeMap<(Entity, String), Link>);

impl Links {
    pub fn get(&self, entity: &Entity, object: &str) -> Option<Link> {
        self.0.get(&(entity.clone(), object.to_owned())).cloned()
    }

    pub fn put(&mut self, entity: &Entity, link: &Link) {
        self.0
            .insert((entity.clone(), link.object.clone()), link.clone());
    }
}

impl State {
    pub fn new(crm: Crm) -> Self {
        Self {
            crm: Some(crm),
            journal: Journal::default(),
            delivery: String::new(),
            deliveries: 0,
            is_scripted: false,
            sent: Vec::new(),
            sent_ever: 0,
            locks: None,
            concluded: Vec::new(),
            logged: Vec::new(),
            links: Links::default(),
            variables: BTreeMap::new(),
            mapping: BTreeMap::new(),
            zones: BTreeMap::new(),
            now: START,
            cache: BTreeMap::new(),
        }
    }

    /// An attempt begins: what the last one sent, locked and logged is forgotten.
    pub fn begin(&mut self, delivery: &str) {
        delivery.clone_into(&mut self.delivery);
        self.sent.clear();
        self.locks = None;
        self.concluded.clear();
        self.logged.clear();
    }

    pub fn next_delivery(&mut self) -> String {
        self.deliveries += 1;
        format!("delivery-{}", self.deliveries)
    }
}

impl Host for Memory {
    fn send(&mut self, request: &Request) -> Result<Response, Error> {
        let (row, mut crm) = {
            let state = &mut *self.0.borrow_mut();
            let locks = state.locks.clone().unwrap_or_default();
            let row = match state
                .journal
                .intend(request, &state.delivery, &locks, state.now)
            {
                Before::Send(row) => row,
                Before::Answer(answer) => return answer,
            };
            state.sent.push(request.clone());
            state.sent_ever += 1;
            let crm = state
                .crm
                .take()
                .expect("a CRM does not send requests to itself");
            (row, crm)
        };
        // Not borrowed while the CRM answers, so that it may look at the host.
        let answer = crm(request);
        let state = &mut *self.0.borrow_mut();
        state.crm = Some(crm);
        if let Some(row) = row {
            state.journal.settle(row, &answer);
        }
        answer
    }

    fn conclude(&mut self, key: &str, verdict: Verdict) {
        let state = &mut *self.0.borrow_mut();
        state.journal.conclude(key, verdict);
        state.concluded.push((key.to_owned(), verdict));
    }

    fn report_budget(
        &mut self,
        budget: &str,
        _limit: Option<u32>,
        remaining: Option<u32>,
        reset_ms: Option<u64>,
    ) {
        self.0.borrow_mut().logged.push(format!(
            "budget {budget}: remaining {remaining:?}, reset in {reset_ms:?} ms"
        ));
    }

    fn link_get(&mut self, entity: &Entity, object: &str) -> Option<Link> {
        self.0.borrow().links.get(entity, object)
    }

    fn link_put(&mut self, entity: &Entity, link: &Link) {
        self.0.borrow_mut().links.put(entity, link);
    }

    fn link_redirect(&mut self, object: &str, from: &str, to: &str) {
        for link in self.0.borrow_mut().links.0.values_mut() {
            if link.object == object && link.remote_id == from {
                to.clone_into(&mut link.remote_id);
            }
        }
    }

    fn link_remove(&mut self, entity: &Entity, object: &str) {
        self.0
            .borrow_mut()
            .links
            .0
            .remove(&(entity.clone(), object.to_owned()));
    }

    fn link_list(&mut self, entity: &Entity) -> Vec<Link> {
        let state = self.0.borrow();
        let links = state.links.0.iter();
        links
            .filter(|((of, _), _)| of == entity)
            .map(|(_, link)| link.clone())
            .collect()
    }

    fn link_find_by_remote(&mut self, object: &str, remote_id: &str) -> Vec<Entity> {
        let state = self.0.borrow();
        let links = state.links.0.iter();
        links
            .filter(|(_, link)| link.object == object && link.remote_id == remote_id)
            .map(|((entity, _), _)| entity.clone())
            .collect()
    }

    fn variable_get(&mut self, name: &str) -> Option<Value> {
        self.0.borrow().variables.get(name).cloned()
    }

    fn variable_set(&mut self, name: &str, value: &Value) {
        self.0
            .borrow_mut()
            .variables
            .insert(name.to_owned(), value.clone());
    }

    fn cache_get(&mut self, key: &str) -> Option<Value> {
        let state = self.0.borrow();
        let (value, until) = state.cache.get(key)?;
        (*until > state.now).then(|| value.clone())
    }

    fn cache_put(&mut self, key: &str, value: &Value, ttl_ms: u64) {
        let state = &mut *self.0.borrow_mut();
        let until = state.now + ttl_ms;
        state.cache.insert(key.to_owned(), (value.clone(), until));
    }

    fn cache_remove(&mut self, key: &str) {
        self.0.borrow_mut().cache.remove(key);
    }

    fn lock(&mut self, keys: &[String]) {
        let state = &mut *self.0.borrow_mut();
        assert!(
            state.locks.is_none(),
            "locks are acquired once per attempt, all keys at once"
        );
        state.locks = Some(keys.to_vec());
    }

    fn map_fields(&mut self, object: &str, source: &Value) -> Result<Vec<(String, Value)>, String> {
        let state = self.0.borrow();
        let rules = state.mapping.get(object).map_or(&[][..], Vec::as_slice);
        text::map_fields(rules, source)
    }

    fn e164(&mut self, number: &str, country: Option<&str>) -> Option<String> {
        text::e164(number, country)
    }

    fn html_to_text(&mut self, html: &str) -> String {
        text::html_to_text(html)
    }

    fn markdown_to_html(&mut self, markdown: &str) -> String {
        format!("<p>{}</p>", text::escape_html(markdown))
    }

    fn escape_html(&mut self, text: &str) -> String {
        text::escape_html(text)
    }

    fn truncate_bytes(&mut self, text: &str, limit: u32) -> String {
        text::truncate_bytes(text, limit)
    }

    fn log(&mut self, level: Level, message: &str, _fields: &[(String, String)]) {
        let line = format!("{}: {message}", level.as_str());
        self.0.borrow_mut().logged.push(line);
    }

    fn now(&mut self) -> Timestamp {
        self.0.borrow().now
    }

    fn local(&mut self, at: Timestamp, zone: &str) -> String {
        let minutes = self.0.borrow().zones.get(zone).copied().unwrap_or(0);
        text::local(at, minutes)
    }
}
