//! Time, as the host tells it: recorded, so that a replay sees the same.

use crate::host;

/// Milliseconds since the Unix epoch, UTC.
pub type Timestamp = u64;

/// Now.
pub fn now() -> Timestamp {
    host::call(|host| host.now())
}

/// `YYYY-MM-DD HH:MM:SS` in an IANA zone; UTC where the zone is unknown.
pub fn local(at: Timestamp, zone: &str) -> String {
    host::call(|host| host.local(at, zone))
}
