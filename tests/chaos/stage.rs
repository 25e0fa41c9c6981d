//! Everything that a fault can reach, how often what has struck, and when that was enough.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use gladhand_core::clock::{Clock as _, Timestamp};
use gladhand_tests::krayin::Krayin;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use crate::clock::FastClock;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::fleet::Fleet;
use crate::postgres::Postgres;
use crate::teeth::Tooth;

/// A campaign of so many kills proves what a release says of itself ...
const LONG: u32 = 100;
/// ... which is also that every other fault has struck so often.
const LEAST: u32 = 10;

/// Everything that a fault can reach.
pub struct Stage {
    pub fleet: Arc<Fleet>,
    pub crm: Arc<Krayin>,
    pub disk: Arc<Disk>,
    pub postgres: Option<Arc<Postgres>>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// After how many kills there is enough; none where time ends it.
    pub kills: Option<u32>,
    /// What is taken away while a host is dead.
    pub tooth: Option<Tooth>,
    /// Ends load and trouble.
    pub stop: CancellationToken,
    /// Whoever strikes shares it; the referee has it alone while nothing is to strike.
    pub lull: RwLock<()>,
    /// The CRM's time, the load's, and that of hosts whose clock does not jump.
    pub clock: Arc<FastClock>,
    pub history: History,
}

/// What has struck.
#[derive(Debug, Default)]
pub struct History {
    strikes: [AtomicU32; Fault::ALL.len()],
    /// What struck when, for whoever looks into a finding.
    moments: Mutex<Vec<(Timestamp, &'static str)>>,
}

impl Stage {
    /// Remembers that something happens now.
    pub fn note(&self, what: &'static str) {
        let moments = self.history.moments.lock();
        let mut moments = moments.unwrap_or_else(PoisonError::into_inner);
        moments.push((self.clock.now(), what));
    }

    /// The database server of a campaign that has one.
    pub fn postgres(&self) -> Result<&Postgres> {
        let postgres = self.postgres.as_deref();
        postgres.context("there is no PostgreSQL in this campaign")
    }

    /// What has not struck often enough yet, where kills are counted: how often it has, and how often it must.
    pub fn wanting(&self) -> Vec<(Fault, u32, u32)> {
        self.kills
            .map(|kills| self.history.wanting(kills, &self.faults))
            .unwrap_or_default()
    }
}

impl History {
    /// Remembers that a fault has struck.
    pub fn count(&self, fault: Fault) {
        self.strikes[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often one has struck.
    pub fn strikes(&self, fault: Fault) -> u32 {
        self.strikes[fault as usize].load(Ordering::Relaxed)
    }

    fn wanting(&self, kills: u32, faults: &[Fault]) -> Vec<(Fault, u32, u32)> {
        let least = |fault| match fault {
            Fault::Kill => kills,
            _ if kills >= LONG => LEAST,
            _ => 0,
        };
        faults
            .iter()
            .map(|fault| (*fault, self.strikes(*fault), least(*fault)))
            .filter(|(_, has, must)| has < must)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kills: u32, struck: [(Fault, u32); 3], expect: &[(Fault, u32, u32)]) {
        let history = History::default();
        for (fault, times) in struck {
            (0..times).for_each(|_| history.count(fault));
        }
        assert_eq!(
            history.wanting(kills, &struck.map(|(fault, _)| fault)),
            expect
        );
    }

    #[test]
    fn a_long_campaign_goes_on_until_every_fault_has_struck_ten_times() {
        use Fault::{Crm, DiskFull, Kill};
        check(
            200,
            [(Kill, 200), (Crm, 90), (DiskFull, 9)],
            &[(DiskFull, 9, 10)],
        );
        check(200, [(Kill, 200), (Crm, 90), (DiskFull, 10)], &[]);
        check(
            200,
            [(Kill, 199), (Crm, 90), (DiskFull, 10)],
            &[(Kill, 199, 200)],
        );
    }

    #[test]
    fn a_short_one_ends_with_its_kills() {
        use Fault::{Crm, DiskFull, Kill};
        check(20, [(Kill, 20), (Crm, 1), (DiskFull, 0)], &[]);
        check(20, [(Kill, 19), (Crm, 1), (DiskFull, 0)], &[(Kill, 19, 20)]);
    }
}
