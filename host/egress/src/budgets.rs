//! What each account may still send: the rules are `core::budget`'s, the sharing among hosts goes through `Standings`.
//!
//! A request whose slice has units left touches nothing but memory. Where it needs a slice and the store does not answer,
//! it does not leave: without the store its attempt could neither be journalled nor settled, so a guess would buy nothing.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gladhand_core::attempt::Attempt;
use gladhand_core::budget::{Budget, Share, Step};
use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::descriptor::BudgetSpec;
use gladhand_core::ids::AccountId;
use gladhand_core::port::{self, Standing, Standings};
use gladhand_core::standing::{self, Known};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::queue::{Queue, Turn};

/// The name of the standing that says until when nothing leaves.
const HOLD: &str = "hold";
/// What the names of the standings of budgets begin with.
const BUDGET: &str = "budget:";
/// Whose turn it is not looks again after this, if nobody tells it anything.
const TURN: Duration = Duration::from_millis(50);

const NO_PANIC: &str = "nobody panics while holding a ledger";

/// The ledgers of all accounts.
pub struct Budgets {
    shared: Arc<Shared>,
    ledgers: Mutex<HashMap<AccountId, Arc<Ledger>>>,
}

/// What all ledgers need.
struct Shared {
    standings: Arc<dyn Standings>,
    clock: Arc<dyn Clock>,
    /// Tells this process from others.
    holder: String,
    /// The host stops: what would wait is put off.
    is_stopping: AtomicBool,
}

/// What one account may still send.
pub struct Ledger {
    account: AccountId,
    shared: Arc<Shared>,
    state: Mutex<State>,
    /// Something changed that somebody may be waiting for.
    changed: Notify,
    /// One order at a time: the next one begins from what this one brought.
    ordering: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    hold: Known<Hold>,
    queue: Queue,
}

/// One budget as this host knows it.
struct Entry {
    name: String,
    budget: Known<Budget>,
    share: Share,
}

/// Nothing leaves until then, whatever the budgets say: the provider asked for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Hold {
    until: Option<Timestamp>,
}

/// There is not enough left.
#[derive(Debug, PartialEq, Eq)]
pub struct Empty {
    /// The earliest time at which there may be.
    pub until: Timestamp,
    /// Of what.
    pub budget: String,
}

/// Why a request may not leave.
#[derive(Debug)]
pub enum Refusal {
    /// The wait is longer than the attempt can hold.
    Empty(Empty),
    /// What is left cannot be asked.
    Store(port::Error),
}

/// What one request took. Given back when dropped, unless it was spent.
pub struct Permit {
    ledger: Arc<Ledger>,
    /// (index of the budget, units)
    taken: Vec<(usize, u32)>,
    at: Timestamp,
    is_spent: bool,
}

/// What a request that waits does next.
enum Next {
    Go(Permit),
    /// For so many units of the budget of this index.
    Order(usize, u32),
    Wait(Empty),
    /// Others go first.
    WaitTurn(Empty),
}

impl Budgets {
    pub fn new(standings: Arc<dyn Standings>, clock: Arc<dyn Clock>, holder: String) -> Self {
        Self {
            shared: Arc::new(Shared {
                standings,
                clock,
                holder,
                is_stopping: AtomicBool::new(false),
            }),
            ledgers: Mutex::default(),
        }
    }

    /// From now on nothing waits: what has no room is refused at once, as if it could not be waited for.
    pub fn stop_waiting(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        for ledger in self.ledgers.lock().expect(NO_PANIC).values() {
            ledger.changed.notify_waiters();
        }
    }

    /// The account's ledger.
    pub fn of(&self, account: AccountId) -> Arc<Ledger> {
        let mut ledgers = self.ledgers.lock().expect(NO_PANIC);
        let new = || {
            Arc::new(Ledger {
                account,
                shared: self.shared.clone(),
                state: Mutex::default(),
                changed: Notify::new(),
                ordering: tokio::sync::Mutex::default(),
            })
        };
        ledgers.entry(account).or_insert_with(new).clone()
    }

    /// Forgets every account that is not among these.
    pub fn retain(&self, is_known: impl Fn(AccountId) -> bool) {
        let mut ledgers = self.ledgers.lock().expect(NO_PANIC);
        ledgers.retain(|account, _| is_known(*account));
    }
}

