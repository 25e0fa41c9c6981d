//! How much of everything is measured.

use std::time::Duration;

use anyhow::{Result, bail};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Of a load that runs for a time, and the longest that a rate is looked at.
    pub time: Duration,
    /// Of a backlog that is worked off.
    pub deliveries: usize,
    /// Of instances.
    pub instances: u32,
    /// Deliveries that are spread over 1, 100 and as many contacts.
    pub lanes: usize,
    /// Pending deliveries that stay while the first `beside_backlog` are looked at; the first is what others are held against.
    pub backlogs: &'static [usize],
    /// Deliveries looked at while a backlog stands.
    pub beside_backlog: usize,
    /// What waits for a CRM that is slow.
    pub slow_pending: usize,
    /// How long the fast neighbour is looked at, each time.
    pub slow_time: Duration,
    /// How long the slow CRM takes.
    pub slow_call: Duration,
    /// Of the long run.
    pub soak: usize,
    /// Contacts of the long run: each is changed over and over.
    pub soak_contacts: usize,
}

impl Scale {
    /// Some seconds in all: whether it works.
    pub const TINY: Self = Self {
        time: Duration::from_secs(1),
        deliveries: 200,
        instances: 100,
        lanes: 200,
        backlogs: &[100, 400],
        beside_backlog: 100,
        slow_pending: 100,
        slow_time: Duration::from_secs(1),
        slow_call: Duration::from_secs(2),
        soak: 2_000,
        soak_contacts: 500,
    };
    /// Some minutes in all.
    pub const QUICK: Self = Self {
        time: Duration::from_secs(5),
        deliveries: 4_000,
        instances: 5_000,
        lanes: 5_000,
        backlogs: &[1_000, 20_000],
        beside_backlog: 4_000,
        slow_pending: 1_000,
        slow_time: Duration::from_secs(3),
        slow_call: Duration::from_secs(10),
        soak: 50_000,
        soak_contacts: 5_000,
    };
    /// What `docs/performance.md` shows.
    pub const FULL: Self = Self {
        time: Duration::from_secs(30),
        deliveries: 30_000,
        instances: 50_000,
        lanes: 100_000,
        backlogs: &[1_000, 100_000, 1_000_000],
        beside_backlog: 20_000,
        slow_pending: 10_000,
        slow_time: Duration::from_secs(15),
        slow_call: Duration::from_secs(10),
        soak: 1_000_000,
        soak_contacts: 10_000,
    };

    /// By its name.
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "tiny" => Self::TINY,
            "quick" => Self::QUICK,
            "full" => Self::FULL,
            other => bail!("there is no scale `{other}`; these are: tiny, quick, full"),
        })
    }
}
