//! What was sent and what was answered, as recorded: bounded, without credentials, sealed by the store.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What a CRM answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// Decompressed, with known secrets scrubbed.
    #[serde(with = "bytes_as_text")]
    pub body: Vec<u8>,
}

/// One host call of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Counts the attempt's calls from 0.
    pub sequence: u32,
    /// `http.send`, `links.get`, …
    pub call: String,
    /// Of an HTTP request.
    pub method: String,
    /// Of an HTTP request, without credentials.
    pub url: String,
    /// read, set, once
    pub effect: String,
    /// The request's body, with secrets scrubbed.
    #[serde(with = "bytes_as_text")]
    pub request: Vec<u8>,
    /// What was answered, where something was.
    pub answer: Option<Answer>,
    /// What went wrong where nothing was answered.
    pub error: Option<String>,
    /// Answered from the journal; nothing was sent.
    pub is_replayed: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_us: u64,
}

/// Bodies are nearly always text; what is not keeps its readable part.
mod bytes_as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&String::from_utf8_lossy(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(String::into_bytes)
    }
}
