//! One run: a story told to a host under faults, and brought to its end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_core::clock::{Clock as _, ManualClock};
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_tests::chatwoot::{Sender, Webhook};
use gladhand_tests::host::{SECRET, SOURCE};
use gladhand_tests::ledger::Row;
use gladhand_tests::rest::{is_resting, next_try};

use crate::fault::{Faults, LATE, Step, Strike};
use crate::gate::Passed;
use crate::lane::{Bed, Lane};
use crate::life::{Dying, Life};
use crate::scenario::Scenario;

/// How long a lane that was empty waits: the clock stands still until a stage's webhooks are all in, and then moves by this.
pub const HOLD: Duration = Duration::from_millis(500);

/// Longer than any time-out of the connector, many times over.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the deliveries are looked at.
const POLL: Duration = Duration::from_millis(3);

/// A host that finds nothing to do looks again after a second: what has not changed for longer is held by the clock.
const QUIET: Duration = Duration::from_millis(1_500);

/// What an account or a connection that was stopped is given to go on.
const HELD: Duration = Duration::from_mins(1);

/// More than any delivery needs under two faults.
const TRIES: u32 = 60;

/// One thing to run.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub scenario: Scenario,
    pub faults: Faults,
    pub step: Step,
}

/// How a story ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What the CRM holds.
    pub rows: Vec<Row>,
    /// What the CRM was asked.
    pub passed: Vec<Passed>,
    /// How often the clock was read before the story began, in the first life.
    pub began_at: u64,
    /// And when it was over, in the last.
    pub readings: u64,
    /// Deliveries that need a person or never came to an end, and why.
    pub undelivered: Vec<String>,
    /// Faults that found nothing to strike.
    pub unstruck: usize,
}

/// One story under way.
struct Telling<'a> {
    lane: &'a Lane,
    time: Arc<ManualClock>,
    life: Option<Life>,
    has_teeth: bool,
}

/// Runs a story with a plan of what goes wrong.
pub async fn run(
    lane: &Lane,
    scenario: &Scenario,
    plan: Vec<Strike>,
    has_teeth: bool,
) -> Result<Ended> {
    let Bed { crm, time } = lane.reset(plan)?;
    let mut telling = Telling {
        lane,
        time: time.clone(),
        life: None,
        has_teeth,
    };
    telling.begin().await?;
    let told = telling.tell(scenario).await;
    let readings = telling
        .life
        .as_ref()
        .map_or(0, |life| life.watch.readings());
    let deliveries = match told {
        Ok(deliveries) => deliveries,
        Err(error) => {
            telling.kill().await?;
            return Err(error);
        }
    };
    telling.kill().await?;
    // Whatever the CRM was still busy with ends now.
    lane.pass_time(&time, LATE).await?;
    Ok(Ended {
        rows: crm.rows(),
        passed: lane.gate.passed(),
        began_at: lane.gate.began_at(),
        readings,
        undelivered: deliveries.iter().filter_map(undelivered).collect(),
        unstruck: lane.gate.to_come(),
    })
}

