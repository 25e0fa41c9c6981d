//! What is asked for and what comes back: requests, responses and the errors that a connector can act on.

use std::time::Duration;

use gladhand_core::attempt::End;
use gladhand_core::effect::Effect;

/// What a connector asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, HEAD, POST, PUT, PATCH or DELETE.
    pub method: String,
    /// Absolute, or relative to the account's base URL: what follows it.
    pub url: String,
    /// Appended to the URL's own.
    pub query: Vec<(String, String)>,
    /// Beside those that only the host sets.
    pub headers: Vec<(String, String)>,
    /// At most 1 MiB.
    pub body: Option<Vec<u8>>,
    /// (JSON pointer, credential's name): the value at the pointer, which must be there, is replaced by the secret.
    pub body_secrets: Vec<(String, String)>,
    /// How it touches the world.
    pub effect: Effect,
    /// (budget, units) beside the descriptor's `per-request`.
    pub costs: Vec<(String, u32)>,
    /// For the whole answer.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A read with nothing but a URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            body_secrets: Vec::new(),
            effect: Effect::Read,
            costs: Vec::new(),
            timeout: None,
        }
    }
}

/// What was answered; every status is one, redirects included: they are never followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case; known secrets and cookies replaced.
    pub headers: Vec<(String, String)>,
    /// Decompressed, known secrets replaced.
    pub body: Vec<u8>,
    /// Answered from the journal; nothing was sent.
    pub is_replayed: bool,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Policy or a broken request; the text says which rule. Nothing was sent.
    #[error("refused: {0}")]
    Refused(String),
    /// No address, no connection, no TLS: nothing was sent.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No complete answer, in time or at all: the request may have arrived.
    #[error("no complete answer came; the request may have arrived")]
    Timeout,
    /// The answer is larger than this many bytes, which is what is allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// An earlier request with one of these keys has no known answer. Nothing was sent.
    #[error("an earlier request of the same thing, {} ms ago, has no known answer", age.as_millis())]
    InDoubt {
        /// How old it is held to be: the host decided by it.
        age: Duration,
    },
    /// The host ends the attempt; never shown to a connector.
    #[error(transparent)]
    End(#[from] End),
}
