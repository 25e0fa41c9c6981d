//! What bounds a request, whoever makes it. The defaults are those of design/4-semantics.md, "Limits of a call".

use std::time::Duration;

/// What bounds a request.
#[derive(Debug, Clone)]
pub struct Config {
    /// Requests of one attempt, replayed ones included.
    pub http_calls: u32,
    /// Bytes of a request's body.
    pub request_bytes: usize,
    /// Bytes of an answer's body, after decompression.
    pub response_bytes: usize,
    /// Bytes of a body that a recording keeps; what is longer is cut there.
    pub recorded_bytes: usize,
    /// For an answer, where the connector does not say.
    pub timeout: Duration,
    /// For an answer, whatever the connector says.
    pub longest_timeout: Duration,
    /// For a connection, name lookup and TLS included.
    pub connect_timeout: Duration,
    /// What must be left of the lease after the longest answer: time to record and settle it.
    pub lease_margin: Duration,
    /// How long an attempt may run: one that never settled may have sent until then.
    pub attempt_deadline: Duration,
    /// How many idle connections to one host are kept.
    pub idle_connections: usize,
    /// And for how long.
    pub idle_timeout: Duration,
    /// How requests introduce themselves.
    pub user_agent: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            http_calls: 50,
            request_bytes: 1 << 20,
            response_bytes: 8 << 20,
            // 50 calls of an attempt then hold 25 MB at the very most.
            recorded_bytes: 256 << 10,
            timeout: Duration::from_secs(15),
            // Shorter than an attempt's 30 s, so that a slow answer ends as one and not as a deadline.
            longest_timeout: Duration::from_secs(25),
            connect_timeout: Duration::from_secs(5),
            lease_margin: Duration::from_secs(1),
            attempt_deadline: Duration::from_secs(30),
            // More than the attempts that a host runs at once, so that none of them pays for a handshake.
            idle_connections: 256,
            // Shorter than the 5 s after which common servers close one: a write that crosses the closing is in doubt.
            idle_timeout: Duration::from_secs(4),
            user_agent: concat!("gladhand/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
