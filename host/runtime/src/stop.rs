//! Why the host ends a call that the guest has not finished.

use std::time::Duration;

use gladhand_core::attempt::End;
use gladhand_core::port;

/// Why the host ends a call that the guest has not finished.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The attempt ends, and it is not the connector's fault.
    #[error(transparent)]
    End(#[from] End),
    /// The call kept a processor busy for longer than it may.
    #[error("the connector computed for more than {} ms in one call", .0.as_millis())]
    Busy(Duration),
    /// The call came to no end in time, and nothing kept it from it.
    #[error("the connector did not come to an end within {} ms", .0.as_millis())]
    Overdue(Duration),
    /// The call came to no end in time because the host had not answered it.
    #[error("the connector was still waiting for an answer after {} ms", .0.as_millis())]
    KeptWaiting(Duration),
    /// The connector uses the host in a way that the contract forbids.
    #[error("{0}")]
    Misuse(String),
}

impl From<port::Error> for Stop {
    fn from(error: port::Error) -> Self {
        Self::End(error.into())
    }
}

impl Stop {
    /// A use of the host that the contract forbids.
    pub fn misuse(text: impl Into<String>) -> Self {
        Self::Misuse(text.into())
    }
}
