//! The breaker of an account: after so much trouble nothing is sent for a while, then one delivery finds out.
//!
//! What hosts share is whether it is open (`Breaker`, a standing); what each counts is its own (`Window`): a CRM that is
//! down for one host is down for all, and every host sees enough of it by itself. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What is older says nothing about now.
const WINDOW: Duration = Duration::from_secs(30);
/// So many failures one after the other open it.
const IN_A_ROW: usize = 5;
/// Of fewer than these, a share says nothing.
const SAMPLE: usize = 20;
/// More need not be remembered to know a share.
const MOST_SEEN: usize = 200;
/// The first time; it doubles with every probe that fails.
const FIRST_OPEN: Duration = Duration::from_secs(15);
/// A CRM that is back is noticed within this.
const LONGEST_OPEN: Duration = Duration::from_mins(5);
/// Longer than any attempt: a probe that nobody heard of until then is lost.
const PROBE: Duration = Duration::from_secs(90);

/// Where the breaker stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Breaker {
    /// Everything is sent.
    #[default]
    Closed,
    /// Nothing is sent.
    Open {
        /// Since when it is not closed.
        since: Timestamp,
        /// Then one delivery may find out.
        until: Timestamp,
        /// How often it opened without closing.
        times: u32,
    },
    /// One delivery finds out.
    HalfOpen {
        /// Since when it is not closed.
        since: Timestamp,
        /// Then that delivery is given up.
        until: Timestamp,
        /// How often it opened without closing.
        times: u32,
    },
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Everything.
    Everything,
    /// One delivery, by whoever calls `probe` first.
    Probe,
    /// Nothing, until then.
    Nothing(Timestamp),
}

impl Breaker {
    /// What may be sent.
    pub fn admits(&self, now: Timestamp) -> Admission {
        match self {
            Self::Closed => Admission::Everything,
            Self::Open { until, .. } | Self::HalfOpen { until, .. } if now < *until => {
                Admission::Nothing(*until)
            }
            Self::Open { .. } | Self::HalfOpen { .. } => Admission::Probe,
        }
    }

    /// Since when it is not closed.
    pub fn open_since(&self) -> Option<Timestamp> {
        match self {
            Self::Closed => None,
            Self::Open { since, .. } | Self::HalfOpen { since, .. } => Some(*since),
        }
    }

    /// Opens one that is closed.
    pub fn open(&mut self, now: Timestamp) {
        if *self == Self::Closed {
            *self = Self::opened(now, now, 1);
        }
    }

    /// Lets the caller's delivery find out; false where somebody else's does, or it is not time.
    pub fn probe(&mut self, now: Timestamp) -> bool {
        let (Self::Open { since, times, .. } | Self::HalfOpen { since, times, .. }) = *self else {
            return false;
        };
        if self.admits(now) != Admission::Probe {
            return false;
        }
        *self = Self::HalfOpen {
            since,
            until: now.after(PROBE),
            times,
        };
        true
    }

    /// What the probe found out; `None` where it ended without having asked.
    pub fn probed(&mut self, is_well: Option<bool>, now: Timestamp) {
        let Self::HalfOpen { since, times, .. } = *self else {
            return;
        };
        *self = match is_well {
            Some(true) => Self::Closed,
            Some(false) => Self::opened(since, now, times.saturating_add(1)),
            None => Self::Open {
                since,
                until: now,
                times,
            },
        };
    }

    fn opened(since: Timestamp, now: Timestamp, times: u32) -> Self {
        let doublings = times.saturating_sub(1).min(16);
        let wait = FIRST_OPEN.saturating_mul(1 << doublings).min(LONGEST_OPEN);
        Self::Open {
            since,
            until: now.after(wait),
            times,
        }
    }
}

/// What one host saw of an account lately.
#[derive(Debug, Clone, Default)]
pub struct Window {
    seen: VecDeque<(Timestamp, bool)>,
    /// Failures one after the other, however far apart: a CRM that lets every request run into its time-out has few in half
    /// a minute.
    in_a_row: usize,
}

