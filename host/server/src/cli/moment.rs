//! Points in time as people read them.

use gladhand_core::clock::Timestamp;

/// `2026-11-20 12:00:00`, in UTC.
pub fn moment(at: Timestamp) -> String {
    at.utc()
}

/// Nothing where there is none.
pub fn moment_if_any(at: Option<Timestamp>) -> String {
    at.map(moment).unwrap_or_default()
}
