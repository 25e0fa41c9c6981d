//! Which connections may get lanes now: not paused, breaker closed, within their account's concurrency and budget.
//!
//! What may not run is not claimed, so that it costs neither an attempt nor a worker. What an account runs is counted here
//! for this host; what it runs on others, the store takes off each claim.

use std::collections::HashMap;
use std::sync::Mutex;

use gladhand_core::attempt::Lease;
use gladhand_core::breaker::Admission;
use gladhand_core::clock::Timestamp;
use gladhand_core::ids::{AccountId, LeaseToken};
use gladhand_store::deliveries::Wanted;
use tokio::sync::Notify;

use crate::directory::{ConnectionEntry, Directory};

/// So many connections are asked for at once; those beyond come with the next claim.
const ASKED: usize = 128;

/// What runs, per account, and under which leases.
#[derive(Default)]
pub struct Running {
    state: Mutex<State>,
    /// One ended.
    pub freed: Notify,
}

#[derive(Default)]
struct State {
    accounts: HashMap<AccountId, u32>,
    leases: HashMap<LeaseToken, Lease>,
}

/// The connections that may get lanes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// In the order of whose turn it is. Those of one account share what it may run, and all share the workers.
    pub connections: Vec<Wanted>,
    /// How many attempts there are workers for.
    pub lanes: u32,
    /// When another one may, which may not now.
    pub next: Option<Timestamp>,
    /// How many connections were looked at; the others come with the next claim.
    pub seen: usize,
}

/// What gates a connection beside its account's concurrency.
pub trait Conditions {
    /// Nothing of it may run.
    fn is_paused(&self, entry: &ConnectionEntry) -> bool;
    /// What its account's breaker lets through.
    fn admits(&self, account: AccountId) -> Admission;
    /// How many of `wanted` attempts its budget carries beside `running` ones; else when it carries one.
    fn room(&self, entry: &ConnectionEntry, running: u32, wanted: u32) -> Result<u32, Timestamp>;
}

const NO_PANIC: &str = "nobody panics while counting";

impl Open {
    /// Whether a claim that brought so many lanes has left none ready: all of the connections were asked, and none can have
    /// got as many as it may.
    pub fn is_exhausted_by(&self, claimed: usize, connections: usize) -> bool {
        let least = self.connections.iter().map(|wanted| wanted.lanes).min();
        let least = least.map_or(0, |lanes| usize::try_from(lanes).unwrap_or(usize::MAX));
        self.seen == connections && claimed < least
    }
}

impl Running {
    /// The connections that may get lanes now, beginning with the one whose `turn` it is.
    ///
    /// Which of them has something ready, only the store knows: what one does not use is another's.
    pub fn open(
        &self,
        directory: &Directory,
        conditions: &impl Conditions,
        workers: u32,
        turn: usize,
    ) -> Open {
        let running = self.state.lock().expect(NO_PANIC).accounts.clone();
        let order = &directory.order;
        let start = turn.checked_rem(order.len()).unwrap_or(0);
        let mut open = Open {
            lanes: workers.saturating_sub(running.values().sum()),
            ..Open::default()
        };
        for id in order[start..].iter().chain(&order[..start]) {
            if open.connections.len() == ASKED {
                break;
            }
            open.seen += 1;
            let entry = &directory.connections[id];
            let account = entry.account.id;
            let count = running.get(&account).copied().unwrap_or(0);
            let free = entry.account.concurrency.max(1).saturating_sub(count);
            let lanes = free.min(open.lanes);
            if lanes == 0 || entry.connection.is_paused || conditions.is_paused(entry) {
                continue;
            }
            let room = match conditions.admits(account) {
                Admission::Nothing(until) => Err(until),
                // Whoever finds out does so alone.
                Admission::Probe if count > 0 => continue,
                Admission::Probe => Ok(1),
                Admission::Everything => conditions.room(entry, count, lanes),
            };
            match room {
                Ok(room) => {
                    open.connections.push(Wanted {
                        connection: *id,
                        account,
                        lanes: lanes.min(room),
                    });
                }
                Err(until) => {
                    open.next = Some(open.next.map_or(until, |next| next.min(until)));
                }
            }
        }
        open
    }

    /// One runs, until the permit is dropped.
    pub fn begin(self: &std::sync::Arc<Self>, account: Option<AccountId>, lease: &Lease) -> Permit {
        let mut state = self.state.lock().expect(NO_PANIC);
        if let Some(account) = account {
            *state.accounts.entry(account).or_default() += 1;
        }
        state.leases.insert(lease.token, lease.clone());
        Permit {
            running: self.clone(),
            account,
            token: lease.token,
        }
    }

    /// Whether anything runs.
    pub fn is_any(&self) -> bool {
        !self.state.lock().expect(NO_PANIC).leases.is_empty()
    }

    /// The leases of everything that runs.
    pub fn leases(&self) -> Vec<Lease> {
        let state = self.state.lock().expect(NO_PANIC);
        state.leases.values().cloned().collect()
    }
}

/// One running attempt; dropping it makes room for the next.
pub struct Permit {
    running: std::sync::Arc<Running>,
    account: Option<AccountId>,
    token: LeaseToken,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.running.state.lock().expect(NO_PANIC);
        state.leases.remove(&self.token);
        if let Some(account) = self.account
            && let Some(count) = state.accounts.get_mut(&account)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.accounts.remove(&account);
            }
        }
        drop(state);
        self.running.freed.notify_one();
    }
}

#[cfg(test)]
mod tests;