impl Ledger {
    /// Takes what a request costs of every budget, waiting for it as long as `room` allows.
    pub async fn take(
        self: &Arc<Self>,
        specs: &[BudgetSpec],
        costs: &[(String, u32)],
        attempt: &Attempt,
        room: impl Fn() -> Duration,
    ) -> Result<Permit, Refusal> {
        let clock = &*self.shared.clock;
        let turn = self.state().queue.turn(attempt);
        let mut ticket: Option<Ticket<'_>> = None;
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let now = clock.now();
            let (empty, least) = match self.next(specs, costs, turn, now) {
                Next::Go(permit) => return Ok(permit),
                Next::Order(index, units) => {
                    self.order(&specs[index], units)
                        .await
                        .map_err(Refusal::Store)?;
                    continue;
                }
                Next::Wait(empty) => (empty, Duration::from_millis(1)),
                Next::WaitTurn(empty) => (empty, TURN),
            };
            let wait = empty.until.since(now).max(least);
            if wait > room() || self.shared.is_stopping.load(Ordering::Acquire) {
                return Err(Refusal::Empty(empty));
            }
            ticket.get_or_insert_with(|| Ticket::new(self, turn));
            tokio::select! {
                () = changed => {}
                () = clock.sleep(wait) => {}
            }
        }
    }

    /// How many of `wanted` attempts may begin beside `running` ones, if each makes `calls` within its first `within`;
    /// else when one may.
    pub fn room(
        &self,
        specs: &[BudgetSpec],
        calls: u32,
        running: u32,
        wanted: u32,
        within: Duration,
    ) -> Result<u32, Timestamp> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        if let Some(until) = state.held_until(now) {
            return Err(until);
        }
        let entries: Vec<(u32, usize)> = specs
            .iter()
            .filter(|spec| spec.per_request > 0)
            .map(|spec| (spec.per_request, state.index_of(spec)))
            .collect();
        let latest = |attempts: u32, at: fn(&Budget, u32, Duration, Timestamp) -> Timestamp| {
            let calls = calls
                .max(1)
                .saturating_mul(running.saturating_add(attempts));
            let all = entries.iter().map(|(cost, index)| {
                let budget = &state.entries[*index].budget.value;
                at(budget, calls.saturating_mul(*cost), within, now)
            });
            all.max().unwrap_or(now)
        };
        let fits = (2..=wanted)
            .rev()
            .find(|attempts| latest(*attempts, Budget::fits_at) <= now);
        match (fits, latest(1, Budget::start)) {
            (Some(attempts), _) => Ok(attempts),
            (None, start) if start <= now => Ok(1),
            (None, start) => Err(start),
        }
    }

    /// Takes over what the provider said about one budget.
    pub fn correct(
        &self,
        spec: &BudgetSpec,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset: Option<Duration>,
    ) {
        let mut state = self.state();
        let index = state.index_of(spec);
        let now = self.shared.clock.now();
        state.entries[index]
            .share
            .correct(limit, remaining, reset, now);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Lets nothing through until then: at once on this host, and on the others as soon as they hear of it.
    pub async fn hold(&self, until: Timestamp) {
        let hold = |hold: &mut Hold| hold.until = hold.until.max(Some(until));
        let known = {
            let mut state = self.state();
            let known = state.hold.clone();
            hold(&mut state.hold.value);
            known
        };
        let standings = &*self.shared.standings;
        match standing::change(standings, self.account, HOLD, known, hold).await {
            Ok((known, ())) => self.state().hold = known,
            // Every host is told the same by its own first request.
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "telling other hosts to wait for a provider"
                );
            }
        }
    }

    /// Takes over what is stored.
    pub fn learn(&self, stored: &Standing) {
        let mut state = self.state();
        let is_new = if stored.name == HOLD {
            state.hold.learn(stored)
        } else if let Some(name) = stored.name.strip_prefix(BUDGET)
            && let Some(entry) = state.entries.iter_mut().find(|entry| entry.name == name)
        {
            entry.budget.learn(stored)
        } else {
            false
        };
        drop(state);
        if is_new {
            self.changed.notify_waiters();
        }
    }

    fn next(
        self: &Arc<Self>,
        specs: &[BudgetSpec],
        costs: &[(String, u32)],
        turn: Turn,
        now: Timestamp,
    ) -> Next {
        let mut state = self.state();
        if let Some(until) = state.held_until(now) {
            let budget = "what the provider lets through".to_owned();
            return Next::Wait(Empty { until, budget });
        }
        let ahead = state.queue.ahead_of(turn);
        let mut taken = Vec::with_capacity(specs.len());
        let mut order = None;
        let mut empty: Option<Empty> = None;
        for (place, spec) in specs.iter().enumerate() {
            let units = units(spec, costs);
            if units == 0 {
                continue;
            }
            let index = state.index_of(spec);
            let entry = &state.entries[index];
            let budget = &entry.budget.value;
            let until = if ahead > 0 {
                Some(budget.when(units.saturating_mul(ahead.saturating_add(1)), now))
            } else {
                match entry.share.step(units, budget, now) {
                    Step::Spend => None,
                    Step::Ask => {
                        order.get_or_insert((place, units));
                        None
                    }
                    Step::Wait(until) => Some(until),
                }
            };
            if let Some(until) = until
                && empty.as_ref().is_none_or(|empty| empty.until < until)
            {
                let budget = format!("the budget `{}` of {}", spec.name, budget.limit());
                empty = Some(Empty { until, budget });
            }
            taken.push((index, units));
        }
        match (empty, order) {
            (Some(empty), _) if ahead > 0 => Next::WaitTurn(empty),
            (Some(empty), _) => Next::Wait(empty),
            (None, Some((place, units))) => Next::Order(place, units),
            (None, None) => {
                for (index, units) in &taken {
                    let Entry { share, budget, .. } = &mut state.entries[*index];
                    share.spend(*units, &budget.value);
                }
                Next::Go(Permit {
                    ledger: self.clone(),
                    taken,
                    at: now,
                    is_spent: false,
                })
            }
        }
    }

    /// Asks for a slice that has `units`.
    async fn order(&self, spec: &BudgetSpec, units: u32) -> Result<(), port::Error> {
        let _one_at_a_time = self.ordering.lock().await;
        let Shared {
            standings,
            clock,
            holder,
            ..
        } = &*self.shared;
        let (order, known, index) = {
            let mut state = self.state();
            let index = state.index_of(spec);
            let Entry { share, budget, .. } = &mut state.entries[index];
            let now = clock.now();
            // Somebody else's order may have brought it meanwhile.
            if share.step(units, &budget.value, now) != Step::Ask {
                return Ok(());
            }
            let order = share.order(units, &budget.value, now);
            (order, budget.clone(), index)
        };
        let name = format!("{BUDGET}{}", spec.name);
        let carry_out = |budget: &mut Budget| order.carry_out(budget, spec, holder);
        let (known, got) =
            standing::change(&**standings, self.account, &name, known, carry_out).await?;
        let mut state = self.state();
        let Entry { share, budget, .. } = &mut state.entries[index];
        share.accept(&order, got, &known.value);
        *budget = known;
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(NO_PANIC)
    }
}

