//! The functions of the contract as one trait, and who answers them.
//!
//! In a component the host behind the imports answers. Natively whoever is installed with [`with`] does: the
//! in-memory host of `testing`, or a bridge to a real one.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::http;
use crate::links::{Entity, Link};
use crate::log::Level;

/// What a host offers: the imports of the contract (wit/host.wit), one function each, in this crate's own types.
///
/// A host that ends an attempt early (a lost lease, an empty budget) does not return: a component traps, a native
/// host unwinds with `std::panic::resume_unwind` and catches that around the connector's call.
pub trait Host {
    /// `http.send`
    fn send(&mut self, request: &http::Request) -> Result<http::Response, http::Error>;
    /// `http.conclude`
    fn conclude(&mut self, key: &str, verdict: http::Verdict);
    /// `http.report-budget`
    fn report_budget(
        &mut self,
        budget: &str,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset_ms: Option<u64>,
    );

    /// `links.get`
    fn link_get(&mut self, entity: &Entity, object: &str) -> Option<Link>;
    /// `links.put`
    fn link_put(&mut self, entity: &Entity, link: &Link);
    /// `links.redirect`
    fn link_redirect(&mut self, object: &str, from: &str, to: &str);
    /// `links.remove`
    fn link_remove(&mut self, entity: &Entity, object: &str);
    /// `links.list`
    fn link_list(&mut self, entity: &Entity) -> Vec<Link>;
    /// `links.find-by-remote`
    fn link_find_by_remote(&mut self, object: &str, remote_id: &str) -> Vec<Entity>;

    /// `variables.get`
    fn variable_get(&mut self, name: &str) -> Option<Value>;
    /// `variables.set`
    fn variable_set(&mut self, name: &str, value: &Value);

    /// `cache.get`
    fn cache_get(&mut self, key: &str) -> Option<Value>;
    /// `cache.put`
    fn cache_put(&mut self, key: &str, value: &Value, ttl_ms: u64);
    /// `cache.remove`
    fn cache_remove(&mut self, key: &str);

    /// `locks.acquire`
    fn lock(&mut self, keys: &[String]);

    /// `mapping.fields`
    fn map_fields(&mut self, object: &str, source: &Value) -> Result<Vec<(String, Value)>, String>;

    /// `text.e164`
    fn e164(&mut self, number: &str, country: Option<&str>) -> Option<String>;
    /// `text.html-to-text`
    fn html_to_text(&mut self, html: &str) -> String;
    /// `text.markdown-to-html`
    fn markdown_to_html(&mut self, markdown: &str) -> String;
    /// `text.escape-html`
    fn escape_html(&mut self, text: &str) -> String;
    /// `text.truncate-bytes`
    fn truncate_bytes(&mut self, text: &str, limit: u32) -> String;

    /// `log.write`
    fn log(&mut self, level: Level, message: &str, fields: &[(String, String)]);

    /// `clock.now`
    fn now(&mut self) -> Timestamp;
    /// `clock.local`
    fn local(&mut self, at: Timestamp, zone: &str) -> String;
}

/// Asks the host behind the imports.
#[cfg(target_arch = "wasm32")]
pub(crate) fn call<R>(ask: impl FnOnce(&mut dyn Host) -> R) -> R {
    ask(&mut crate::imports::Imports)
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::with;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::call;

/// Natively: a stack of hosts per thread.
#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::RefCell;

    use super::Host;

    thread_local! {
        static HOSTS: RefCell<Vec<Box<dyn Host>>> = const { RefCell::new(Vec::new()) };
    }

    /// Runs `work` with `host` answering every host call of this thread. Calls may be nested; the innermost answers.
    pub fn with<R>(host: Box<dyn Host>, work: impl FnOnce() -> R) -> R {
        HOSTS.with_borrow_mut(|hosts| hosts.push(host));
        let _removal = Removal;
        work()
    }

    /// Removes the host however `work` ends: by return, panic or a host that unwinds.
    struct Removal;

    impl Drop for Removal {
        fn drop(&mut self) {
            let host = HOSTS.with_borrow_mut(Vec::pop);
            // Dropped outside the borrow, because a host may run code of its own when it goes.
            drop(host);
        }
    }

    /// Asks the innermost host.
    pub(crate) fn call<R>(ask: impl FnOnce(&mut dyn Host) -> R) -> R {
        HOSTS.with_borrow_mut(|hosts| {
            let host = hosts.last_mut().expect(
                "a connector runs inside `host::with` or `testing::Memory::run` when it is not a component",
            );
            ask(host.as_mut())
        })
    }
}
