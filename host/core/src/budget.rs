//! What a provider lets one account send, as a pure state that hosts share and take slices from.
//!
//! Counts what was taken, not what arrived: a slice is spent until it dies (`life`), and the provider's window opens when
//! a request reaches it, which is a little later (`slack`); units come back that much later than the descriptor says.
//! Beside the window there is a pace: a backlog is sent evenly, only an idle account has a small burst.
//! A fixed window is counted like a rolling one: only the provider knows where it begins, and a limit that holds in every
//! window of its length holds in that one. It must not know whose budget it is, nor wait.

mod share;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::descriptor::{BudgetKind, BudgetSpec};

pub use share::{Order, Share, Step};

/// How soon it is worth asking again for a unit that comes back when some request is answered.
const CONCURRENCY_POLL: Duration = Duration::from_secs(1);
/// How long a host holds units of a concurrency without renewing them: longer than two of the longest requests.
const SLOT_LIFE: Duration = Duration::from_mins(1);
/// A provider's word about its own window is believed up to here.
const LONGEST_RESET: Duration = Duration::from_hours(24);
/// A rolling window is kept in this many parts, so that its size does not grow with its limit.
const PARTS: u32 = 64;
/// What one contact usually costs is sent at once where nothing was sent before.
const BURST: u32 = 4;

/// What is left of one budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    limit: u32,
    window_ms: u64,
    kind: BudgetKind,
    reported_limit: Option<u32>,
    used: Used,
    cap: Option<Cap>,
    /// When everything that was taken would have been sent at an even pace, in microseconds.
    paced_until_us: i64,
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Used {
    /// Oldest first.
    Window(VecDeque<Part>),
    /// By requests that are not answered yet, per host.
    Concurrency(BTreeMap<String, Held>),
}

/// Units taken since `first` and spent until `last`; all of them come back a window after `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    first: Timestamp,
    last: Timestamp,
    units: u32,
}

/// What one host holds of a concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    units: u32,
    until: Timestamp,
}

/// What the provider says is left, until it has no meaning any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Cap {
    left: u32,
    at: Timestamp,
    until: Timestamp,
}

/// What a host asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'h> {
    /// Which host.
    pub holder: &'h str,
    /// Units of a concurrency that it is using.
    pub in_use: u32,
    /// With less than this it can do nothing.
    pub needed: u32,
    /// More than this it has no use for soon.
    pub wanted: u32,
}

