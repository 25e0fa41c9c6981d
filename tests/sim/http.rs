//! A small HTTP client on one kept connection: the tests' and the load's way to talk to loopback.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
}

/// One kept connection, made again when it breaks.
pub struct Client {
    authority: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// For `host:port`; connects at the first request.
    pub fn new(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            connection: None,
        }
    }

    /// Sends a POST.
    pub async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<Answer> {
        self.request(Method::POST, path, headers, body).await
    }

    /// Sends a GET.
    pub async fn get(&mut self, path: &str, headers: &[(&str, String)]) -> Result<Answer> {
        self.request(Method::GET, path, headers, Vec::new()).await
    }

    /// Sends any request.
    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let connection = match self
            .connection
            .take()
            .filter(|connection| !connection.is_closed())
        {
            Some(connection) => connection,
            None => connect(&self.authority).await?,
        };
        let connection = self.connection.insert(connection);
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }
}

async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(authority)
        .await
        .with_context(|| format!("connecting to {authority}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // The next request finds the connection closed and makes another.
        let _broken = connection.await;
    });
    Ok(sender)
}
