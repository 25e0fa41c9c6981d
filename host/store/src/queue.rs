//! What operators do with deliveries and lanes: queue again, skip, discard, hold, release.

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::Delivery;
use gladhand_core::failure::FailureKind;
use gladhand_core::ids::{ConnectionId, DeliveryId, SourceId};

use crate::Error;

/// Which dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// That failed this way.
    pub kind: Option<FailureKind>,
    /// That died at or after.
    pub since: Option<Timestamp>,
    /// That died before.
    pub until: Option<Timestamp>,
}

/// Which held lanes to list.
#[derive(Debug, Clone, Default)]
pub struct HeldFilter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// Of these contacts; empty means of all.
    pub contacts: Vec<String>,
    /// Behind this one, for the next page.
    pub after: Option<(ConnectionId, String)>,
    /// At most so many; the store caps it at 1,000.
    pub limit: u32,
}

/// A lane of which nothing runs until a person lets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLane {
    /// Of which connection.
    pub connection: ConnectionId,
    /// Of which contact.
    pub contact: String,
    /// The dead delivery that holds it; absent where a person does.
    pub holder: Option<DeliveryId>,
    /// Since when.
    pub since: Timestamp,
}

/// What became of a wish about one delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// It was done; the delivery as it stands now.
    Done(Delivery),
    /// Its state does not allow it; the delivery as it stands.
    Refused(Delivery),
    /// There is no such delivery.
    Unknown,
}

/// What operators do with deliveries and lanes.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Queues a settled delivery again, or lets one that waits run now. It runs on its entity's newest state, in its
    /// own place in the lane. One that runs or was superseded is refused.
    async fn retry(&self, id: DeliveryId, now: Timestamp) -> Result<Asked, Error>;
    /// Settles a delivery that waits or is dead as skipped, with the operator's reason. One that runs is refused. Its
    /// lane goes on, unless another delivery that is dead holds it.
    async fn skip(&self, id: DeliveryId, reason: &str, now: Timestamp) -> Result<Asked, Error>;
    /// Queues dead letters again, at most `limit`, oldest first; how many. A caller repeats it until it brings fewer.
    async fn retry_dead(
        &self,
        selection: &Selection,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, Error>;
    /// Settles dead letters as skipped, at most `limit`; how many. The lanes that they hold go on; the keys that their
    /// effects hold stay held.
    async fn discard_dead(
        &self,
        selection: &Selection,
        reason: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, Error>;
    /// Holds a lane, or releases it, whoever held it; false where nothing waits in it and nobody holds it.
    async fn hold(
        &self,
        connection: ConnectionId,
        contact: &str,
        is_held: bool,
        now: Timestamp,
    ) -> Result<bool, Error>;
    /// Lanes that are held, in the order of connection and contact.
    async fn held(&self, filter: HeldFilter) -> Result<Vec<HeldLane>, Error>;
    /// Queues a contact's newest state for every connection of its source that takes it, also where only its
    /// conversations have told of it; how many deliveries. `None` where the contact is not known.
    async fn sync_contact(
        &self,
        source: SourceId,
        contact: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, Error>;
}
