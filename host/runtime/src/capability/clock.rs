//! `clock`: the host's time, in whole milliseconds.

use chrono::DateTime;
use chrono_tz::Tz;
use gladhand_core::clock::Timestamp;

use super::View;
use crate::bindings::gladhand::connector::clock;
use crate::convert::{from_guest, to_guest};
use crate::host::Host;

impl Host {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    /// `YYYY-MM-DD HH:MM:SS` in an IANA zone; UTC where the zone is unknown.
    ///
    /// Years 1 to 9999; a moment beyond them is taken for their first or last.
    pub fn local(&self, at: Timestamp, zone: &str) -> String {
        let moment = DateTime::from_timestamp_millis(at.0.clamp(FIRST_MS, LAST_MS))
            .expect("a calendar has the years 1 to 9999");
        moment
            .with_timezone(&zone.parse().unwrap_or(Tz::UTC))
            .format("%Y-%m-%d %H:%M:%S")
            .to_string()
    }
}

/// 0001-01-01 00:00:00 UTC.
const FIRST_MS: i64 = -62_135_596_800_000;
/// 9999-12-31 23:59:59.999 UTC.
const LAST_MS: i64 = 253_402_300_799_999;

impl clock::Host for View<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        let (host, _) = self.host()?;
        Ok(to_guest::timestamp(host.now()))
    }

    fn local(&mut self, at: u64, zone: String) -> wasmtime::Result<String> {
        let (host, _) = self.host()?;
        Ok(host.local(from_guest::timestamp(at), &zone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::doubles::delivery;

    #[track_caller]
    fn check(at: i64, zone: &str, expect: &str) {
        assert_eq!(delivery().local(Timestamp(at), zone), expect);
    }

    #[test]
    fn summer_time_counts() {
        check(1_751_371_200_999, "Europe/Berlin", "2025-07-01 14:00:00");
        check(1_735_732_800_000, "Europe/Berlin", "2025-01-01 13:00:00");
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        check(1_751_371_200_000, "Middle/Earth", "2025-07-01 12:00:00");
    }

    #[test]
    fn a_moment_beyond_the_calendar_is_its_first_or_last() {
        check(i64::MAX, "UTC", "9999-12-31 23:59:59");
        check(i64::MAX, "Asia/Tokyo", "+10000-01-01 08:59:59");
        check(i64::MIN, "UTC", "0001-01-01 00:00:00");
    }
}
