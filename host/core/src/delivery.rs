//! A delivery: one event for one connection, the unit of work.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::entity::EntityKind;
use crate::event::EventKind;
use crate::failure::Failure;
use crate::ids::{ConnectionId, DeliveryId, EventId};
use crate::lane::Priority;
use crate::outcome::{Outcome, SkipCode, closed_set};

closed_set!(
    /// Where a delivery stands.
    DeliveryState {
        /// Waits for its lane.
        Pending = "pending",
        /// A worker has it.
        Running = "running",
        /// Tried or deferred; has a next time.
        Waiting = "waiting",
        /// Synced.
        Succeeded = "succeeded",
        /// Nothing was written, for a reason.
        Skipped = "skipped",
        /// Needs a person.
        Dead = "dead",
        /// A newer state of the same entity replaced it.
        Superseded = "superseded",
        /// Its connection is paused.
        Paused = "paused",
        /// Ran beside the active version.
        Shadowed = "shadowed",
    }
);

impl DeliveryState {
    /// Whether nothing more happens to it by itself.
    pub const fn is_settled(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Skipped | Self::Dead | Self::Superseded | Self::Shadowed
        )
    }

    /// Whether it is yet to run: while nothing of its connection runs, it is paused.
    pub const fn waits(self) -> bool {
        !self.is_settled() && !matches!(self, Self::Running)
    }
}

/// A delivery on its way into the store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// What happened.
    pub event: EventId,
    /// For whom.
    pub connection: ConnectionId,
    /// The contact whose lane it rides in; empty where none is known.
    pub contact: String,
    /// Which entity's state it carries.
    pub entity: Option<(EntityKind, String)>,
    /// As what it is handed over; `None` where the event is nothing that is handed over.
    pub kind: Option<EventKind>,
    /// Orders the lane: microseconds since the Unix epoch, of when it happened.
    pub occurred_at_us: i64,
    /// What goes first under a full budget.
    pub priority: Priority,
    /// Settled from the start, for this reason.
    pub skipped: Option<(SkipCode, String)>,
}

/// A delivery as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// What happened.
    pub event_id: EventId,
    /// For whom.
    pub connection: ConnectionId,
    /// The contact whose lane it rides in.
    pub lane: String,
    /// As what it is handed over.
    pub kind: Option<EventKind>,
    /// The source's name for the event.
    pub event_name: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was executed.
    pub attempts: u32,
    /// How it ended well.
    pub outcome: Option<Outcome>,
    /// What went wrong last.
    pub failure: Option<Failure>,
    /// When it is tried next.
    pub not_before: Option<Timestamp>,
    /// When its event came in; when an operator asked for it, where it is a sync.
    pub received_at: Timestamp,
    /// An operator asked for it, later than its event came in.
    pub is_sync: bool,
    /// When it was last queued: give-up counts from here.
    pub queued_at: Timestamp,
    /// When nothing more was to happen.
    pub settled_at: Option<Timestamp>,
    /// The version that last ran: SHA-256, hex.
    pub version: Option<String>,
}
