//! The breakers of all accounts: what is open is shared through `Standings`, what was seen lately is this host's own.
//!
//! What counts is told by whoever settles an attempt, and not noticed here request by request: only the connector knows
//! whether a 500 is an outage, a bad token or a refused value, and it says so by the kind of its failure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use gladhand_core::breaker::{Admission, Breaker, Window};
use gladhand_core::clock::Timestamp;
use gladhand_core::ids::AccountId;
use gladhand_core::port::{self, Standing, Standings};
use gladhand_core::standing::{self, Known};

/// The standing's name.
const NAME: &str = "breaker";

/// The breakers of all accounts.
pub struct Breakers {
    standings: Arc<dyn Standings>,
    entries: Mutex<HashMap<AccountId, Entry>>,
}

#[derive(Default)]
struct Entry {
    breaker: Known<Breaker>,
    window: Window,
}

impl Breakers {
    pub fn new(standings: Arc<dyn Standings>) -> Self {
        Self {
            standings,
            entries: Mutex::default(),
        }
    }

    /// What the account may send.
    pub fn admits(&self, account: AccountId, now: Timestamp) -> Admission {
        let entries = self.entries();
        let entry = entries.get(&account);
        entry.map_or(Admission::Everything, |entry| {
            entry.breaker.value.admits(now)
        })
    }

    /// Those that are not closed.
    pub fn open(&self) -> Vec<(AccountId, Breaker)> {
        let entries = self.entries();
        let all = entries.iter().map(|(id, entry)| (*id, entry.breaker.value));
        all.filter(|(_, breaker)| *breaker != Breaker::Closed)
            .collect()
    }

    /// Whether the caller's delivery is the one that finds out.
    pub async fn probe(&self, account: AccountId, now: Timestamp) -> Result<bool, port::Error> {
        let probed = self.change(account, |breaker| breaker.probe(now)).await?;
        Ok(probed.1)
    }

    /// Notes how an attempt went. The breaker before and after it.
    pub async fn judge(
        &self,
        account: AccountId,
        is_well: bool,
        now: Timestamp,
    ) -> Result<(Breaker, Breaker), port::Error> {
        let before = {
            let mut entries = self.entries();
            let entry = entries.entry(account).or_default();
            let before = entry.breaker.value;
            if !entry.window.record(is_well, now) || before != Breaker::Closed {
                return Ok((before, before));
            }
            entry.window.clear();
            before
        };
        let (after, ()) = self.change(account, |breaker| breaker.open(now)).await?;
        Ok((before, after))
    }

    /// Notes what the probe found out; `None` where it asked nothing. The breaker before and after it.
    pub async fn probed(
        &self,
        account: AccountId,
        is_well: Option<bool>,
        now: Timestamp,
    ) -> Result<(Breaker, Breaker), port::Error> {
        let before = {
            let mut entries = self.entries();
            let entry = entries.entry(account).or_default();
            entry.window.clear();
            entry.breaker.value
        };
        let (after, ()) = self
            .change(account, |breaker| breaker.probed(is_well, now))
            .await?;
        Ok((before, after))
    }

    /// Takes over what is stored.
    pub fn learn(&self, stored: &Standing) {
        if stored.name == NAME {
            let mut entries = self.entries();
            let entry = entries.entry(stored.account).or_default();
            entry.breaker.learn(stored);
        }
    }

    /// Forgets every account that is not among these.
    pub fn retain(&self, is_known: impl Fn(AccountId) -> bool) {
        self.entries().retain(|account, _| is_known(*account));
    }

    async fn change<R: Send>(
        &self,
        account: AccountId,
        change: impl FnMut(&mut Breaker) -> R + Send,
    ) -> Result<(Breaker, R), port::Error> {
        let known = self.entries().entry(account).or_default().breaker.clone();
        let changed = standing::change(&*self.standings, account, NAME, known, change).await;
        let (known, answer) = changed?;
        let after = known.value;
        self.entries().entry(account).or_default().breaker = known;
        Ok((after, answer))
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<AccountId, Entry>> {
        self.entries
            .lock()
            .expect("nobody panics while holding the breakers")
    }
}
