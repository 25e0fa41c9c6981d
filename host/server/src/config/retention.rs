//! `[retention]`: how long what is not needed any more is kept.

use std::time::Duration;

use gladhand_store::retention::Keep;

use super::section::Section;

/// A number of days, at least one.
struct Days(Duration);

impl TryFrom<i64> for Days {
    type Error = ();

    fn try_from(days: i64) -> Result<Self, ()> {
        const HOURS_PER_DAY: u64 = 24;
        let days = u32::try_from(days)
            .ok()
            .filter(|days| *days > 0)
            .ok_or(())?;
        Ok(Self(Duration::from_hours(u64::from(days) * HOURS_PER_DAY)))
    }
}

/// `None` where anything was reported.
pub fn read(mut section: Section<'_>) -> Option<Keep> {
    let mut days = |key| section.integer(key).map(|Days(days)| days);
    let events = days("events_days");
    let exchanges = days("exchanges_days");
    let dead = days("dead_days");
    let link_history = days("link_history_days");
    let audit = days("audit_days");
    section.finish();
    Some(Keep {
        events: events?,
        exchanges: exchanges?,
        dead: dead?,
        link_history: link_history?,
        audit: audit?,
        ..Keep::STANDARD
    })
}
