//! Taking events in: durable when the call returns.

use async_trait::async_trait;
use gladhand_core::intake::IncomingEvent;

use crate::Error;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Committed, with its deliveries.
    Stored,
    /// Known already: nothing was stored.
    Duplicate,
}

/// Taking events in.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Commits the event with what the planner makes of it. Many concurrent calls share one commit.
    async fn take(&self, event: IncomingEvent) -> Result<Taken, Error>;
}
