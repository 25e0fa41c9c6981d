//! Servers that say what a test tells them to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request as Incoming;
use axum::http::{HeaderMap, Method};
use axum::response::Response as Outgoing;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("text"))
    }
}

/// A CRM that remembers what it was asked.
#[derive(Clone)]
pub struct Crm {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Crm {
    /// One that answers what `answer` makes of a request.
    pub async fn answering<F>(answer: F) -> Self
    where
        F: Fn(&Seen) -> Outgoing + Clone + Send + Sync + 'static,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = seen.clone();
        let app = Router::new().fallback(move |incoming: Incoming| {
            let (answer, record) = (answer.clone(), record.clone());
            async move {
                let (parts, body) = incoming.into_parts();
                let seen = Seen {
                    method: parts.method,
                    path: parts.uri.to_string(),
                    headers: parts.headers,
                    body: axum::body::to_bytes(body, 4 << 20).await.expect("a body"),
                };
                record.lock().expect("no panic").push(seen.clone());
                answer(&seen)
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen }
    }

    /// One that answers everything with this status and body.
    pub async fn with(status: u16, body: &'static str) -> Self {
        Self::answering(move |_| reply(status, &[], body)).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    pub fn only(&self) -> Seen {
        match self.seen().as_slice() {
            [only] => only.clone(),
            other => panic!("{} requests arrived", other.len()),
        }
    }
}

pub fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<axum::body::Body>) -> Outgoing {
    let mut reply = Outgoing::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(*name, *value);
    }
    reply.body(body.into()).expect("a reply")
}

/// A server that reads a request, then does as it is told with the connection.
pub async fn rude_server<F, D>(then: F) -> String
where
    F: Fn(TcpStream) -> D + Send + 'static,
    D: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            tokio::spawn(then(stream));
        }
    });
    url
}

/// One that answers these bytes and closes.
pub async fn server_of_bytes(bytes: &'static [u8]) -> String {
    rude_server(move |mut stream| async move {
        stream.write_all(bytes).await.expect("written");
    })
    .await
}