impl Telling<'_> {
    async fn tell(&mut self, scenario: &Scenario) -> Result<Vec<Delivery>> {
        let mut stages = scenario.stages(self.time.now().0);
        let last = stages.pop().unwrap_or_default();
        for (number, webhooks) in stages.iter().enumerate() {
            self.stage(number, webhooks).await?;
        }
        self.finish().await?;
        self.stage(stages.len(), &last).await?;
        self.finish().await
    }

    /// One stage, as far as it comes while the clock stands still.
    async fn stage(&mut self, number: usize, webhooks: &[Webhook]) -> Result<()> {
        for (position, webhook) in webhooks.iter().enumerate() {
            self.send(&format!("{number}-{position}"), webhook).await?;
        }
        self.pass_time(HOLD).await?;
        self.rest().await?;
        Ok(())
    }

    /// Moves the clock until nothing waits any more: to each next try, or on where something else holds a delivery.
    async fn finish(&mut self) -> Result<Vec<Delivery>> {
        for _ in 0..TRIES {
            let deliveries = self.rest().await?;
            if deliveries
                .iter()
                .all(|delivery| delivery.state.is_settled())
            {
                return Ok(deliveries);
            }
            // By now somebody has read that the token is not accepted.
            self.lane.gate.restore_token();
            let now = self.time.now();
            let next = deliveries.iter().filter_map(next_try);
            let next = next.chain(self.time.sleepers()).filter(|at| *at > now);
            let next = next.min();
            self.pass_time(next.map_or(HELD, |at| at.since(now)))
                .await?;
        }
        self.rest().await
    }

    /// Sends a webhook until it is acknowledged: what no host took in was never promised to anybody.
    async fn send(&mut self, run: &str, webhook: &Webhook) -> Result<()> {
        loop {
            let life = self.life()?;
            let authority = life.authority();
            let mut sender = Sender::new(&authority, SOURCE, SECRET, run, &*self.time);
            match life.alive(sender.send(webhook)).await {
                Ok(sent) => {
                    sent.context("sending a webhook")?;
                    return Ok(());
                }
                Err(Dying) => self.revive().await?,
            }
        }
    }

    async fn pass_time(&mut self, duration: Duration) -> Result<()> {
        self.lane.pass_time(&self.time, duration).await?;
        loop {
            let life = self.life()?;
            match life.alive(life.nudge()).await {
                Ok(nudged) => return nudged.context("waking the host"),
                Err(Dying) => self.revive().await?,
            }
        }
    }

    /// Waits until nothing can happen before the clock moves, as far as deliveries tell or nothing of them changes.
    async fn rest(&mut self) -> Result<Vec<Delivery>> {
        let mut last = Vec::new();
        let mut quiet = Duration::ZERO;
        for _ in 0..PATIENCE.as_millis() / POLL.as_millis() {
            let life = self.life()?;
            let seen = life.alive(async {
                tokio::time::sleep(POLL).await;
                life.deliveries().await
            });
            let Ok(seen) = seen.await else {
                self.revive().await?;
                continue;
            };
            let seen = seen.context("listing deliveries")?;
            // What runs comes to an end by itself, unless it waits for the clock.
            let mut states = seen.iter().map(|delivery| delivery.state);
            let is_held = states.all(|state| state != DeliveryState::Running)
                || !self.time.sleepers().is_empty();
            if seen == last && is_held {
                quiet += POLL;
            } else {
                quiet = Duration::ZERO;
            }
            if quiet > QUIET || is_resting(&seen, self.time.now()) {
                return Ok(seen);
            }
            last = seen;
        }
        last.retain(|delivery| !delivery.state.is_settled());
        bail!("no rest within {PATIENCE:?}: {last:#?}")
    }

    fn life(&self) -> Result<&Life> {
        self.life.as_ref().context("no host is running")
    }

    async fn begin(&mut self) -> Result<()> {
        let life = Life::begin(&self.lane.setup, &self.time).await?;
        self.lane.gate.meets(&life.watch);
        self.life = Some(life);
        Ok(())
    }

    async fn kill(&mut self) -> Result<()> {
        match self.life.take() {
            Some(life) => life.kill(&self.lane.setup).await,
            None => Ok(()),
        }
    }

    async fn revive(&mut self) -> Result<()> {
        self.kill().await?;
        if self.has_teeth {
            self.lane.forget_effects().await?;
        }
        self.begin().await
    }
}

fn undelivered(delivery: &Delivery) -> Option<String> {
    let is_done = delivery.state.is_settled() && delivery.state != DeliveryState::Dead;
    let kind = delivery.kind.map_or("event", |kind| kind.as_str());
    let failure = delivery.failure.as_ref();
    let reason = failure.map_or("", |failure| failure.message.as_str());
    (!is_done).then(|| {
        format!(
            "{kind} of contact {} is {}: {reason}",
            delivery.lane, delivery.state
        )
    })
}
