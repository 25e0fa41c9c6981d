//! What a provider lets one account send, as a pure state that is asked before every request.
//!
//! Counts what left, not what arrived: the provider's window opens when a request reaches it, which is a little later
//! (`slack`), so units come back that much later than the descriptor says. It must not know whose budget it is, nor wait.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::descriptor::{BudgetKind, BudgetSpec};

/// How soon it is worth asking again for a unit that comes back when some request is answered.
const CONCURRENCY_POLL: Duration = Duration::from_millis(50);

/// A provider's word about its own window is believed up to here.
const LONGEST_RESET: Duration = Duration::from_hours(24);

/// A rolling window is kept in this many slices, so that its size does not grow with its limit.
const SLICES: u32 = 64;

/// What is left of one budget.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: u32,
    window: Duration,
    slack: Duration,
    kind: BudgetKind,
    reported_limit: Option<u32>,
    used: Used,
    cap: Option<Cap>,
}

/// What was taken.
#[derive(Debug, Clone)]
enum Used {
    /// Since the window opened.
    Fixed { opened: Timestamp, units: u32 },
    /// Oldest first.
    Rolling(VecDeque<Slice>),
    /// By requests that are not answered yet.
    Concurrency { units: u32 },
}

/// Units taken between `first` and `last`; all of them come back a window after `last`.
#[derive(Debug, Clone, Copy)]
struct Slice {
    first: Timestamp,
    last: Timestamp,
    units: u32,
}

