//! What each account may still send, in memory: the rules are `core::budget`'s, the waiting is `send`'s.
//!
//! One host keeps its own count; several hosts of one store would have to share it through the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gladhand_core::budget::Budget;
use gladhand_core::clock::Timestamp;
use gladhand_core::descriptor::BudgetSpec;
use gladhand_core::ids::AccountId;

/// The ledgers of all accounts.
#[derive(Debug, Default)]
pub struct Budgets(Mutex<HashMap<AccountId, Arc<Ledger>>>);

/// What one account may still send.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    budgets: Vec<(String, Budget)>,
    /// Nothing leaves until then, whatever the budgets say: the provider asked for it.
    held_until: Option<Timestamp>,
}

/// There is not enough left.
#[derive(Debug, PartialEq, Eq)]
pub struct Empty {
    /// The earliest time at which there may be.
    pub until: Timestamp,
    /// Of what.
    pub budget: String,
}

/// What one request took. Given back when dropped, unless it was spent.
#[derive(Debug)]
pub struct Permit {
    ledger: Arc<Ledger>,
    /// (index of the budget, units)
    taken: Vec<(usize, u32)>,
    at: Timestamp,
    is_spent: bool,
}

const NO_PANIC: &str = "nobody panics while holding a ledger";

impl Budgets {
    /// The account's ledger.
    pub fn of(&self, account: AccountId) -> Arc<Ledger> {
        let mut ledgers = self.0.lock().expect(NO_PANIC);
        ledgers.entry(account).or_default().clone()
    }
}

impl Ledger {
    /// Takes what a request costs of every budget, or nothing.
    pub fn take(
        self: &Arc<Self>,
        specs: &[BudgetSpec],
        costs: &[(String, u32)],
        now: Timestamp,
    ) -> Result<Permit, Empty> {
        let mut state = self.state();
        if let Some(until) = state.held_until.filter(|until| *until > now) {
            let budget = "what the provider lets through".to_owned();
            return Err(Empty { until, budget });
        }
        let mut wanted = Vec::with_capacity(specs.len());
        let mut empty: Option<Empty> = None;
        for spec in specs {
            let units = costs
                .iter()
                .filter(|(name, _)| *name == spec.name)
                .fold(spec.per_request, |sum, (_, units)| {
                    sum.saturating_add(*units)
                });
            if units == 0 {
                continue;
            }
            let index = state.index_of(spec);
            if let Err(until) = state.budgets[index].1.check(units, now)
                && empty.as_ref().is_none_or(|empty| empty.until < until)
            {
                empty = Some(Empty {
                    until,
                    budget: format!(
                        "the budget `{}` of {}",
                        spec.name,
                        state.budgets[index].1.limit()
                    ),
                });
            }
            wanted.push((index, units));
        }
        if let Some(empty) = empty {
            return Err(empty);
        }
        for (index, units) in &mut wanted {
            *units = state.budgets[*index]
                .1
                .take(*units, now)
                .expect("checked under the same lock, and no budget twice");
        }
        Ok(Permit {
            ledger: self.clone(),
            taken: wanted,
            at: now,
            is_spent: false,
        })
    }

    /// Takes over what the provider said about one budget.
    pub fn correct(
        &self,
        spec: &BudgetSpec,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset: Option<Duration>,
        now: Timestamp,
    ) {
        let mut state = self.state();
        let index = state.index_of(spec);
        state.budgets[index].1.correct(limit, remaining, reset, now);
    }

    /// Lets nothing through until then.
    pub fn hold(&self, until: Timestamp) {
        let mut state = self.state();
        state.held_until = state.held_until.max(Some(until));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect(NO_PANIC)
    }
}

impl State {
    /// Where the budget is; made, or brought up to date with the descriptor.
    fn index_of(&mut self, spec: &BudgetSpec) -> usize {
        if let Some(index) = self.budgets.iter().position(|(name, _)| *name == spec.name) {
            self.budgets[index].1.adopt(spec);
            return index;
        }
        self.budgets.push((spec.name.clone(), Budget::new(spec)));
        self.budgets.len() - 1
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
            let (_, budget) = &mut state.budgets[*index];
            if self.is_spent {
                budget.answered(*units);
            } else {
                budget.give_back(*units, self.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gladhand_core::descriptor::BudgetKind;

    use super::*;

    fn spec(name: &str, limit: u32, kind: BudgetKind) -> BudgetSpec {
        BudgetSpec {
            name: name.into(),
            limit,
            window_ms: 60_000,
            kind,
            per_request: 1,
            remaining_header: None,
            limit_header: None,
        }
    }

    #[test]
    fn a_request_takes_of_every_budget_or_of_none() {
        let ledger = Arc::new(Ledger::default());
        let specs = [
            spec("minute", 2, BudgetKind::Fixed),
            spec("records", 10, BudgetKind::Fixed),
        ];
        let costs = [("records".to_owned(), 9)];
        ledger
            .take(&specs, &costs, Timestamp(0))
            .expect("enough")
            .spend();
        let empty = ledger
            .take(&specs, &costs, Timestamp(1))
            .expect_err("no records left");
        assert!(empty.budget.contains("records"), "{}", empty.budget);
        let mut permit = ledger
            .take(&specs[..1], &[], Timestamp(1))
            .expect("the failed one took nothing");
        permit.spend();
        drop(permit);
        assert!(ledger.take(&specs[..1], &[], Timestamp(1)).is_err());
    }

    #[test]
    fn an_unspent_permit_is_given_back() {
        let ledger = Arc::new(Ledger::default());
        let specs = [spec("minute", 1, BudgetKind::Fixed)];
        drop(ledger.take(&specs, &[], Timestamp(0)).expect("enough"));
        let mut permit = ledger.take(&specs, &[], Timestamp(0)).expect("given back");
        permit.spend();
        permit.give_back();
        let mut permit = ledger.take(&specs, &[], Timestamp(0)).expect("given back");
        permit.spend();
        drop(permit);
        assert!(ledger.take(&specs, &[], Timestamp(0)).is_err());
    }

    #[test]
    fn an_answered_request_frees_its_concurrency() {
        let ledger = Arc::new(Ledger::default());
        let specs = [spec("parallel", 1, BudgetKind::Concurrency)];
        let mut permit = ledger.take(&specs, &[], Timestamp(0)).expect("free");
        permit.spend();
        assert!(ledger.take(&specs, &[], Timestamp(0)).is_err());
        drop(permit);
        assert!(ledger.take(&specs, &[], Timestamp(0)).is_ok());
    }

    #[test]
    fn a_held_account_lets_nothing_through() {
        let ledger = Arc::new(Ledger::default());
        ledger.hold(Timestamp(9_000));
        ledger.hold(Timestamp(5_000));
        let empty = ledger.take(&[], &[], Timestamp(8_999)).expect_err("held");
        assert_eq!(empty.until, Timestamp(9_000));
        assert!(ledger.take(&[], &[], Timestamp(9_000)).is_ok());
    }
}
