//! One host's share of a budget: the slice that it spends without asking anybody, and when it asks for the next.
//!
//! Pure: what is asked for travels in an [`Order`], which is carried out on whatever state of the budget is the newest.

use std::time::Duration;

use super::{Ask, Budget, Slice};
use crate::clock::Timestamp;
use crate::descriptor::BudgetSpec;

/// A request that begins with units of a concurrency has ended before the host loses them.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// One host's share of a budget.
#[derive(Debug, Clone, Default)]
pub struct Share {
    slice: Option<Taken>,
    /// Units of a concurrency that requests are using.
    in_use: u32,
    /// What the provider said since the host asked last.
    said: Option<Said>,
    /// When the host asked last, and not before when it asks again.
    asked: Option<(Timestamp, Timestamp)>,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    left: u32,
    at: Timestamp,
    until: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    limit: Option<u32>,
    remaining: Option<u32>,
    reset: Option<Duration>,
    at: Timestamp,
}

/// What a request that needs units does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// They are there.
    Spend,
    /// Ask for a slice.
    Ask,
    /// Come back then.
    Wait(Timestamp),
}

/// What a host has to tell and to ask. It may be carried out more than once, on different states.
#[derive(Debug, Clone)]
pub struct Order {
    said: Option<Said>,
    /// What was not spent of the last slice.
    back: Option<(u32, Timestamp)>,
    in_use: u32,
    needed: u32,
    at: Timestamp,
}

impl Share {
    /// What a request that needs `units` does.
    pub fn step(&self, units: u32, budget: &Budget, now: Timestamp) -> Step {
        let units = units.min(budget.limit());
        if budget.is_concurrency() {
            let usable = |slice: &Taken| now.after(LONGEST_REQUEST) <= slice.until;
            if self
                .slice
                .is_some_and(|slice| usable(&slice) && self.in_use + units <= slice.left)
            {
                return Step::Spend;
            }
        } else if self
            .slice
            .is_some_and(|slice| now < slice.until && units <= slice.left)
        {
            return Step::Spend;
        }
        match self.asked {
            // A clock that went back does not make anybody wait for the old time.
            Some((asked, again)) if asked <= now && now < again => {
                Step::Wait(again.max(budget.when(units, now)))
            }
            _ => Step::Ask,
        }
    }

    /// Spends what `step` said is there.
    pub fn spend(&mut self, units: u32, budget: &Budget) {
        let units = units.min(budget.limit());
        if budget.is_concurrency() {
            self.in_use += units;
        } else if let Some(slice) = &mut self.slice {
            slice.left = slice.left.saturating_sub(units);
        }
        if let Some(remaining) = self.said.as_mut().and_then(|said| said.remaining.as_mut()) {
            *remaining = remaining.saturating_sub(units);
        }
    }

    /// A request that spent `units` of a slice taken by `at` is over; `was_sent` where it left.
    pub fn over(&mut self, units: u32, was_sent: bool, at: Timestamp, budget: &Budget) {
        let units = units.min(budget.limit());
        if budget.is_concurrency() {
            self.in_use = self.in_use.saturating_sub(units);
        } else if !was_sent && let Some(slice) = self.slice.as_mut().filter(|slice| slice.at <= at)
        {
            slice.left += units;
        }
        if budget.is_concurrency() {
            // What is free again may be taken at once.
            self.asked = None;
        }
    }

    /// Takes over what the provider said: at once for this host, with the next order for all.
    pub fn correct(
        &mut self,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset: Option<Duration>,
        now: Timestamp,
    ) {
        let limit = limit.or(self.said.and_then(|said| said.limit));
        self.said = Some(Said {
            limit,
            remaining,
            reset,
            at: now,
        });
        if let (Some(remaining), Some(slice)) = (remaining, &mut self.slice) {
            slice.left = slice.left.min(remaining);
        }
        self.asked = None;
    }

    /// What is to be asked for a request that needs `units`. The rest of the slice is handed back with it.
    pub fn order(&mut self, units: u32, budget: &Budget, now: Timestamp) -> Order {
        let units = units.min(budget.limit());
        let order = Order {
            said: self.said.take(),
            back: None,
            in_use: self.in_use,
            needed: units,
            at: now,
        };
        if budget.is_concurrency() {
            return Order {
                needed: self.in_use + units,
                ..order
            };
        }
        let rest = self.slice.take().filter(|slice| slice.left > 0);
        Order {
            back: rest.map(|slice| (slice.left, slice.at)),
            ..order
        }
    }

    /// Takes what the order brought; `budget` is the state that it left behind.
    pub fn accept(&mut self, order: &Order, got: Result<Slice, Timestamp>, budget: &Budget) {
        let again = match got {
            Ok(slice) => {
                self.slice = Some(Taken {
                    left: slice.units,
                    at: order.at,
                    until: slice.until,
                });
                // Who got less than a portion is at the pace: asking for every unit would cost more than it brings.
                let is_short = slice.units < budget.portion() && !budget.is_concurrency();
                is_short.then(|| order.at.after(budget.life()))
            }
            Err(until) if budget.is_concurrency() => Some(until),
            // By then there is more than one unit to fetch.
            Err(until) => Some(until.max(order.at.after(budget.life()))),
        };
        self.asked = again.map(|again| (order.at, again));
    }
}

impl Order {
    /// Carries it out.
    pub fn carry_out(
        &self,
        budget: &mut Budget,
        spec: &BudgetSpec,
        holder: &str,
    ) -> Result<Slice, Timestamp> {
        budget.adopt(spec);
        if let Some((units, at)) = self.back {
            budget.give_back(units, at);
        }
        if let Some(said) = self.said {
            budget.correct(said.limit, said.remaining, said.reset, said.at);
        }
        let ask = Ask {
            holder,
            in_use: self.in_use,
            needed: self.needed,
            wanted: if budget.is_concurrency() {
                self.needed
            } else {
                budget.portion()
            },
        };
        budget.take(ask, self.at)
    }
}