/// What the provider says is left, until it has no meaning any more.
#[derive(Debug, Clone, Copy)]
struct Cap {
    left: u32,
    until: Timestamp,
}

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(spec: &BudgetSpec) -> Self {
        Self {
            limit: spec.limit.max(1),
            window: Duration::from_millis(spec.window_ms),
            slack: slack_of(spec),
            kind: spec.kind,
            reported_limit: None,
            used: Used::nothing(spec.kind),
            cap: None,
        }
    }

    /// Takes over what a descriptor says now; what is used stays used unless the kind of the window changed.
    pub fn adopt(&mut self, spec: &BudgetSpec) {
        self.limit = spec.limit.max(1);
        self.window = Duration::from_millis(spec.window_ms);
        self.slack = slack_of(spec);
        if self.kind != spec.kind {
            self.kind = spec.kind;
            self.used = Used::nothing(spec.kind);
        }
    }

    /// The units of one window: what the provider reported, else what the descriptor says.
    pub fn limit(&self) -> u32 {
        self.reported_limit.unwrap_or(self.limit)
    }

    /// Whether `units` can be taken at `now`, or the earliest time at which they may.
    pub fn check(&mut self, units: u32, now: Timestamp) -> Result<(), Timestamp> {
        self.settle(now);
        let limit = self.limit();
        let units = units.min(limit);
        let back_after = self.window + self.slack;
        let own = match &self.used {
            Used::Fixed {
                opened,
                units: used,
            } if used.saturating_add(units) > limit => Some(opened.after(back_after)),
            Used::Rolling(slices) => full_until(slices, units, limit, back_after),
            Used::Concurrency { units: used } if used.saturating_add(units) > limit => {
                Some(now.after(CONCURRENCY_POLL))
            }
            Used::Fixed { .. } | Used::Concurrency { .. } => None,
        };
        let capped = self.cap.filter(|cap| units > cap.left).map(|cap| cap.until);
        own.max(capped).map_or(Ok(()), Err)
    }

    /// Takes `units`, or says the earliest time at which they may be taken. Answers how many it counted: a request that
    /// costs more than a window holds takes the whole of one.
    pub fn take(&mut self, units: u32, now: Timestamp) -> Result<u32, Timestamp> {
        self.check(units, now)?;
        let units = units.min(self.limit());
        if let Some(cap) = &mut self.cap {
            cap.left -= units;
        }
        let window = self.window;
        match &mut self.used {
            Used::Fixed {
                opened,
                units: used,
            } => {
                // Within the slack the provider may count this in the old window or open a new one with it: so do both.
                if now >= opened.after(window) {
                    *opened = now;
                }
                *used += units;
            }
            Used::Rolling(slices) => match slices.back_mut() {
                Some(slice) if now.since(slice.first) < window / SLICES => {
                    slice.last = now;
                    slice.units += units;
                }
                _ => slices.push_back(Slice {
                    first: now,
                    last: now,
                    units,
                }),
            },
            Used::Concurrency { units: used } => *used += units,
        }
        Ok(units)
    }

    /// A request that took `units` was answered; they come back where the budget is of concurrency.
    pub fn answered(&mut self, units: u32) {
        if let Used::Concurrency { units: used } = &mut self.used {
            *used = used.saturating_sub(units);
        }
    }

    /// The request that took `units` at `at` never left.
    pub fn give_back(&mut self, units: u32, at: Timestamp) {
        match &mut self.used {
            Used::Fixed {
                opened,
                units: used,
            } => {
                // A window that opened since has none of them.
                if at >= *opened {
                    *used = used.saturating_sub(units);
                }
            }
            Used::Rolling(slices) => {
                if let Some(slice) = slices.iter_mut().find(|slice| slice.last >= at) {
                    slice.units = slice.units.saturating_sub(units);
                }
            }
            Used::Concurrency { units: used } => *used = used.saturating_sub(units),
        }
        if let Some(cap) = &mut self.cap {
            cap.left = cap.left.saturating_add(units);
        }
    }

    /// Takes over what the provider just said. What is `remaining` only ever lowers what may be taken, until `reset`
    /// from now has passed (without one: until the own window ends), for it cannot count what is under way.
    pub fn correct(
        &mut self,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset: Option<Duration>,
        now: Timestamp,
    ) {
        self.settle(now);
        if let Some(limit) = limit.filter(|limit| *limit > 0) {
            self.reported_limit = Some(limit);
        }
        let Some(left) = remaining else { return };
        let until = match (reset, &self.used) {
            (Some(reset), _) => now.after(reset.min(LONGEST_RESET)),
            (None, Used::Fixed { opened, units: 1.. }) => opened.after(self.window + self.slack),
            (None, Used::Fixed { .. } | Used::Rolling(_)) => now.after(self.window + self.slack),
            // What is left of a concurrency changes with every answer: the own count is the better one.
            (None, Used::Concurrency { .. }) => return,
        };
        self.cap = Some(Cap { left, until });
    }

    /// Forgets what came back by `now`. A clock that went back never makes anybody wait longer than a window.
    fn settle(&mut self, now: Timestamp) {
        let back_after = self.window + self.slack;
        match &mut self.used {
            Used::Fixed { opened, units } => {
                if now >= opened.after(back_after) {
                    *units = 0;
                }
                *opened = (*opened).min(now);
            }
            Used::Rolling(slices) => {
                while slices
                    .front()
                    .is_some_and(|slice| now >= slice.last.after(back_after))
                {
                    slices.pop_front();
                }
                for slice in slices {
                    slice.last = slice.last.min(now);
                    slice.first = slice.first.min(now);
                }
            }
            Used::Concurrency { .. } => {}
        }
        self.cap = self
            .cap
            .filter(|cap| now < cap.until && cap.until <= now.after(LONGEST_RESET.max(back_after)));
    }
}

impl Used {
    fn nothing(kind: BudgetKind) -> Self {
        match kind {
            BudgetKind::Fixed => Self::Fixed {
                opened: Timestamp(i64::MIN),
                units: 0,
            },
            BudgetKind::Rolling => Self::Rolling(VecDeque::new()),
            BudgetKind::Concurrency => Self::Concurrency { units: 0 },
        }
    }
}

/// What a request may need to arrive: a twentieth of the window, at most a second.
fn slack_of(spec: &BudgetSpec) -> Duration {
    (Duration::from_millis(spec.window_ms) / 20).min(Duration::from_secs(1))
}

/// When enough of a rolling window has come back for `units`; `None` where it has already.
fn full_until(
    slices: &VecDeque<Slice>,
    units: u32,
    limit: u32,
    back_after: Duration,
) -> Option<Timestamp> {
    let mut used: u64 = slices.iter().map(|slice| u64::from(slice.units)).sum();
    let fits = |used: u64| used + u64::from(units) <= u64::from(limit);
    let mut until = None;
    for slice in slices {
        if fits(used) {
            break;
        }
        used -= u64::from(slice.units);
        until = Some(slice.last.after(back_after));
    }
    until
}

#[cfg(test)]
mod tests;