/// What a host got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// So much; of a concurrency everything that it holds now.
    pub units: u32,
    /// What is not spent by then is void.
    pub until: Timestamp,
}

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(spec: &BudgetSpec) -> Self {
        Self {
            limit: spec.limit.max(1),
            window_ms: spec.window_ms,
            kind: spec.kind,
            reported_limit: None,
            used: Used::nothing(spec.kind),
            cap: None,
            paced_until_us: i64::MIN,
        }
    }

    /// Takes over what a descriptor says now; what is used stays used unless the kind of the window changed.
    pub fn adopt(&mut self, spec: &BudgetSpec) {
        self.limit = spec.limit.max(1);
        self.window_ms = spec.window_ms;
        let was_concurrency = self.is_concurrency();
        self.kind = spec.kind;
        if self.is_concurrency() != was_concurrency {
            self.used = Used::nothing(spec.kind);
        }
    }

    /// The units of one window: what the provider reported, else what the descriptor says.
    pub fn limit(&self) -> u32 {
        self.reported_limit.unwrap_or(self.limit)
    }

    /// Whether units come back when their request is answered.
    pub fn is_concurrency(&self) -> bool {
        self.kind == BudgetKind::Concurrency
    }

    /// What a host takes at once, so that it need not ask more than about once a second.
    pub fn portion(&self) -> u32 {
        let burst = self.burst();
        // A little more than a second's worth: who gets less knows that it is at the pace.
        let a_second = u32::try_from(1_250_000 / self.interval_us() + 1).unwrap_or(u32::MAX);
        a_second.clamp(BURST.min(burst), burst)
    }

    /// How long a slice lives: short against the window, for it comes back that much later.
    pub fn life(&self) -> Duration {
        let second = Duration::from_secs(1);
        (self.window() / 8).clamp(Duration::from_millis(1), second)
    }

    /// Takes a slice, or says the earliest time at which what is needed may be taken.
    pub fn take(&mut self, ask: Ask<'_>, now: Timestamp) -> Result<Slice, Timestamp> {
        let mut next = self.clone();
        next.settle(now);
        if let Used::Concurrency(_) = next.used {
            let taken = next.hold(ask, now);
            *self = next;
            return taken;
        }
        let needed = ask.needed.clamp(1, next.limit());
        let (full, capped) = (next.full_until(needed), next.capped_until(needed));
        let paced = next.paced_until(needed, now);
        if let Some(until) = full.max(capped).max(paced) {
            if full.max(capped).is_some() {
                // Who had to wait for the window has no burst after it, or every window began with one.
                let at_its_time = microseconds(until).saturating_add(next.tolerance_us(needed));
                self.paced_until_us = self.paced_until_us.max(at_its_time);
            }
            return Err(until);
        }
        let room = next.left().min(next.pace_left(now).max(needed));
        let units = ask.wanted.max(needed).min(room);
        let slice = next.record(units, now);
        *self = next;
        Ok(slice)
    }

    /// The earliest time from `now` at which `units` may be taken.
    pub fn when(&self, units: u32, now: Timestamp) -> Timestamp {
        let mut copy = self.clone();
        copy.settle(now);
        let units = units.clamp(1, copy.limit());
        let until = copy.full_until(units).max(copy.capped_until(units));
        until.max(copy.paced_until(units, now)).unwrap_or(now)
    }

    /// The earliest time from `now` at which something may begin that takes `units` one after the other within `within`.
    pub fn fits_at(&self, units: u32, within: Duration, now: Timestamp) -> Timestamp {
        let mut copy = self.clone();
        copy.settle(now);
        let units = units.clamp(1, copy.limit());
        let earlier = |until: Timestamp| Timestamp(until.0.saturating_sub(milliseconds(within)));
        let full = copy.full_until(units).max(copy.capped_until(units));
        let start = full.map_or(now, earlier).max(now);
        if copy.is_concurrency() {
            return start;
        }
        let over = i64::from(units) - i64::from(copy.burst());
        let last_us = copy.paced_until_us.max(microseconds(now)) + over * copy.interval_us();
        start.max(earlier(at_microseconds(last_us)))
    }

    /// The same for what must begin at some time, however much it takes: then when there is as much as there ever is.
    pub fn start(&self, units: u32, within: Duration, now: Timestamp) -> Timestamp {
        let fullest = at_microseconds(self.paced_until_us.max(microseconds(now)));
        let fullest = fullest.max(self.when(1, now));
        self.fits_at(units, within, now).min(fullest)
    }

    /// `units` of a slice that was taken at `at` were never spent.
    pub fn give_back(&mut self, units: u32, at: Timestamp) {
        match &mut self.used {
            Used::Window(parts) => {
                let Some(part) = parts
                    .iter_mut()
                    .find(|part| part.first <= at && at <= part.last)
                else {
                    return;
                };
                part.units = part.units.saturating_sub(units);
            }
            Used::Concurrency(_) => return,
        }
        self.paced_until_us -= i64::from(units) * self.interval_us();
        if let Some(cap) = self.cap.as_mut().filter(|cap| at >= cap.at) {
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
            let before = self.interval_us();
            self.reported_limit = (limit != self.limit).then_some(limit);
            // What was sent already was sent at another pace.
            let ahead = self.paced_until_us.saturating_sub(microseconds(now)).max(0);
            let rescaled = i128::from(ahead) * i128::from(self.interval_us()) / i128::from(before);
            let rescaled = i64::try_from(rescaled).unwrap_or(i64::MAX);
            self.paced_until_us = microseconds(now).saturating_add(rescaled);
        }
        let Some(left) = remaining else { return };
        let until = match (reset, &self.used) {
            (Some(reset), _) => now.after(reset.min(LONGEST_RESET)),
            (None, Used::Window(parts)) => {
                let last = parts.back().map_or(now, |part| part.last);
                last.max(now).after(self.window() + self.slack())
            }
            // What is left of a concurrency changes with every answer: the own count is the better one.
            (None, Used::Concurrency(_)) => return,
        };
        self.cap = Some(Cap {
            left,
            at: now,
            until,
        });
    }

    fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }

    /// What a request may need to arrive: a twentieth of the window, at most a second.
    fn slack(&self) -> Duration {
        (self.window() / 20).min(Duration::from_secs(1))
    }

    /// How long after it was taken a unit is back, at the latest.
    fn back_after(&self) -> Duration {
        self.window() + self.slack() + self.life() + self.window() / PARTS
    }

    /// Between two units at an even pace: so much that the window is never full before it is over.
    fn interval_us(&self) -> i64 {
        let window = i64::try_from(self.back_after().as_micros()).unwrap_or(i64::MAX);
        (window / i64::from(self.limit())).max(1)
    }

    /// What an account that sent nothing may send at once.
    fn burst(&self) -> u32 {
        let limit = self.limit();
        BURST.max(limit / 10).min(limit)
    }

    /// How far ahead of the pace `units` may be taken.
    fn tolerance_us(&self, units: u32) -> i64 {
        i64::from(self.burst().saturating_sub(units)) * self.interval_us()
    }

    /// The units that the window and the provider's word leave.
    fn left(&self) -> u32 {
        self.cap.map_or(u32::MAX, |cap| cap.left).min(self.room())
    }

    /// The units that the window leaves.
    fn room(&self) -> u32 {
        let used = match &self.used {
            Used::Window(parts) => parts
                .iter()
                .fold(0, |sum: u32, part| sum.saturating_add(part.units)),
            Used::Concurrency(_) => 0,
        };
        self.limit().saturating_sub(used)
    }

    /// The units that the pace leaves.
    fn pace_left(&self, now: Timestamp) -> u32 {
        let ahead = self.paced_until_us.saturating_sub(microseconds(now)).max(0);
        let interval = self.interval_us();
        let taken = ahead / interval + i64::from(ahead % interval > 0);
        self.burst()
            .saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// When the window has `units`; `None` where it has them.
    fn full_until(&self, units: u32) -> Option<Timestamp> {
        match &self.used {
            Used::Window(parts) => {
                let mut used: u64 = parts.iter().map(|part| u64::from(part.units)).sum();
                let mut until = None;
                for part in parts {
                    if used + u64::from(units) <= u64::from(self.limit()) {
                        break;
                    }
                    used -= u64::from(part.units);
                    until = Some(part.last.after(self.window() + self.slack()));
                }
                until
            }
            Used::Concurrency(_) => None,
        }
    }

    /// Until when the provider leaves fewer than `units`.
    fn capped_until(&self, units: u32) -> Option<Timestamp> {
        self.cap.filter(|cap| units > cap.left).map(|cap| cap.until)
    }

    /// When the pace has come to `units`; `None` where it has.
    fn paced_until(&self, units: u32, now: Timestamp) -> Option<Timestamp> {
        let from = self.paced_until_us.saturating_sub(self.tolerance_us(units));
        Some(at_microseconds(from)).filter(|from| *from > now)
    }

    /// Notes a slice of `units`.
    fn record(&mut self, units: u32, now: Timestamp) -> Slice {
        let taken = i64::from(units) * self.interval_us();
        self.paced_until_us = self.paced_until_us.max(microseconds(now)) + taken;
        if let Some(cap) = &mut self.cap {
            cap.left -= units;
        }
        let (window, until) = (self.window(), now.after(self.life()));
        match &mut self.used {
            Used::Window(parts) => match parts.back_mut() {
                Some(part) if now.since(part.first) < window / PARTS => {
                    part.last = until;
                    part.units += units;
                }
                _ => parts.push_back(Part {
                    first: now,
                    last: until,
                    units,
                }),
            },
            Used::Concurrency(_) => {}
        }
        Slice { units, until }
    }

    /// Lets a host hold as much of a concurrency as it needs, within what others leave and its share.
    fn hold(&mut self, ask: Ask<'_>, now: Timestamp) -> Result<Slice, Timestamp> {
        let more = ask.needed.saturating_sub(ask.in_use);
        if let Some(until) = self.capped_until(more) {
            return Err(until);
        }
        let limit = self.limit();
        let Used::Concurrency(held) = &mut self.used else {
            return Err(now);
        };
        let others = || held.iter().filter(|(holder, _)| *holder != ask.holder);
        let free = limit.saturating_sub(others().map(|(_, held)| held.units).sum());
        // A host that holds nothing is counted as well: it waits for the others to come down to their share.
        let hosts = u32::try_from(others().count())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let share = if hosts > 1 {
            (limit / hosts).max(1)
        } else {
            limit
        };
        let units = ask
            .wanted
            .max(ask.needed)
            .min(free)
            .min(share)
            .max(ask.in_use);
        let until = now.after(SLOT_LIFE);
        let is_enough = units >= ask.needed;
        let own = held
            .entry(ask.holder.to_owned())
            .or_insert(Held { units, until });
        if is_enough || own.until.since(now) < SLOT_LIFE / 2 || own.units > units {
            *own = Held { units, until };
        }
        if is_enough {
            Ok(Slice { units, until })
        } else {
            Err(now.after(CONCURRENCY_POLL))
        }
    }

    /// Forgets what came back by `now`. A clock that went back never makes anybody wait longer than two windows.
    fn settle(&mut self, now: Timestamp) {
        let (back_after, life) = (self.back_after(), self.life());
        let after_last = self.window() + self.slack();
        match &mut self.used {
            Used::Window(parts) => {
                while parts
                    .front()
                    .is_some_and(|part| now >= part.last.after(after_last))
                {
                    parts.pop_front();
                }
                for part in parts {
                    part.last = part.last.min(now.after(life));
                    part.first = part.first.min(now);
                }
            }
            Used::Concurrency(held) => held.retain(|_, held| now < held.until),
        }
        self.cap = self
            .cap
            .filter(|cap| now < cap.until && cap.until <= now.after(LONGEST_RESET.max(back_after)));
        let furthest = self.cap.map_or(now, |cap| cap.until).after(2 * back_after);
        self.paced_until_us = self.paced_until_us.min(microseconds(furthest));
    }
}

impl Used {
    fn nothing(kind: BudgetKind) -> Self {
        match kind {
            BudgetKind::Fixed | BudgetKind::Rolling => Self::Window(VecDeque::new()),
            BudgetKind::Concurrency => Self::Concurrency(BTreeMap::new()),
        }
    }
}

fn microseconds(at: Timestamp) -> i64 {
    at.0.saturating_mul(1_000)
}

/// The first millisecond that is not before.
fn at_microseconds(us: i64) -> Timestamp {
    Timestamp(us.div_euclid(1_000) + i64::from(us.rem_euclid(1_000) > 0))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 1_000)
}

#[cfg(test)]
mod tests;
