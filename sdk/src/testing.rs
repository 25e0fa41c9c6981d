//! An in-memory host, so that a connector's tests run natively, in microseconds, without a component.
//!
//! It keeps the promises that a connector relies on: links, cache and variables last, `once` keys need locks, are
//! replayed within their delivery and in doubt elsewhere. Text helpers are simple stand-ins. Not compiled to wasm32.

mod journal;

mod state;

mod text;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::Value;

use crate::descriptor::MappingRule;
use crate::host;
use crate::http::{Error, Request, Response, Verdict};
use crate::links::{Entity, Link};
use state::State;

/// What the CRM of a test answers to one request.
pub type Answer = Result<Response, Error>;

/// An in-memory host. A handle: clones share one state.
#[derive(Clone)]
pub struct Memory(Rc<RefCell<State>>);

impl Memory {
    /// A host whose CRM is a closure.
    pub fn new(crm: impl FnMut(&Request) -> Answer + 'static) -> Self {
        Self(Rc::new(RefCell::new(State::new(Box::new(crm)))))
    }

    /// A host whose CRM expects exactly these requests (`GET https://crm.example.com/x`, without the query), in order.
    ///
    /// Anything else panics, which fails the test; [`Memory::assert_finished`] tells what never came.
    pub fn scripted(script: impl IntoIterator<Item = (&'static str, Answer)>) -> Self {
        let mut script: VecDeque<(&'static str, Answer)> = script.into_iter().collect();
        let memory = Self::new(move |request| {
            let sent = format!("{} {}", request.method, request.url);
            let (expected, answer) = script
                .pop_front()
                .unwrap_or_else(|| panic!("the script is over, but `{sent}` was sent"));
            assert_eq!(sent, expected, "another request than the script expects");
            answer
        });
        memory.0.borrow_mut().is_scripted = true;
        memory
    }

    /// Runs one attempt of a delivery: its locks are free before and after, its own `once` answers are replayed.
    pub fn deliver<R>(&self, delivery: &str, work: impl FnOnce() -> R) -> R {
        self.0.borrow_mut().begin(delivery);
        host::with(Box::new(self.clone()), work)
    }

    /// Runs one attempt of a new delivery.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let delivery = self.0.borrow_mut().next_delivery();
        self.deliver(&delivery, work)
    }

    /// The requests that the last attempt really sent, in order.
    pub fn sent(&self) -> Vec<Request> {
        self.0.borrow().sent.clone()
    }

    /// `POST https://crm.example.com/x` of every request that the last attempt really sent.
    pub fn sent_lines(&self) -> Vec<String> {
        self.sent()
            .iter()
            .map(|request| format!("{} {}", request.method, request.url))
            .collect()
    }

    /// The keys that the last attempt locked; `None` where it took none.
    pub fn locked(&self) -> Option<Vec<String>> {
        self.0.borrow().locks.clone()
    }

    /// The verdicts that the last attempt concluded.
    pub fn concluded(&self) -> Vec<(String, Verdict)> {
        self.0.borrow().concluded.clone()
    }

    /// `warn: message` of every line that the last attempt logged.
    pub fn logged(&self) -> Vec<String> {
        self.0.borrow().logged.clone()
    }

    /// The link of an entity.
    pub fn link(&self, entity: &Entity, object: &str) -> Option<Link> {
        self.0.borrow().links.get(entity, object)
    }

    /// Puts a link before a test.
    pub fn put_link(&self, entity: &Entity, link: &Link) {
        self.0.borrow_mut().links.put(entity, link);
    }

    /// A variable.
    pub fn variable(&self, name: &str) -> Option<Value> {
        self.0.borrow().variables.get(name).cloned()
    }

    /// Sets a variable, as setup would have.
    pub fn set_variable(&self, name: &str, value: Value) {
        self.0.borrow_mut().variables.insert(name.to_owned(), value);
    }

    /// Lets `ms` milliseconds pass. The clock starts at 2026-01-01T00:00:00Z.
    pub fn advance(&self, ms: u64) {
        self.0.borrow_mut().now += ms;
    }

    /// Makes a time zone known, by its distance to UTC in minutes.
    pub fn set_zone(&self, name: &str, minutes: i64) {
        self.0.borrow_mut().zones.insert(name.to_owned(), minutes);
    }

    /// The rules that `mapping::fields` runs: usually the descriptor's `mapping`.
    pub fn set_mapping(&self, rules: BTreeMap<String, Vec<MappingRule>>) {
        self.0.borrow_mut().mapping = rules;
    }

    /// Fails where a scripted request never came.
    #[track_caller]
    pub fn assert_finished(&self, expected: usize) {
        let state = self.0.borrow();
        assert!(state.is_scripted, "only a scripted host has an end");
        assert_eq!(state.sent_ever, expected, "requests sent of the script");
    }
}

/// An answer with JSON.
pub fn json(status: u16, body: &Value) -> Answer {
    Ok(Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
        is_replayed: false,
    })
}

/// An answer with a web page.
pub fn html(status: u16, body: &str) -> Answer {
    Ok(Response {
        status,
        headers: vec![(
            "content-type".to_owned(),
            "text/html; charset=UTF-8".to_owned(),
        )],
        body: body.as_bytes().to_vec(),
        is_replayed: false,
    })
}

/// The JSON that a request sent.
#[track_caller]
pub fn body(request: &Request) -> Value {
    let bytes = request.body.as_deref().expect("the request has a body");
    serde_json::from_slice(bytes).expect("the body is JSON")
}
