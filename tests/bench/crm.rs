//! A CRM that costs next to nothing: it says 200 to everything, counts it, and remembers when it first heard of a contact.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use gladhand_core::clock::Clock;
use gladhand_tests::host::Joined;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// How it behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// How long every answer takes.
    pub delay: Duration,
    /// Whether it remembers contacts; a long run would only measure that memory.
    pub remembers: bool,
}

/// A running CRM; dropping it ends its connections.
pub struct Crm {
    base_url: String,
    book: Arc<Book>,
    serving: AbortHandle,
}

struct Book {
    clock: Arc<dyn Clock>,
    manner: Manner,
    requests: watch::Sender<u64>,
    heard: Mutex<HashMap<i64, Duration>>,
}

impl Crm {
    /// Starts on a free port.
    pub async fn start(clock: Arc<dyn Clock>, manner: Manner) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let book = Arc::new(Book {
            clock,
            manner,
            requests: watch::Sender::new(0),
            heard: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, book.clone()));
        Ok(Self {
            base_url,
            book,
            serving: serving.abort_handle(),
        })
    }

    /// A connection to it that makes so many calls per delivery.
    pub fn joined(&self, name: &str, calls: u32, concurrency: u32) -> Joined {
        Joined {
            connector: "bench".to_owned(),
            concurrency,
            settings: format!("calls = {calls}"),
            ..Joined::krayin(name, &self.base_url, "nobody-looks-at-it".to_owned())
        }
    }

    /// How many requests came.
    pub fn requests(&self) -> u64 {
        *self.book.requests.borrow()
    }

    /// Waits until so many requests have come; false where that took too long.
    pub async fn has_had(&self, requests: u64, patience: Duration) -> bool {
        let mut counted = self.book.requests.subscribe();
        let reached = counted.wait_for(|count| *count >= requests);
        timeout(patience, reached).await.is_ok()
    }

    /// When it first heard of each contact, on the clock that it was started with.
    pub fn heard(&self) -> HashMap<i64, Duration> {
        self.book.heard().clone()
    }
}

impl Drop for Crm {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Book {
    fn heard(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Duration>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let now = self.clock.monotonic();
        let path = request.uri().path().to_owned();
        // Unread, it would end the connection.
        request.into_body().collect().await?;
        if self.manner.remembers {
            let contact = path.split('/').nth(2).context("the path names a contact")?;
            self.heard().entry(contact.parse()?).or_insert(now);
        }
        self.requests.send_modify(|requests| *requests += 1);
        if !self.manner.delay.is_zero() {
            tokio::time::sleep(self.manner.delay).await;
        }
        Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
    }
}

async fn serve(listener: TcpListener, book: Arc<Book>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Without it the delayed acknowledgement of loopback costs 40 ms on every second answer.
        stream.set_nodelay(true).ok();
        let book = book.clone();
        connections.spawn(async move {
            let service = service_fn(|request| book.answer(request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // Whoever cared for an answer has gone.
            let _broken = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}
