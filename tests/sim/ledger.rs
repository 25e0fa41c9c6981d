//! A made-up CRM with people, companies, deals and notes, as plain as one can be: it makes whatever it is told to make,
//! as often as it is told, and finds it by any of its fields.
//!
//! It has no faults of its own; who wants some puts a gate before it.

mod book;

mod server;

pub use self::book::Row;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use gladhand_core::clock::Clock;
use tokio::task::AbortHandle;

use self::server::{Server, handle};
use crate::wire::Listener;

/// A running simulator; it stops accepting connections when dropped.
#[derive(Debug)]
pub struct Ledger {
    server: Arc<Server>,
    base_url: String,
    accepting: AbortHandle,
}

impl Ledger {
    /// The only token that it accepts.
    pub const TOKEN: &str = "ledger-7Qd2vXn4LsKe9TbW";

    /// Starts empty on a free port of 127.0.0.1, in the tokio runtime of the caller. It is bound when this returns.
    pub fn start(clock: Arc<dyn Clock>) -> io::Result<Self> {
        let listener = Listener::bind()?;
        let base_url = format!("http://{}", listener.address()?);
        let server = Arc::new(Server::new(clock));
        let router = Router::new().fallback(handle).with_state(server.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            server,
            base_url,
            accepting: serving.abort_handle(),
        })
    }

    /// Where it listens, such as `http://127.0.0.1:40123`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What it holds, in the order in which it was made.
    pub fn rows(&self) -> Vec<Row> {
        self.server.book().rows()
    }

    /// Sets for how long searches do not find a new record.
    pub fn set_search_lag(&self, lag: Duration) {
        self.server.book().search_lag = lag;
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
