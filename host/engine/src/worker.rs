//! The worker loop: claims ready lanes for connections in turn, within what their accounts allow, and runs them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gladhand_core::clock::Timestamp;
use gladhand_core::failure::FailureKind;
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_runtime::Ended;
use gladhand_store::deliveries::{ClaimRequest, Claimed};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::Inner;
use crate::happening::AttemptSettled;
use crate::settle::{self, Moment};
use crate::{directory, run};

/// Without any sign, the store is asked this often: what another process did is not told.
const POLL: Duration = Duration::from_secs(1);
/// After the store refused, it is left alone this long.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// How many attempts run, per account.
#[derive(Default)]
struct Running {
    accounts: Mutex<HashMap<AccountId, u32>>,
    freed: Notify,
}

/// Claims and runs until `stop`, then returns when what runs has settled.
pub(crate) async fn work(inner: Arc<Inner>, stop: CancellationToken) {
    let running = Arc::new(Running::default());
    let tracker = TaskTracker::new();
    let mut turn = 0;
    while !stop.is_cancelled() {
        let directory = inner.directory.load_full();
        let connections = running.slots(&directory, inner.config.workers, turn);
        turn = turn.wrapping_add(1);
        let wait = match claim(&inner, connections).await {
            Some((claimed, next_ready)) => {
                let is_idle = claimed.is_empty();
                for claimed in claimed {
                    let permit = running.clone().begin(&directory, claimed.lease.connection);
                    tracker.spawn(attempt(inner.clone(), directory.clone(), claimed, permit));
                }
                is_idle.then(|| next_ready.map_or(POLL, |at| at.since(inner.clock.now()).min(POLL)))
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
    tracker.close();
    tracker.wait().await;
}

async fn claim(
    inner: &Inner,
    connections: Vec<(ConnectionId, u32)>,
) -> Option<(Vec<Claimed>, Option<Timestamp>)> {
    if connections.is_empty() {
        return Some((Vec::new(), None));
    }
    let request = ClaimRequest {
        lanes: connections
            .iter()
            .map(|(_, lanes)| lanes)
            .sum::<u32>()
            .min(inner.config.workers),
        connections,
        now: inner.clock.now(),
        monotonic: inner.clock.monotonic(),
        lease: inner.config.lease,
    };
    match inner.deliveries.claim(request).await {
        Ok(claims) => Some((claims.claimed, claims.next_ready)),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "claiming deliveries"
            );
            None
        }
    }
}

async fn attempt(
    inner: Arc<Inner>,
    directory: Arc<directory::Directory>,
    claimed: Claimed,
    permit: Permit,
) {
    let started_at = inner.clock.now();
    let began = inner.clock.monotonic();
    let report = run::run(&directory, &claimed).await;
    let mut cost = report.cost;
    cost.total_us = u64::try_from(inner.clock.monotonic().saturating_sub(began).as_micros())
        .unwrap_or(u64::MAX);

    let entry = directory.connections.get(&claimed.lease.connection);
    let connector = claimed
        .version
        .as_ref()
        .and_then(|version| directory.connectors.get(version));
    let moment = Moment {
        now: inner.clock.now(),
        started_at,
        jitter: (inner.jitter)(),
        lookup_after: connector.map_or(Duration::ZERO, |connector| {
            Duration::from_millis(connector.descriptor().lookup_after_ms)
        }),
    };
    let policy = &inner.config.retry;
    if let Ended::Failure(failure) = &report.ended
        && failure.kind == FailureKind::RateLimited
        && let Some(target) = entry.and_then(|entry| entry.target.as_ref())
    {
        // The whole account waits: another lane's request would only be refused, too.
        let hint = failure.retry_after_ms.map(Duration::from_millis);
        inner.egress.hold(target, hint.unwrap_or(policy.first));
    }
    let Some(settlement) =
        settle::settlement(report.ended, &claimed, policy, &moment, cost, report.log)
    else {
        tracing::warn!(delivery.id = %claimed.delivery.id, "attempt lost its lane; nothing of it counts");
        return;
    };
    let told = settlement.clone();
    let attempt = report.attempt;
    let settled = inner
        .deliveries
        .settle(
            &claimed.lease,
            attempt.account,
            attempt.state,
            attempt.changes,
            settlement,
        )
        .await;
    drop(permit);
    match settled {
        Ok(()) => AttemptSettled {
            claimed: &claimed,
            settlement: &told,
            provider: connector.map_or("none", |connector| connector.descriptor().id.as_str()),
            connection: entry.map_or("removed", |entry| entry.connection.name.as_str()),
        }
        .tell(),
        // The lease runs out and the lane is taken again: what was journalled keeps the next attempt from doubling.
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, delivery.id = %claimed.delivery.id, "settling a delivery");
        }
    }
}

impl Running {
    /// The connections that may get lanes now, beginning with another one each turn.
    fn slots(
        &self,
        directory: &directory::Directory,
        workers: u32,
        turn: usize,
    ) -> Vec<(ConnectionId, u32)> {
        let running = self.accounts.lock().expect("nobody panics while counting");
        let total: u32 = running.values().sum();
        let mut left = workers.saturating_sub(total);
        let mut free: HashMap<AccountId, u32> = directory.concurrency_of();
        for (account, count) in running.iter() {
            free.entry(*account)
                .and_modify(|free| *free = free.saturating_sub(*count));
        }
        let order = &directory.order;
        let start = if order.is_empty() {
            0
        } else {
            turn % order.len()
        };
        let mut slots = Vec::new();
        for id in order[start..].iter().chain(&order[..start]) {
            let entry = &directory.connections[id];
            let Some(free) = free
                .get_mut(&entry.account.id)
                .filter(|free| **free > 0 && left > 0)
            else {
                continue;
            };
            let lanes = (*free).min(left);
            *free -= lanes;
            left -= lanes;
            slots.push((*id, lanes));
        }
        slots
    }

    fn begin(
        self: Arc<Self>,
        directory: &directory::Directory,
        connection: ConnectionId,
    ) -> Permit {
        let account = directory
            .connections
            .get(&connection)
            .map(|entry| entry.account.id);
        if let Some(account) = account {
            *self
                .accounts
                .lock()
                .expect("nobody panics while counting")
                .entry(account)
                .or_default() += 1;
        }
        Permit {
            running: self,
            account,
        }
    }
}

/// One running attempt; dropping it makes room for the next.
struct Permit {
    running: Arc<Running>,
    account: Option<AccountId>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(account) = self.account {
            let mut accounts = self
                .running
                .accounts
                .lock()
                .expect("nobody panics while counting");
            if let Some(count) = accounts.get_mut(&account) {
                *count = count.saturating_sub(1);
            }
        }
        self.running.freed.notify_one();
    }
}
