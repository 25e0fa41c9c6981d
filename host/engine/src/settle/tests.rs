//! Every way an attempt can end, as the store gets it.

use gladhand_core::attempt::{Attempt, Lease};
use gladhand_core::connection::Mode;
use gladhand_core::delivery::Delivery;
use gladhand_core::event::EventKind;
use gladhand_core::ids::{AccountId, AttemptId, ConnectionId, DeliveryId, EventId, LeaseToken};
use gladhand_core::lane::Priority;
use gladhand_core::port;
use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::happening::AttemptSettled;

const NOW: Timestamp = Timestamp(1_000_000);

/// The test-only ids are all zero: nothing here looks at them.
fn claimed() -> Claimed {
    let zero = LeaseToken::from_uuid(
        "lse_00000000000000000000000000000000"
            .parse::<LeaseToken>()
            .expect("an id")
            .uuid(),
    );
    let nil = zero.uuid();
    Claimed {
        lease: Lease {
            token: zero,
            connection: ConnectionId::from_uuid(nil),
            contact: "7".to_owned(),
            delivery: DeliveryId::from_uuid(nil),
            attempt: AttemptId::from_uuid(nil),
            until: Duration::MAX.into(),
        },
        delivery: Delivery {
            id: DeliveryId::from_uuid(nil),
            event_id: EventId::from_uuid(nil),
            connection: ConnectionId::from_uuid(nil),
            lane: "7".to_owned(),
            kind: Some(EventKind::ContactChanged),
            event_name: "contact_updated".to_owned(),
            state: DeliveryState::Running,
            attempts: 1,
            outcome: None,
            failure: None,
            not_before: None,
            received_at: NOW,
            is_sync: false,
            queued_at: NOW,
            settled_at: None,
            version: None,
        },
        body: Vec::new(),
        contact_body: None,
        journalled: Vec::new(),
        unsettled: Vec::new(),
        is_again: false,
        version: None,
        priority: Priority::Live,
        is_overtaken: false,
    }
}

fn moment() -> Moment {
    Moment {
        now: NOW,
        started_at: NOW,
        jitter: 1.0,
        lookup_after: Duration::from_mins(1),
        paused: Duration::ZERO,
        is_unresolved: false,
        probe_failed: None,
    }
}

fn settled(ended: Ended, policy: &Policy, moment: &Moment) -> (Settlement, Consequence) {
    settlement(
        ended,
        &claimed(),
        policy,
        moment,
        Cost::default(),
        Vec::new(),
    )
    .expect("it is settled")
}

fn failed(kind: FailureKind) -> Ended {
    Ended::Failure(Failure::new(kind, "x"))
}

#[track_caller]
fn check(ended: Ended, state: DeliveryState, is_attempt: bool, not_before: Option<i64>) {
    let (settlement, _) = settled(ended, &Policy::default(), &moment());
    assert_eq!(
        (
            settlement.state,
            settlement.is_attempt,
            settlement.not_before
        ),
        (
            state,
            is_attempt,
            not_before.map(|wait| Timestamp(NOW.0 + wait))
        ),
        "{settlement:#?}"
    );
}

#[test]
fn every_ending_has_its_state() {
    use DeliveryState::{Dead, Skipped, Succeeded, Waiting};
    let synced = Outcome::Synced {
        changes: Vec::new(),
    };
    check(Ended::Outcome(synced), Succeeded, true, None);
    let skipped = Outcome::Skipped {
        code: SkipCode::Unchanged,
        reason: String::new(),
    };
    check(Ended::Outcome(skipped), Skipped, true, None);
    check(
        Ended::End(End::Observed("POST".into())),
        Skipped,
        true,
        None,
    );
    let deferred = End::Deferred {
        until: Timestamp(NOW.0 + 7),
        failure: Box::new(Failure::new(FailureKind::BudgetExhausted, "x")),
    };
    check(Ended::End(deferred), Waiting, false, Some(7));
    check(
        Ended::End(End::TooManyCalls(50)),
        Waiting,
        true,
        Some(5_000),
    );
    let store = port::Error::Unavailable("no database".into());
    check(Ended::End(End::Store(store)), Waiting, false, Some(5_000));
    check(failed(FailureKind::Unavailable), Waiting, true, Some(5_000));
    check(
        failed(FailureKind::RateLimited),
        Waiting,
        false,
        Some(5_000),
    );
    check(failed(FailureKind::Auth), Waiting, false, Some(1_000));
    check(failed(FailureKind::Invalid), Dead, true, None);
}

