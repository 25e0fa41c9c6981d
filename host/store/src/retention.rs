//! What is kept how long, and removing the rest in small steps.

use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;

use crate::Error;

/// How long each kind of row is kept. What is still needed is kept whatever its age: what has not settled, dead
/// letters, the newest event of an entity, keys that are open or unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Events with their bodies, and all that they became.
    pub events: Duration,
    /// Events in which no contact could be read.
    pub unreadable: Duration,
    /// What attempts sent and got.
    pub exchanges: Duration,
    /// Dead letters.
    pub dead: Duration,
    /// What links said before.
    pub link_history: Duration,
    /// Who did what.
    pub audit: Duration,
}

impl Keep {
    /// A month of events, a week of exchanges, a quarter of dead letters, a year of deeds.
    pub const STANDARD: Self = Self {
        events: Duration::from_hours(30 * 24),
        unreadable: Duration::from_hours(30 * 24),
        exchanges: Duration::from_hours(7 * 24),
        dead: Duration::from_hours(90 * 24),
        link_history: Duration::from_hours(90 * 24),
        audit: Duration::from_hours(365 * 24),
    };
}

/// What one step removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Rows.
    pub rows: u64,
    /// Nothing more of the table is too old; the next step is another table's.
    pub is_table_done: bool,
    /// Nothing is left that is too old.
    pub is_done: bool,
}

/// Removing what is too old.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Removes at most about `rows` rows, in one short transaction.
    async fn sweep(&self, keep: &Keep, rows: u32, now: Timestamp) -> Result<Swept, Error>;
}
