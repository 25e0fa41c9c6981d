//! A backlog that is worked off, or looked at for a while: what all scenarios about deliveries have in common.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use gladhand_core::clock::Clock as _;
use gladhand_server::system::SystemClock;

use crate::bed::{ATTEMPTS, Bed};
use crate::crm::{Crm, Manner};
use crate::fill::fill;
use crate::report::{Row, line};
use gladhand_tests::database::Kind;

/// A backlog and how much of it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// Calls that each delivery makes.
    pub calls: u32,
    /// How many contacts share the deliveries.
    pub contacts: usize,
    /// How many deliveries wait at the beginning.
    pub deliveries: usize,
    /// After how many the looking ends …
    pub measured: usize,
    /// … or after how long.
    pub patience: Duration,
}

impl Backlog {
    /// Makes it, lets it run, and says how it went.
    pub async fn drain(&self, scenario: &'static str, kind: Kind) -> Result<Row> {
        let clock: Arc<SystemClock> = Arc::default();
        let crm = Crm::start(clock, Manner::default()).await?;
        let joined = crm.joined("bench", self.calls, ATTEMPTS);
        let bed = Bed::new(kind, vec![joined]).await?;
        bed.pause(true).await?;
        let empty = bed.ground.database.bytes_kept().await?;
        let began = bed.clock.monotonic();
        fill(&bed.host, self.contacts, self.deliveries).await?;
        let took = bed.clock.monotonic().saturating_sub(began);
        line(&format!("  filled within {:.1} s", took.as_secs_f64()));

        let before = bed.settled().await?;
        let work = bed.work().await?;
        bed.pause(false).await?;
        let (settled, took) = bed.wait_for(self.measured, before, self.patience).await?;
        let done = bed.work().await?;
        ensure!(
            settled > 0,
            "nothing was delivered within {:?}",
            self.patience
        );
        ensure!(
            crm.requests() >= settled * u64::from(self.calls),
            "{settled} deliveries made {} calls",
            crm.requests()
        );

        let (instance_us, guest_us) = bed.costs().await?;
        let kept = bed.end().await?.saturating_sub(empty);
        Ok(Row {
            scenario,
            store: kind.name(),
            backlog: Some(self.deliveries),
            lanes: Some(self.contacts),
            deliveries_per_second: Some(settled as f64 / took.as_secs_f64()),
            commits_per_delivery: Some(done.commits_per(settled, &work)),
            bytes_written_per_delivery: Some(done.bytes_per(settled, &work)),
            instance_us: Some(instance_us),
            guest_us: Some(guest_us),
            disk_bytes_per_event: Some(kept as f64 / self.deliveries as f64),
            ..Row::default()
        })
    }
}
