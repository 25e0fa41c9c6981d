//! The HTTP client: bytes out, a whole bounded answer back, and how it ended where none came.
//!
//! HTTP/1.1 over rustls with the platform's roots. No redirects, no proxies, no cookies, no retries.
//! It must not know effects, credentials or budgets.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gladhand_core::effect::Ending;
use gladhand_core::exchange::Answer;
use http::{HeaderMap, Method};
use url::Url;

use crate::address::Networks;
use crate::config::Config;
use crate::redact::{self, REDACTED};
use crate::resolver::{self, Lookup, Resolver};

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made; are the system's CA certificates installed?")]
pub struct Unavailable(#[from] reqwest::Error);

/// One client per kind of network, and with it one pool of connections: an account that may not reach private addresses
/// must not be handed a connection to one that another account made.
pub struct Client {
    public: reqwest::Client,
    private: reqwest::Client,
    response_bytes: usize,
}

/// Everything that is sent.
pub struct Outgoing {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub timeout: Duration,
}

/// Why there is no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The name leads to an address that policy forbids; nothing was sent.
    #[error("refused: {0}")]
    Forbidden(String),
    /// No address, connection or TLS; nothing was sent.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The request may have arrived.
    #[error("no whole answer came in time; the request may have arrived")]
    TimedOut,
    /// The connection ended before the answer did; the request may have arrived.
    #[error("the connection broke; the request may have arrived: {0}")]
    Broken(String),
    /// The answer is larger than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
}

impl Failed {
    /// What a verdict needs to know.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Forbidden(_) | Self::Unreachable(_) => Ending::NeverSent,
            Self::TimedOut | Self::Broken(_) | Self::TooLarge(_) => Ending::Broken,
        }
    }
}

impl Client {
    pub fn new(config: &Config, lookup: Arc<dyn Lookup>) -> Result<Self, Unavailable> {
        // Fails where the process has a provider already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let build = |networks, lookup| {
            reqwest::Client::builder()
                .dns_resolver(Arc::new(Resolver::new(lookup, networks)))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .http1_only()
                .gzip(true)
                .user_agent(&config.user_agent)
                .connect_timeout(config.connect_timeout)
                .pool_max_idle_per_host(config.idle_connections)
                .pool_idle_timeout(config.idle_timeout)
                .build()
        };
        Ok(Self {
            public: build(Networks::Public, lookup.clone())?,
            private: build(Networks::PublicAndPrivate, lookup)?,
            response_bytes: config.response_bytes,
        })
    }

    /// Sends and reads the whole answer.
    pub async fn send(&self, networks: Networks, outgoing: Outgoing) -> Result<Answer, Failed> {
        let client = match networks {
            Networks::Public => &self.public,
            Networks::PublicAndPrivate => &self.private,
        };
        let mut request = reqwest::Request::new(outgoing.method, outgoing.url);
        *request.headers_mut() = outgoing.headers;
        *request.timeout_mut() = Some(outgoing.timeout);
        if !outgoing.body.is_empty() {
            *request.body_mut() = Some(outgoing.body.into());
        }
        let mut response = client.execute(request).await.map_err(|e| classify(&e))?;
        let body = self.read(&mut response).await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: readable(response.headers()),
            body,
        })
    }

    /// The body, counted as it is decompressed: a bomb ends at the limit, not in memory.
    async fn read(&self, response: &mut reqwest::Response) -> Result<Vec<u8>, Failed> {
        let limit = self.response_bytes;
        let too_large = || Failed::TooLarge(u64::try_from(limit).unwrap_or(u64::MAX));
        let announced = response
            .content_length()
            .map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced > limit {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(|e| classify(&e))? {
            if chunk.len() > limit - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Names in lower case, values as text, credentials replaced.
fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = if redact::is_secret_header(name.as_str()) {
                REDACTED.to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// How a request ended, by the kinds of the errors behind it and never by their text.
fn classify(error: &reqwest::Error) -> Failed {
    if let Some(resolver::Error::Forbidden(forbidden)) = find::<resolver::Error>(error) {
        return Failed::Forbidden(format!(
            "the name resolves to a forbidden address: {forbidden}"
        ));
    }
    // Before the timeout, for a connection that was not made in time carried nothing.
    if error.is_connect() || error.is_builder() {
        return Failed::Unreachable(reason(error));
    }
    if error.is_timeout() {
        return Failed::TimedOut;
    }
    Failed::Broken(reason(error))
}

/// The first error of type `E` behind this one.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What is at the bottom of it, which never holds the URL.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no connection in time".to_owned();
    }
    chain(error).skip(1).last().map_or_else(
        || "the request could not be made".to_owned(),
        ToString::to_string,
    )
}

/// An error and everything behind it.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        next = this.source();
        Some(this)
    })
}