#[test]
fn a_lost_lease_settles_nothing() {
    let ended = Ended::End(End::LeaseLost);
    let (policy, moment) = (Policy::default(), moment());
    let settled = settlement(
        ended,
        &claimed(),
        &policy,
        &moment,
        Cost::default(),
        Vec::new(),
    );
    assert!(settled.is_none());
}

#[test]
fn a_dead_head_holds_its_lane_where_the_connection_says_so() {
    for (on_dead, holds) in [(OnDead::Continue, false), (OnDead::Hold, true)] {
        let policy = Policy {
            on_dead,
            ..Policy::default()
        };
        let (dead, _) = settled(failed(FailureKind::Invalid), &policy, &moment());
        assert_eq!(dead.holds_lane, holds);
        let (waiting, _) = settled(failed(FailureKind::Unavailable), &policy, &moment());
        assert!(!waiting.holds_lane, "what is tried again holds it anyway");
    }
}

#[test]
fn a_probe_that_fails_is_no_attempt_and_waits_for_the_next() {
    let moment = Moment {
        probe_failed: Some(Timestamp(NOW.0 + 30_000)),
        ..moment()
    };
    let (settlement, _) = settled(
        failed(FailureKind::Unavailable),
        &Policy::default(),
        &moment,
    );
    assert_eq!(settlement.not_before, moment.probe_failed);
    assert!(!settlement.is_attempt);
}

#[test]
fn a_deferral_keeps_what_the_delivery_went_through() {
    let mut claimed = claimed();
    let mut last = Failure::new(FailureKind::Trap, "x");
    last.tally = Tally {
        queued_at: NOW,
        faults: 2,
        ..Tally::default()
    };
    claimed.delivery.failure = Some(last);
    let deferred = || {
        Ended::End(End::Deferred {
            until: NOW,
            failure: Box::new(Failure::new(FailureKind::BudgetExhausted, "x")),
        })
    };
    let settle = |ended, claimed: &Claimed| {
        let policy = Policy::default();
        settlement(
            ended,
            claimed,
            &policy,
            &moment(),
            Cost::default(),
            Vec::new(),
        )
        .expect("it is settled")
        .0
    };
    claimed.delivery.failure = settle(deferred(), &claimed).failure;
    assert_eq!(
        settle(failed(FailureKind::Trap), &claimed).state,
        DeliveryState::Dead
    );
}

#[test]
fn only_an_outage_counts_for_the_breaker() {
    use LastRequest::{Answered, None, Troubled};
    for (ended, last_request, expect) in [
        (failed(FailureKind::Unavailable), Troubled, Verdict::Trouble),
        (failed(FailureKind::Auth), Troubled, Verdict::Unknown),
        (failed(FailureKind::Invalid), Answered, Verdict::Well),
        (failed(FailureKind::Unavailable), None, Verdict::Unknown),
        (Ended::End(End::TooManyCalls(1)), Answered, Verdict::Unknown),
    ] {
        let claimed = claimed();
        let account = AccountId::from_uuid(claimed.lease.token.uuid());
        let mut attempt = Attempt::new(claimed.lease, account, 1, Mode::Live, 1, Vec::new());
        attempt.last_request = last_request;
        let report = Report {
            ended,
            attempt,
            cost: Cost::default(),
            log: Vec::new(),
        };
        assert_eq!(verdict(&report), expect, "{:?}", report.ended);
    }
}

#[test]
fn what_the_crm_put_off_counts_as_its_error_and_what_the_host_put_off_does_not() {
    use FailureKind as K;
    let recorder = PrometheusBuilder::new().build_recorder();
    let told = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        for kind in K::ALL {
            let (settlement, _) = settled(failed(*kind), &Policy::default(), &moment());
            AttemptSettled {
                claimed: &claimed(),
                settlement: &settlement,
                provider: "crm",
                connection: "main",
            }
            .tell();
        }
    });
    let told = told.render();
    let is_told = |kind: &&FailureKind| {
        let line = format!("crm_errors_total{{provider=\"crm\",kind=\"{kind}\"}} 1");
        told.lines().any(|said| said == line)
    };
    let untold: Vec<FailureKind> = K::ALL
        .iter()
        .filter(|kind| !is_told(kind))
        .copied()
        .collect();
    let by_the_host = [
        K::BreakerOpen,
        K::BudgetExhausted,
        K::VersionRefused,
        K::ConnectionPaused,
    ];
    assert_eq!(untold, by_the_host, "{told}");
}
