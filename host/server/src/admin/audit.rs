//! Who did what: every deed of an operator leaves an entry.

use gladhand_store::audit::AuditEntry;
use uuid::Uuid;

use super::{Admin, Error};

/// Everybody who has the admin token.
const ACTOR: &str = "admin";

impl Admin {
    /// Newest first.
    pub async fn list_deeds(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, Error> {
        Ok(self.parts.audit.deeds(before, limit).await?)
    }

    /// Keeps a deed that was done. `detail` is a sentence that holds nothing about a person.
    ///
    /// The deed stands even where its entry cannot be kept: saying that it failed would make somebody repeat it.
    pub(super) async fn record(&self, action: &str, subject: &str, detail: impl Into<String>) {
        let entry = AuditEntry {
            id: self.parts.ids.next(),
            at: self.now(),
            actor: ACTOR.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: detail.into(),
        };
        if let Err(error) = self.parts.audit.record_deed(&entry).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                action,
                subject,
                "keeping an entry of the audit log"
            );
        }
    }
}
