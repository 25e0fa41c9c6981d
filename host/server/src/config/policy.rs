//! What a `[[connection]]` says about failures. What it does not say is standard.

use gladhand_core::connection::{OnDead, Policy};

use super::section::Section;
use crate::admin::PolicyChange;

/// What cannot be was reported.
pub fn read(section: &mut Section<'_>) -> PolicyChange {
    let words = [("continue", OnDead::Continue), ("hold", OnDead::Hold)];
    let change = PolicyChange {
        on_dead: section.one_of("on_dead", &words),
        retry_from_secs: section.integer("retry_from_secs"),
        retry_to_secs: section.integer("retry_to_secs"),
        retry_for_secs: section.integer("retry_for_secs"),
    };
    if let Err(flaws) = change.applied_to(&Policy::default()) {
        for flaw in flaws {
            section.report_at(&flaw.about, &flaw.message);
        }
    }
    change
}
