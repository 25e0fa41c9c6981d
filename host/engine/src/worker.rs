//! The worker loop: claims ready lanes for connections in turn, within what their accounts allow, runs and settles them.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::attempt::{Attempt, End, Lease};
use gladhand_core::breaker::Admission;
use gladhand_core::clock::Timestamp;
use gladhand_core::connection::Policy;
use gladhand_core::failure::{Consequence, Failure, FailureKind};
use gladhand_core::ids::AccountId;
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_core::pause::{By, Paused, TEST_AGAIN};
use gladhand_core::port;
use gladhand_runtime::{Ended, Report};
use gladhand_store::deliveries::{ClaimRequest, Claimed, Claims, Settlement};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::directory::{ConnectionEntry, Directory};
use crate::engine::Inner;
use crate::gate::{Conditions, Open, Permit, Running};
use crate::happening::{AttemptSettled, AttemptStale, SelfPaused};
use crate::settle::{self, Moment};
use crate::{run, watch};

/// Without any sign, the store is asked this often: what another process did is not told.
const POLL: Duration = Duration::from_secs(1);
/// After the store refused, it is left alone this long.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// Between two tries to settle; it doubles up to the second.
const SETTLE_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How soon a delivery that came while another finds out about the CRM asks again.
const PROBED: Duration = Duration::from_secs(5);

/// Claims and runs until `stop`, then returns when what runs has settled.
pub(crate) async fn work(inner: Arc<Inner>, stop: CancellationToken) {
    AttemptStale::begin();
    let running = Arc::new(Running::default());
    let tracker = TaskTracker::new();
    let renewing = tokio::spawn(renew(inner.clone(), running.clone()));
    tracker.spawn(watch::watch(inner.clone(), stop.clone()));
    let mut turn: usize = 0;
    // How many connections in turn had nothing ready, and when the next of them has.
    let (mut seen, mut next): (usize, Option<Timestamp>) = (0, None);
    while !stop.is_cancelled() {
        let directory = inner.directory.load_full();
        let open = running.open(&directory, &*inner, inner.config.workers, turn);
        let now = inner.clock.now();
        // Also where no connection may get a lane: what hosts that are gone had leased is freed by it. Not while all are
        // busy, for then each webhook would pay for it.
        let is_busy = open.connections.is_empty() && running.is_any();
        let claimed = if is_busy {
            Some(Claims::default())
        } else {
            claim(&inner, &open).await
        };
        let wait = match claimed {
            Some(claims) if claims.claimed.is_empty() => {
                turn = turn.wrapping_add(open.seen);
                seen += open.seen;
                next = [next, claims.next_ready, open.next]
                    .into_iter()
                    .flatten()
                    .min();
                if seen < directory.order.len() {
                    continue;
                }
                let wait = until(next, now);
                (seen, next) = (0, None);
                Some(wait)
            }
            Some(claims) => {
                let last = claims
                    .claimed
                    .last()
                    .map(|claimed| claimed.lease.connection);
                let place = |id| directory.order.iter().position(|of| Some(*of) == id);
                // Behind the last that got something: whoever stands before it would always come first.
                turn = place(last).map_or(turn, |place| place + 1);
                (seen, next) = (0, None);
                let is_exhausted =
                    open.is_exhausted_by(claims.claimed.len(), directory.order.len());
                for claimed in claims.claimed {
                    let entry = directory.connections.get(&claimed.lease.connection);
                    let account = entry.map(|entry| entry.account.id);
                    let permit = running.begin(account, &claimed.lease);
                    let attempt = Work {
                        inner: inner.clone(),
                        directory: directory.clone(),
                        stop: stop.clone(),
                    };
                    tracker.spawn(attempt.attempt(claimed, permit));
                }
                let next = [claims.next_ready, open.next].into_iter().flatten().min();
                is_exhausted.then(|| until(next, now))
            }
            None => Some(STORE_PAUSE),
        };
        if let Some(wait) = wait {
            tokio::select! {
                () = stop.cancelled() => {}
                () = inner.deliveries.changed() => {}
                () = running.freed.notified() => {}
                () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => {}
            }
        }
    }
    // What waits for its account's turn may wait for half a minute: another start, or another host, goes on with it.
    inner.egress.stop_waiting();
    tracker.close();
    tracker.wait().await;
    // Until now, for what drained needed its leases.
    renewing.abort();
}

/// How long until a lane is ready that is not now, or until it is time to look anyway.
fn until(next: Option<Timestamp>, now: Timestamp) -> Duration {
    next.map_or(POLL, |at| at.since(now).min(POLL))
}

impl Conditions for Inner {
    fn is_paused(&self, entry: &ConnectionEntry) -> bool {
        self.pauses.is_paused(entry.account.id, entry.connection.id)
    }

    fn admits(&self, account: AccountId) -> Admission {
        self.egress.admits(account)
    }

