//! What the engine hands to a connector and what it gets back.

use std::sync::Arc;

use async_trait::async_trait;
use gladhand_core::attempt::{Attempt, Cost, End, LogLine};
use gladhand_core::clock::Clock;
use gladhand_core::connection::{Connection, Source};
use gladhand_core::descriptor::Descriptor;
use gladhand_core::event::Event;
use gladhand_core::failure::Failure;
use gladhand_core::outcome::Outcome;
use gladhand_core::port::Ports;
use gladhand_egress::{Egress, Target};
use serde::{Deserialize, Serialize};

/// Something that brings events into a CRM: a component, or a double of one.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Names the version: SHA-256, hex.
    fn digest(&self) -> &str;
    /// What it says of itself.
    fn descriptor(&self) -> &Arc<Descriptor>;
    /// Brings one event into the CRM.
    async fn handle(&self, call: Call, event: &Event) -> Report;
    /// Looks at the CRM with the connection's settings and credential.
    async fn check(&self, call: Call) -> Result<Vec<Check>, Failure>;
    /// What the CRM offers for `what`, one of the descriptor's `discovers`.
    async fn discover(&self, call: Call, what: &str) -> Result<serde_json::Value, Failure>;
}

/// What the host's side of a call needs and every call shares.
#[derive(Clone)]
pub struct Services {
    /// What is stored.
    pub ports: Ports,
    /// The only way out.
    pub egress: Arc<Egress>,
    /// What deadlines and a guest's own time are measured with.
    pub clock: Arc<dyn Clock>,
}

/// One call: whose, and with what right.
pub struct Call {
    /// The attempt that it executes.
    pub attempt: Attempt,
    /// Where its requests may go.
    pub target: Arc<Target>,
    /// The connection that it serves.
    pub connection: Arc<Connection>,
    /// The source of the connection.
    pub source: Arc<Source>,
}

/// What came of a delivery's call.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub ended: Ended,
    /// The attempt, with what is not yet committed.
    pub attempt: Attempt,
    /// What it cost; `total_us` is the caller's to fill in.
    pub cost: Cost,
    /// What the connector logged.
    pub log: Vec<LogLine>,
}

/// How a delivery's call ended.
#[derive(Debug)]
pub enum Ended {
    /// The connector says that it went well.
    Outcome(Outcome),
    /// The connector, or the host about the connector, says that it failed.
    Failure(Failure),
    /// The host ended it.
    End(End),
}

/// One named fact that setup looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub name: String,
    /// passed, failed, skipped
    pub state: String,
    /// error, warning, info
    pub severity: String,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the connector can mend it with the operator's consent.
    pub provisionable: bool,
}
