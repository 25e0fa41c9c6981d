//! How an attempt ended, as the store keeps it. One `match`: the only place where an ending becomes a state.

use std::time::Duration;

use gladhand_core::attempt::{Cost, End, LastRequest, LogLine};
use gladhand_core::clock::Timestamp;
use gladhand_core::connection::{OnDead, Policy};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::failure::{self, Circumstances, Consequence, Failure, FailureKind, Fate, Tally};
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_egress::Verdict;
use gladhand_runtime::{Ended, Report};
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
    /// How long the connection or its account was paused since the delivery was queued.
    pub paused: Duration,
    /// The attempt was shown a write of unknown outcome and did not find out what became of it.
    pub is_unresolved: bool,
    /// It was to find out whether the CRM works again, and it does not: then it is no attempt, and waits until then.
    pub probe_failed: Option<Timestamp>,
}

/// The settlement of an ending and what follows for others; `None` where the lease is lost and nothing of the attempt
/// counts.
pub fn settlement(
    ended: Ended,
    claimed: &Claimed,
    policy: &Policy,
    moment: &Moment,
    cost: Cost,
    log: Vec<LogLine>,
) -> Option<(Settlement, Consequence)> {
    let mut settlement = Settlement {
        state: DeliveryState::Succeeded,
        outcome: None,
        failure: None,
        not_before: None,
        holds_lane: false,
        unsettled: None,
        is_attempt: true,
        at: moment.now,
        started_at: moment.started_at,
        version: claimed.version.clone(),
        cost,
        log,
    };
    let skip = |settlement: &mut Settlement, code, reason| {
        settlement.state = DeliveryState::Skipped;
        settlement.outcome = Some(Outcome::Skipped { code, reason });
    };
    let failure = match ended {
        Ended::Outcome(Outcome::Skipped { code, reason }) => {
            skip(&mut settlement, code, reason);
            return Some((settlement, Consequence::None));
        }
        Ended::Outcome(outcome @ Outcome::Synced { .. }) => {
            settlement.outcome = Some(outcome);
            return Some((settlement, Consequence::None));
        }
        Ended::End(End::Observed(reason)) => {
            skip(&mut settlement, SkipCode::Observed, reason);
            return Some((settlement, Consequence::None));
        }
        Ended::End(End::Deferred { until, failure }) => {
            defer(&mut settlement, *failure, claimed, until);
            return Some((settlement, Consequence::None));
        }
        // Nobody's fault whose delivery it is: however long the store is away, nothing dies of it.
        Ended::End(End::Store(error)) => {
            let message = format!("the store did not answer while the delivery ran: {error}");
            let failure = Failure::new(FailureKind::Unavailable, message);
            let wait = policy.retry.delay(1, moment.jitter);
            defer(&mut settlement, failure, claimed, moment.now.after(wait));
            return Some((settlement, Consequence::None));
        }
        Ended::End(End::LeaseLost) => return None,
        Ended::End(End::TooManyCalls(limit)) => Failure::new(
            FailureKind::TooManyCalls,
            format!("the connector made more than {limit} HTTP calls for one delivery"),
        ),
        Ended::Failure(failure) => failure,
    };
    let consequence = fail(&mut settlement, failure, claimed, policy, moment);
    Some((settlement, consequence))
}

/// How the attempt went, as the account's breaker sees it.
///
/// Here and not in egress, request by request: only the connector knows whether a 500 is an outage or, as some CRMs
/// have it, a refused token or value, and it says so by the kind of its failure.
pub fn verdict(report: &Report) -> Verdict {
    match (&report.ended, report.attempt.last_request) {
        (Ended::Failure(failure), LastRequest::Troubled)
            if failure.kind == FailureKind::Unavailable =>
        {
            Verdict::Trouble
        }
        (Ended::Outcome(_) | Ended::Failure(_), LastRequest::Answered) => Verdict::Well,
        _ => Verdict::Unknown,
    }
}

fn defer(settlement: &mut Settlement, mut failure: Failure, claimed: &Claimed, until: Timestamp) {
    failure.tally = tally(claimed);
    settlement.state = DeliveryState::Waiting;
    settlement.not_before = Some(until);
    settlement.is_attempt = false;
    settlement.failure = Some(failure);
}

fn fail(
    settlement: &mut Settlement,
    mut failure: Failure,
    claimed: &Claimed,
    policy: &Policy,
    moment: &Moment,
) -> Consequence {
    let circumstances = Circumstances {
        attempts: claimed.delivery.attempts,
        queued_at: claimed.delivery.queued_at,
        paused: moment.paused,
        now: moment.now,
        jitter: moment.jitter,
        lookup_after: moment.lookup_after,
        tally: tally(claimed),
        is_unresolved: moment.is_unresolved,
    };
    let (decision, tally) = failure::decide(&failure, &policy.retry, &circumstances);
    failure.tally = tally;
    settlement.failure = Some(failure);
    settlement.state = DeliveryState::Waiting;
    match (decision.fate, moment.probe_failed) {
        (Fate::Dead, _) => {
            settlement.state = DeliveryState::Dead;
            settlement.holds_lane = policy.on_dead == OnDead::Hold;
        }
        (Fate::Retry(at), None) => settlement.not_before = Some(at),
        (Fate::Defer(at), None) | (_, Some(at)) => {
            settlement.is_attempt = false;
            settlement.not_before = Some(at);
        }
    }
    decision.consequence
}

fn tally(claimed: &Claimed) -> Tally {
    let delivery = &claimed.delivery;
    Tally::of(delivery.failure.as_ref(), delivery.queued_at)
}

#[cfg(test)]
mod tests;