    fn room(&self, entry: &ConnectionEntry, running: u32, wanted: u32) -> Result<u32, Timestamp> {
        let Some(target) = &entry.target else {
            return Ok(wanted);
        };
        let calls = self.usual.of(entry.connection.id);
        self.egress.room(target, calls, running, wanted)
    }
}

async fn claim(inner: &Inner, open: &Open) -> Option<Claims> {
    let request = ClaimRequest {
        lanes: open.lanes,
        connections: open.connections.clone(),
        now: inner.clock.now(),
        monotonic: inner.clock.monotonic(),
        lease: inner.config.lease,
    };
    match inner.deliveries.claim(request).await {
        Ok(claims) => Some(claims),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "claiming deliveries"
            );
            None
        }
    }
}

/// Prolongs what runs at a third of the lease, so that two renewals may fail.
async fn renew(inner: Arc<Inner>, running: Arc<Running>) {
    loop {
        tokio::time::sleep(inner.config.lease / 3).await;
        let leases = running.leases();
        if leases.is_empty() {
            continue;
        }
        // Read before the store is asked: the lease may end earlier than the store thinks, never later.
        let now = inner.clock.monotonic();
        match inner.deliveries.renew(&leases, inner.config.lease).await {
            Ok(held) => {
                for (lease, is_held) in leases.iter().zip(held) {
                    let end = if is_held {
                        now + inner.config.lease
                    } else {
                        Duration::ZERO
                    };
                    lease.until.set(end);
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "renewing leases");
            }
        }
    }
}

/// What an attempt runs with.
struct Work {
    inner: Arc<Inner>,
    directory: Arc<Directory>,
    stop: CancellationToken,
}