impl Window {
    /// Notes how an attempt went; whether it is too much.
    pub fn record(&mut self, is_well: bool, now: Timestamp) -> bool {
        self.in_a_row = if is_well { 0 } else { self.in_a_row + 1 };
        let seen = &mut self.seen;
        seen.push_back((now, is_well));
        while seen.len() > MOST_SEEN || seen.front().is_some_and(|(at, _)| now.since(*at) > WINDOW)
        {
            seen.pop_front();
        }
        let failed = seen.iter().filter(|(_, well)| !well).count();
        self.in_a_row >= IN_A_ROW || (seen.len() >= SAMPLE && failed * 2 > seen.len())
    }

    /// Forgets everything: what was before an opening says nothing about what comes after it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000;

    #[track_caller]
    fn check(outcomes: &[bool], gap: i64, opens: bool) {
        let mut window = Window::default();
        let mut opened = false;
        for (at, is_well) in (0..).zip(outcomes) {
            opened |= window.record(*is_well, Timestamp(at * gap));
        }
        assert_eq!(opened, opens);
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        check(&[false; 4], SECOND, false);
        check(&[false; 5], SECOND, true);
        check(&[false; 5], 15 * SECOND, true);
        check(&[false, false, false, false, true, false], SECOND, false);
    }

    #[test]
    fn more_than_half_of_twenty_open_it() {
        let half = [true, false].repeat(10);
        check(&half, SECOND, false);
        let more = [[true, false].repeat(9), vec![false, false]].concat();
        check(&more, SECOND, true);
        check(&more[1..], SECOND, false);
    }

    #[test]
    fn one_delivery_finds_out_and_closes_it() {
        let mut breaker = Breaker::default();
        breaker.open(Timestamp(0));
        assert_eq!(
            breaker.admits(Timestamp(14_999)),
            Admission::Nothing(Timestamp(15_000))
        );
        assert!(!breaker.probe(Timestamp(14_999)));
        assert_eq!(breaker.admits(Timestamp(15_000)), Admission::Probe);
        assert!(breaker.probe(Timestamp(15_000)));
        assert!(!breaker.probe(Timestamp(15_001)), "one, and not two");
        breaker.probed(Some(true), Timestamp(16_000));
        assert_eq!(breaker, Breaker::Closed);
    }

    #[test]
    fn a_probe_that_nobody_hears_of_is_followed_by_another() {
        let mut breaker = Breaker::default();
        breaker.open(Timestamp(0));
        assert!(breaker.probe(Timestamp(15_000)));
        assert!(breaker.probe(Timestamp(105_000)));
        breaker.probed(None, Timestamp(105_001));
        assert!(breaker.probe(Timestamp(105_001)), "it asked nothing");
    }

    #[test]
    fn it_is_stored_in_words() {
        let mut breaker = Breaker::default();
        breaker.open(Timestamp(5));
        let stored = serde_json::to_value(breaker).expect("it is JSON");
        assert_eq!(
            stored,
            serde_json::json!({ "state": "open", "since": 5, "until": 15_005, "times": 1 })
        );
    }

    proptest! {
        #[test]
        fn it_opens_longer_each_time_and_never_too_long(failures in 1u32..100) {
            let mut breaker = Breaker::default();
            let mut now = Timestamp(0);
            let mut last = Duration::ZERO;
            breaker.open(now);
            for _ in 0..failures {
                let Admission::Nothing(until) = breaker.admits(now) else {
                    return Err(TestCaseError::fail("it is open"));
                };
                let wait = until.since(now);
                prop_assert!(wait >= last && wait <= LONGEST_OPEN);
                last = wait;
                now = until;
                prop_assert!(breaker.probe(now));
                breaker.probed(Some(false), now);
            }
            prop_assert_eq!(breaker.open_since(), Some(Timestamp(0)));
        }
    }
}
