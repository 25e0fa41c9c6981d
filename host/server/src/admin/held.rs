//! Whether lanes are held, looked up for those that somebody asks about.

use gladhand_core::ids::ConnectionId;
use gladhand_store::queue::HeldFilter;

use super::{Admin, Error};

impl Admin {
    /// Whether the lane of a contact is held.
    pub(super) async fn is_held(
        &self,
        connection: ConnectionId,
        contact: &str,
    ) -> Result<bool, Error> {
        let filter = HeldFilter {
            connection: Some(connection),
            contacts: vec![contact.to_owned()],
            limit: 1,
            ..HeldFilter::default()
        };
        Ok(!self.parts.queue.held(filter).await?.is_empty())
    }
}
