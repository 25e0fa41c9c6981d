//! How an event ended well: synced, or skipped with a code from a closed set.

use serde::{Deserialize, Serialize};

use crate::words::words;

words!(
    /// Why nothing was written.
    SkipCode {
        /// The contact has nothing that a record can be found by; the host hands it over again when it gains it.
        NoIdentity = "no-identity",
        /// The CRM already says the same.
        Unchanged = "unchanged",
        /// The connection's settings switch this off.
        DisabledBySetting = "disabled-by-setting",
        /// An agent blocked the contact.
        BlockedContact = "blocked-contact",
        /// Nothing that this CRM keeps.
        UnsupportedEvent = "unsupported-event",
        /// A newer state is known.
        Stale = "stale",
    }
);

words!(
    /// What was done to one record.
    Action {
        /// It was made.
        Created = "created",
        /// It was changed.
        Updated = "updated",
        /// It was looked at and is right.
        Unchanged = "unchanged",
        /// It was there and is known from now on.
        Linked = "linked",
        /// It was removed.
        Removed = "removed",
    }
);

/// What was done to one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The CRM's kind of record.
    pub object: String,
    /// Its id there.
    pub remote_id: String,
    /// What was done.
    pub action: Action,
    /// Where a person opens it.
    pub url: Option<String>,
}

impl Change {
    /// A change of one record.
    pub fn new(object: impl Into<String>, remote_id: impl Into<String>, action: Action) -> Self {
        Self {
            object: object.into(),
            remote_id: remote_id.into(),
            action,
            url: None,
        }
    }

    /// Adds where a person opens it.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }
}

/// How an event ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Records were brought up to date.
    Synced {
        /// Each of them.
        changes: Vec<Change>,
    },
    /// Nothing was written.
    Skipped {
        /// Why, from the closed set.
        code: SkipCode,
        /// Why, for the operator.
        reason: String,
    },
}

impl Outcome {
    /// Records were brought up to date.
    pub const fn synced(changes: Vec<Change>) -> Self {
        Self::Synced { changes }
    }

    /// Nothing was written.
    pub fn skipped(code: SkipCode, reason: impl Into<String>) -> Self {
        Self::Skipped {
            code,
            reason: reason.into(),
        }
    }
}
