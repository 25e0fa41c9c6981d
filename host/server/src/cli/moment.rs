//! Points in time as people read them.

use chrono::DateTime;
use gladhand_core::clock::Timestamp;

/// `2026-11-20 12:00:00`, in UTC.
pub fn moment(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.0).map_or_else(
        || at.to_string(),
        |at| at.format("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// Nothing where there is none.
pub fn moment_if_any(at: Option<Timestamp>) -> String {
    at.map(moment).unwrap_or_default()
}