impl State {
    /// Where the budget is; made, or brought up to date with the descriptor. Indices stay: nothing is ever removed.
    fn index_of(&mut self, spec: &BudgetSpec) -> usize {
        let mut entries = self.entries.iter_mut().enumerate();
        if let Some((index, entry)) = entries.find(|(_, entry)| entry.name == spec.name) {
            entry.budget.value.adopt(spec);
            return index;
        }
        self.entries.push(Entry {
            name: spec.name.clone(),
            budget: Known {
                revision: 0,
                value: Budget::new(spec),
            },
            share: Share::default(),
        });
        self.entries.len() - 1
    }

    fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.hold.value.until.filter(|until| *until > now)
    }
}

/// What a request costs of a budget.
fn units(spec: &BudgetSpec, costs: &[(String, u32)]) -> u32 {
    let own = costs.iter().filter(|(name, _)| *name == spec.name);
    own.fold(spec.per_request, |sum, (_, units)| {
        sum.saturating_add(*units)
    })
}

/// A place in the queue, given up when dropped.
struct Ticket<'l> {
    ledger: &'l Ledger,
    turn: Turn,
}

impl<'l> Ticket<'l> {
    fn new(ledger: &'l Ledger, turn: Turn) -> Self {
        ledger.state().queue.enter(turn);
        Self { ledger, turn }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.ledger.state().queue.leave(self.turn);
        self.ledger.changed.notify_waiters();
    }
}

impl Permit {
    /// The request is about to leave: what it took is gone.
    pub fn spend(&mut self) {
        self.is_spent = true;
    }

    /// The request did not leave after all.
    pub fn give_back(mut self) {
        self.is_spent = false;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.taken.is_empty() {
            return;
        }
        let mut state = self.ledger.state();
        for (index, units) in &self.taken {
            let Entry { share, budget, .. } = &mut state.entries[*index];
            share.over(*units, self.is_spent, self.at, &budget.value);
        }
        drop(state);
        self.ledger.changed.notify_waiters();
    }
}
