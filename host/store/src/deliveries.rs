//! Deliveries and their lanes: claimed, settled, shown.

use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::attempt::{Changes, Cost, Lease, Link, LogLine, Unsettled};
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::effect::{EffectSummary, Journalled};
use gladhand_core::exchange::Exchange;
use gladhand_core::failure::Failure;
use gladhand_core::ids::{AccountId, AttemptId, ConnectionId, DeliveryId};
use gladhand_core::lane::Priority;
use gladhand_core::outcome::Outcome;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a worker is ready to take.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Connections in the order of whose turn it is.
    pub connections: Vec<Wanted>,
    /// How many lanes at most, over all of them.
    pub lanes: u32,
    /// Now.
    pub now: Timestamp,
    /// Now, on the monotonic clock: leases end by it.
    pub monotonic: Duration,
    /// How long a lease lasts.
    pub lease: Duration,
}

/// A connection that may get lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub connection: ConnectionId,
    /// Whose: its connections together get no more than the most that one of them may get.
    pub account: AccountId,
    /// How many lanes at most.
    pub lanes: u32,
}

/// What a claim brought.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// One per lane.
    pub claimed: Vec<Claimed>,
    /// When the next lane of these connections becomes ready that is not ready yet; not looked for where as many lanes
    /// were claimed as were asked for.
    pub next_ready: Option<Timestamp>,
}

/// A delivery to run, and everything that running it needs.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to run it.
    pub lease: Lease,
    /// What to run; its `attempts` counts this one already.
    pub delivery: Delivery,
    /// The newest event of its entity where it carries a state, else its own: the exact bytes.
    pub body: Vec<u8>,
    /// The newest event about the contact itself, where the delivery waited for the contact's identity.
    pub contact_body: Option<Vec<u8>>,
    /// What earlier attempts of it sent.
    pub journalled: Vec<Journalled>,
    /// What the lane may have on its way to the CRM: of its own attempts that never settled, and what earlier deliveries left.
    pub unsettled: Vec<Unsettled>,
    /// It was claimed before, whatever came of it, and whoever has put it back since.
    pub is_again: bool,
    /// The version that its connection runs: SHA-256, hex.
    pub version: Option<String>,
    /// What goes first under a full budget.
    pub priority: Priority,
    /// A later transition of its conversation has succeeded: to run this one would write old state over new.
    pub is_overtaken: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Where the delivery stands now.
    pub state: DeliveryState,
    /// How it ended well.
    pub outcome: Option<Outcome>,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// When it is tried next, where it is.
    pub not_before: Option<Timestamp>,
    /// It is dead, and its connection lets nothing behind it run until a person has looked.
    pub holds_lane: bool,
    /// What may still be on its way to the CRM: later deliveries of the lane must know.
    pub unsettled: Option<Unsettled>,
    /// Whether this was an attempt; a deferral is none.
    pub is_attempt: bool,
    /// Now.
    pub at: Timestamp,
    /// When the attempt began.
    pub started_at: Timestamp,
    /// The version that ran: SHA-256, hex.
    pub version: Option<String>,
    /// What it cost.
    pub cost: Cost,
    /// The connector's log lines.
    pub log: Vec<LogLine>,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// In this state; in `paused` is what waits of the connections that are `paused`, and then in no other.
    pub state: Option<DeliveryState>,
    /// Connections of which nothing runs.
    pub paused: Vec<ConnectionId>,
    /// Of this contact.
    pub contact: Option<String>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Older than this one, for the next page.
    pub before: Option<DeliveryId>,
    /// At most so many; the store caps it at 1,000.
    pub limit: u32,
}

/// Everything about one delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptRecord>,
    /// Its effects, oldest first.
    pub effects: Vec<EffectSummary>,
    /// The links of its contact and conversation.
    pub links: Vec<Link>,
}

/// One attempt as recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Its id.
    pub id: AttemptId,
    /// Counts from 1, and anew where an operator queued the delivery again.
    pub number: u32,
    /// The version that ran.
    pub version: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was settled; absent where it never was.
    pub settled_at: Option<Timestamp>,
    /// How it ended well.
    pub outcome: Option<Outcome>,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// What it cost.
    pub cost: Cost,
    /// What was sent and answered.
    pub exchanges: Vec<Exchange>,
    /// What the connector logged.
    pub log: Vec<LogLine>,
}

/// How many deliveries stand where, for health and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// (state, number), of every state that has any.
    pub by_state: Vec<(DeliveryState, u64)>,
    /// When the oldest delivery that waits came in.
    pub oldest_waiting: Option<Timestamp>,
}

/// How many lanes are counted at most: a count reads each, and whoever asks often must not pay for a million.
pub const MOST_LANES_COUNTED: u32 = 10_000;

/// Deliveries and their lanes.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Leases ready lanes and takes the head of each, superseding what is out of date. One commit.
    ///
    /// On a database of several hosts no account gets more lanes than its concurrency, counted over all of them.
    async fn claim(&self, request: ClaimRequest) -> Result<Claims, Error>;
    /// Commits how an attempt ended, with the rest of its changes, if the lease still holds.
    ///
    /// A delivery that is skipped for want of an identity goes back to pending where the contact gained one since
    /// `settlement.started_at`.
    async fn settle(
        &self,
        lease: &Lease,
        account: AccountId,
        state: u32,
        changes: Changes,
        settlement: Settlement,
    ) -> Result<(), Error>;
    /// Prolongs leases by `lease` from now; which of them still held, in the order given.
    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<bool>, Error>;
    /// Waits until an intake or an operator may have made a lane ready. Never misses one that happened after the last call.
    /// Whoever settles knows by itself that its lane is free.
    async fn changed(&self);
    /// Newest first.
    async fn list(&self, filter: DeliveryFilter) -> Result<Vec<Delivery>, Error>;
    /// Everything about one.
    async fn show(&self, id: DeliveryId) -> Result<Option<DeliveryDetail>, Error>;
    /// How many stand where.
    async fn counts(&self) -> Result<Counts, Error>;
    /// How many lanes have work that no worker does and nobody holds; `MOST_LANES_COUNTED` where it is that many or more.
    async fn lanes_waiting(&self) -> Result<u64, Error>;
}
