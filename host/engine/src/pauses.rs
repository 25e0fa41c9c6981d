//! What is paused and why: the rules are `core::pause`'s, the sharing among hosts goes through `Standings`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use gladhand_core::clock::Timestamp;
use gladhand_core::failure::Failure;
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_core::pause::{self, Interval, Paused, Pauses};
use gladhand_core::port::{self, Standing, Standings};
use gladhand_core::standing::{self, Known};

/// The standing of an account's pauses; those of a connection follow after a colon.
const NAME: &str = "pause";

/// Whose pauses: the account's, or one connection's of it.
pub type Whose = (AccountId, Option<ConnectionId>);

/// Something that is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Which account.
    pub account: AccountId,
    /// Which connection of it; `None` where the whole account is.
    pub connection: Option<ConnectionId>,
    /// Why and since when.
    pub paused: Paused,
}

/// The pauses of all accounts and connections.
pub struct Board {
    standings: Arc<dyn Standings>,
    known: Mutex<HashMap<Whose, Known<Pauses>>>,
}

impl Board {
    /// Nothing is known yet.
    pub fn new(standings: Arc<dyn Standings>) -> Self {
        Self {
            standings,
            known: Mutex::default(),
        }
    }

    /// Everything that hosts know of accounts together; takes over what is about pauses.
    pub async fn refresh(&self) -> Result<Vec<Standing>, port::Error> {
        let all = self.standings.all().await?;
        let mut known = self.known();
        for stored in &all {
            if let Some(whose) = whose(stored) {
                known.entry(whose).or_default().learn(stored);
            }
        }
        Ok(all)
    }

    /// Whether nothing of the connection may run.
    pub fn is_paused(&self, account: AccountId, connection: ConnectionId) -> bool {
        let known = self.known();
        let is_paused = |whose: &Whose| {
            let pauses = known.get(whose);
            pauses.is_some_and(|pauses| pauses.value.current.is_some())
        };
        is_paused(&(account, None)) || is_paused(&(account, Some(connection)))
    }

    /// Everything that is paused.
    pub fn list(&self) -> Vec<Pause> {
        let known = self.known();
        let paused = known.iter().filter_map(|((account, connection), pauses)| {
            Some(Pause {
                account: *account,
                connection: *connection,
                paused: pauses.value.current.clone()?,
            })
        });
        let mut paused: Vec<Pause> = paused.collect();
        paused.sort_unstable_by_key(|pause| (pause.account, pause.connection));
        paused
    }

    /// How much of the time between `from` and `now` nothing of the connection ran.
    pub fn paused_within(
        &self,
        account: AccountId,
        connection: ConnectionId,
        from: Timestamp,
        now: Timestamp,
    ) -> std::time::Duration {
        let known = self.known();
        let both = [(account, None), (account, Some(connection))];
        let intervals: Vec<Interval> = both
            .iter()
            .filter_map(|whose| known.get(whose))
            .flat_map(|pauses| pauses.value.intervals(now))
            .collect();
        pause::paused_within(intervals, from, now)
    }

    /// Pauses; whether it is this that paused.
    pub async fn pause(&self, whose: Whose, paused: &Paused) -> Result<bool, port::Error> {
        self.change(whose, |pauses| pauses.pause(paused.clone()))
            .await
    }

    /// Ends a pause; whether there was one.
    pub async fn resume(&self, whose: Whose, now: Timestamp) -> Result<bool, port::Error> {
        self.change(whose, |pauses| pauses.resume(now)).await
    }

    /// Counts a failure that a person must mend; whether the connection pauses by it.
    pub async fn strike(
        &self,
        account: AccountId,
        connection: ConnectionId,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, port::Error> {
        let whose = (account, Some(connection));
        self.change(whose, |pauses| pauses.strike(connection, failure, now))
            .await
    }

    /// Notes a success; costs nothing where there was no failure before it.
    pub async fn went_well(
        &self,
        account: AccountId,
        connection: ConnectionId,
    ) -> Result<(), port::Error> {
        let whose = (account, Some(connection));
        let struck = |pauses: &Known<Pauses>| pauses.value.strikes > 0;
        if !self.known().get(&whose).is_some_and(struck) {
            return Ok(());
        }
        self.change(whose, Pauses::went_well).await
    }

    /// Takes over whether the settings say that the connection is paused.
    pub async fn switch(
        &self,
        account: AccountId,
        connection: ConnectionId,
        is_off: bool,
        now: Timestamp,
    ) -> Result<(), port::Error> {
        let whose = (account, Some(connection));
        self.change(whose, |pauses| pauses.switch(is_off, now))
            .await
    }

    /// Whether it is the caller's to test now whether a pause is over.
    pub async fn claim_test(&self, whose: Whose, now: Timestamp) -> Result<bool, port::Error> {
        self.change(whose, |pauses| pauses.claim_test(now)).await
    }

    /// Somebody changed something: every pause that a host began is tested as soon as there is time.
    pub async fn test_soon(&self, now: Timestamp) -> Result<(), port::Error> {
        for pause in self.list() {
            let whose = (pause.account, pause.connection);
            self.change(whose, |pauses| pauses.test_at(now)).await?;
        }
        Ok(())
    }

    /// Forgets what is not configured any more.
    pub fn retain(&self, is_known: impl Fn(Whose) -> bool) {
        self.known().retain(|whose, _| is_known(*whose));
    }

    async fn change<R: Send>(
        &self,
        whose: Whose,
        change: impl FnMut(&mut Pauses) -> R + Send,
    ) -> Result<R, port::Error> {
        let known = self.known().get(&whose).cloned().unwrap_or_default();
        let name = whose.1.map_or(NAME.to_owned(), |id| format!("{NAME}:{id}"));
        let (known, answer) =
            standing::change(&*self.standings, whose.0, &name, known, change).await?;
        self.known().insert(whose, known);
        Ok(answer)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Whose, Known<Pauses>>> {
        self.known
            .lock()
            .expect("nobody panics while holding the pauses")
    }
}

/// Whose pauses a standing holds; `None` where it is about something else.
fn whose(stored: &Standing) -> Option<Whose> {
    if stored.name == NAME {
        return Some((stored.account, None));
    }
    let id = stored.name.strip_prefix(NAME)?.strip_prefix(':')?;
    Some((stored.account, Some(id.parse().ok()?)))
}
