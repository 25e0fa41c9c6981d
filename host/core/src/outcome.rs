//! How a delivery ended well: synced, or skipped with a code from a closed set.

use serde::{Deserialize, Serialize};

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every member.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As stored, shown and counted.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The member of this name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use closed_set;

closed_set!(
    /// Why nothing was written.
    SkipCode {
        /// Only bookkeeping fields of the source changed.
        Noise = "noise",
        /// The event only says back what Gladhand wrote.
        Echo = "echo",
        /// A newer state of the same entity is known.
        Stale = "stale",
        /// The connection only observes.
        Observed = "observed",
        /// Nothing that a CRM keeps.
        UnsupportedEvent = "unsupported-event",
        /// The connection takes other inboxes.
        FilteredInbox = "filtered-inbox",
        /// The connection's settings switch this off.
        DisabledBySetting = "disabled-by-setting",
        /// The contact has nothing that a record can be found by; queued again when it gains it.
        NoIdentity = "no-identity",
        /// An agent blocked the contact.
        BlockedContact = "blocked-contact",
        /// The CRM already says the same.
        Unchanged = "unchanged",
        /// An operator said so.
        ByOperator = "by-operator",
        /// The body was not understood.
        Unreadable = "unreadable",
    }
);

/// What was done to one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The CRM's kind of record.
    pub object: String,
    /// Its id there.
    pub remote_id: String,
    /// created, updated, unchanged, linked, removed
    pub action: String,
    /// Where a person opens it.
    pub url: Option<String>,
}

/// How a delivery ended well.
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