impl Work {
    /// Runs what was claimed, and settles it.
    async fn attempt(self, claimed: Claimed, permit: Permit) {
        let inner = &*self.inner;
        let entry = self.directory.connections.get(&claimed.lease.connection);
        let entry = entry.map(Arc::as_ref);
        let started_at = inner.clock.now();
        let began = inner.clock.monotonic();
        let (report, is_probe) = self.run(entry, &claimed).await;
        let mut cost = report.cost;
        cost.total_us = u64::try_from(inner.clock.monotonic().saturating_sub(began).as_micros())
            .unwrap_or(u64::MAX);
        if let (Ended::Outcome(_), Some(kind)) = (&report.ended, claimed.delivery.kind) {
            let connection = claimed.lease.connection;
            inner
                .usual
                .note(connection, kind, report.attempt.http_calls);
        }
        // Whoever has the lane by now says how it goes.
        let is_stale = claimed.lease.until.get() <= inner.clock.monotonic();
        let probe_failed = if is_stale {
            None
        } else {
            self.judge(entry, &report, is_probe).await
        };
        let connector = claimed
            .version
            .as_ref()
            .and_then(|version| self.directory.connectors.get(version));
        let now = inner.clock.now();
        let queued_at = claimed.delivery.queued_at;
        let moment = Moment {
            now,
            started_at,
            jitter: (inner.jitter)(),
            lookup_after: connector.map_or(Duration::ZERO, |connector| {
                Duration::from_millis(connector.descriptor().lookup_after_ms)
            }),
            paused: entry.map_or(Duration::ZERO, |entry| {
                let (account, connection) = (entry.account.id, entry.connection.id);
                inner
                    .pauses
                    .paused_within(account, connection, queued_at, now)
            }),
            is_unresolved: !report.attempt.unresolved.is_empty(),
            probe_failed,
        };
        let standard = Policy::default();
        let policy = entry.map_or(&standard, |entry| &entry.connection.policy);
        let Report {
            ended,
            attempt,
            log,
            ..
        } = report;
        let stale = AttemptStale {
            delivery: claimed.delivery.id,
        };
        let settled = settle::settlement(ended, &claimed, policy, &moment, cost, log);
        let Some((mut settlement, consequence)) = settled else {
            return stale.tell();
        };
        settlement.unsettled = attempt.leaves(settlement.state.is_settled());
        if let Some(entry) = entry
            && !is_stale
            && let Err(error) = self.follow(entry, &settlement, consequence, now).await
        {
            // The next delivery meets the same, and says it again.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "pausing what a person must mend"
            );
        }
        let settled = self.settle(&claimed.lease, attempt, &settlement).await;
        drop(permit);
        match settled {
            Ok(()) => AttemptSettled {
                claimed: &claimed,
                settlement: &settlement,
                provider: connector.map_or("none", |connector| connector.descriptor().id.as_str()),
                connection: entry.map_or("removed", |entry| entry.connection.name.as_str()),
            }
            .tell(),
            Err(gladhand_store::Error::LeaseLost) => stale.tell(),
            // The lane is taken again: what was journalled keeps the next attempt from doubling.
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, delivery.id = %claimed.delivery.id, "settling a delivery");
            }
        }
    }

    /// Runs what was claimed, unless there is no need or the account's breaker is open; whether it found out about that.
    async fn run(&self, entry: Option<&ConnectionEntry>, claimed: &Claimed) -> (Report, bool) {
        let (inner, directory) = (&*self.inner, &*self.directory);
        if claimed.is_overtaken {
            let outcome = Outcome::Skipped {
                code: SkipCode::Stale,
                reason: "a later change of the conversation is in the CRM already".to_owned(),
            };
            let report = run::not_run(directory, claimed, Ended::Outcome(outcome));
            return (report, false);
        }
        let Some(entry) = entry else {
            return (run::run(directory, claimed, false).await, false);
        };
        let refused = match inner.egress.admits(entry.account.id) {
            Admission::Everything => return (run::run(directory, claimed, false).await, false),
            Admission::Nothing(until) => until,
            Admission::Probe => match inner.egress.probe(entry.account.id).await {
                Ok(true) => return (run::run(directory, claimed, true).await, true),
                Ok(false) => inner.clock.now().after(PROBED),
                Err(error) => {
                    let ended = Ended::End(error.into());
                    return (run::not_run(directory, claimed, ended), false);
                }
            },
        };
        let message = "the CRM did not work for several deliveries; this one waits until another has found out whether it does again";
        let ended = Ended::End(End::Deferred {
            until: refused,
            failure: Box::new(Failure::new(FailureKind::BreakerOpen, message)),
        });
        (run::not_run(directory, claimed, ended), false)
    }

    /// Tells the account's breaker how it went. Until when the delivery waits, where it was a probe that failed.
    async fn judge(
        &self,
        entry: Option<&ConnectionEntry>,
        report: &Report,
        is_probe: bool,
    ) -> Option<Timestamp> {
        let target = entry?.target.as_ref()?;
        let verdict = settle::verdict(report);
        match self.inner.egress.judge(target, verdict, is_probe).await {
            Ok(until) => until,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "telling a breaker how an attempt went"
                );
                None
            }
        }
    }

    /// Does what a settlement means for others.
    async fn follow(
        &self,
        entry: &ConnectionEntry,
        settlement: &Settlement,
        consequence: Consequence,
        now: Timestamp,
    ) -> Result<(), port::Error> {
        let pauses = &self.inner.pauses;
        let (account, connection) = (entry.account.id, entry.connection.id);
        let has_run = settlement.version.is_some() && settlement.cost.http_calls > 0;
        let Some(failure) = &settlement.failure else {
            // What asked nothing says nothing about what a person had to mend.
            if has_run {
                pauses.went_well(account, connection).await?;
            }
            return Ok(());
        };
        let stopped = match consequence {
            Consequence::None => return Ok(()),
            Consequence::HoldAccount(wait) => {
                // The whole account waits: another lane's request would only be refused, too.
                if let Some(target) = &entry.target {
                    self.inner.egress.hold(target, wait).await;
                }
                return Ok(());
            }
            Consequence::PauseAccount => {
                let why = Paused {
                    by: By::Host,
                    since: now,
                    kind: Some(failure.kind),
                    message: failure.message.clone(),
                    connection: Some(connection),
                    next_test: Some(now.after(TEST_AGAIN)),
                };
                let has_paused = pauses.pause((account, None), &why).await?;
                has_paused.then_some(None)
            }
            Consequence::StrikeConnection => {
                let has_paused = pauses.strike(account, connection, failure, now).await?;
                has_paused.then_some(Some(entry.connection.name.as_str()))
            }
        };
        if let Some(connection) = stopped {
            SelfPaused {
                account: &entry.account.name,
                connection,
                kind: failure.kind,
                message: &failure.message,
            }
            .tell();
        }
        Ok(())
    }

    /// Settles, again and again until it is taken, the lease is lost, or the host stops: a delivery whose settle were
    /// given up would stay leased for as long as this process lives.
    async fn settle(
        &self,
        lease: &Lease,
        attempt: Attempt,
        settlement: &Settlement,
    ) -> Result<(), gladhand_store::Error> {
        let (mut wait, longest) = SETTLE_AGAIN;
        loop {
            let is_last = self.stop.is_cancelled();
            let (account, state) = (attempt.account, attempt.state);
            let changes = attempt.changes.clone();
            let deliveries = &self.inner.deliveries;
            let error = match deliveries
                .settle(lease, account, state, changes, settlement.clone())
                .await
            {
                Err(error) if !is_last && !matches!(error, gladhand_store::Error::LeaseLost) => {
                    error
                }
                settled => return settled,
            };
            tracing::warn!(error = &error as &dyn std::error::Error, delivery.id = %lease.delivery, "settling a delivery; it is tried again");
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
            wait = (2 * wait).min(longest);
        }
    }
}
