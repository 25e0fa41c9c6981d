//! How an attempt ended, as the store keeps it. One `match`: the only place where an ending becomes a state.

use std::time::Duration;

use gladhand_core::attempt::{Cost, End, LogLine};
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::failure::{self, Circumstances, Decision, Failure, FailureKind};
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_core::retry::RetryPolicy;
use gladhand_runtime::Ended;
use gladhand_store::deliveries::{Claimed, Settlement};

/// What settling needs to know beside the ending.
pub struct Moment {
    /// Now.
    pub now: Timestamp,
    /// When the attempt began.
    pub started_at: Timestamp,
    /// Random in [0, 1).
    pub jitter: f64,
    /// The descriptor's.
    pub lookup_after: Duration,
}

/// The settlement of an ending; `None` where the lease is lost and nothing of the attempt counts.
pub fn settlement(
    ended: Ended,
    claimed: &Claimed,
    policy: &RetryPolicy,
    moment: &Moment,
    cost: Cost,
    log: Vec<LogLine>,
) -> Option<Settlement> {
    let mut settlement = Settlement {
        state: DeliveryState::Succeeded,
        outcome: None,
        failure: None,
        not_before: None,
        holds_lane: false,
        is_attempt: true,
        at: moment.now,
        started_at: moment.started_at,
        version: claimed.version.clone(),
        cost,
        log,
    };
    match ended {
        Ended::Outcome(outcome) => {
            settlement.state = match outcome {
                Outcome::Synced { .. } => DeliveryState::Succeeded,
                Outcome::Skipped { .. } => DeliveryState::Skipped,
            };
            settlement.outcome = Some(outcome);
        }
        Ended::End(End::Observed(reason)) => {
            settlement.state = DeliveryState::Skipped;
            settlement.outcome = Some(Outcome::Skipped {
                code: SkipCode::Observed,
                reason,
            });
        }
        Ended::End(End::Deferred { until, failure }) => {
            settlement.state = DeliveryState::Waiting;
            settlement.not_before = Some(until);
            settlement.is_attempt = false;
            settlement.failure = Some(failure);
        }
        Ended::End(End::TooManyCalls(limit)) => {
            let message =
                format!("the connector made more than {limit} HTTP calls for one delivery");
            fail(
                &mut settlement,
                Failure::new(FailureKind::TooManyCalls, message),
                claimed,
                policy,
                moment,
            );
        }
        Ended::End(End::Store(error)) => {
            let message = format!("the store did not answer while the delivery ran: {error}");
            fail(
                &mut settlement,
                Failure::new(FailureKind::Unavailable, message),
                claimed,
                policy,
                moment,
            );
        }
        Ended::End(End::LeaseLost) => return None,
        Ended::Failure(failure) => fail(&mut settlement, failure, claimed, policy, moment),
    }
    Some(settlement)
}

fn fail(
    settlement: &mut Settlement,
    failure: Failure,
    claimed: &Claimed,
    policy: &RetryPolicy,
    moment: &Moment,
) {
    let circumstances = Circumstances {
        attempts: claimed.delivery.attempts,
        queued_at: claimed.delivery.queued_at,
        now: moment.now,
        jitter: moment.jitter,
        lookup_after: moment.lookup_after,
    };
    (settlement.state, settlement.not_before) =
        match failure::decide(&failure, policy, &circumstances) {
            Decision::Retry(at) => (DeliveryState::Waiting, Some(at)),
            Decision::Defer(at) => {
                settlement.is_attempt = false;
                (DeliveryState::Waiting, Some(at))
            }
            Decision::Dead => (DeliveryState::Dead, None),
        };
    settlement.failure = Some(failure);
}
