//! Every row of the table, and what holds for all of them.

use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_hours(24);
const SOON: Duration = Duration::from_secs(1);

fn circumstances(attempts: u32, waited: Duration) -> Circumstances {
    Circumstances {
        attempts,
        queued_at: Timestamp(0),
        paused: Duration::ZERO,
        now: Timestamp(0).after(waited),
        jitter: 1.0,
        lookup_after: Duration::from_mins(1),
        tally: Tally::default(),
        is_unresolved: false,
    }
}

fn decision(kind: FailureKind, circumstances: &Circumstances) -> Decision {
    let failure = Failure::new(kind, "x");
    decide(&failure, &RetryPolicy::STANDARD, circumstances).0
}

#[track_caller]
fn check(kind: FailureKind, attempts: u32, waited: Duration, expect: Fate) {
    let decision = decision(kind, &circumstances(attempts, waited));
    assert_eq!(decision.fate, expect, "{kind}");
}

/// What becomes of a delivery that fails with one kind after the other.
fn course(kinds: &[FailureKind], is_unresolved: bool) -> Vec<Fate> {
    let mut tally = Tally::default();
    let mut fates = Vec::new();
    for (attempts, kind) in (1..).zip(kinds) {
        let circumstances = Circumstances {
            tally,
            is_unresolved,
            ..circumstances(attempts, SOON)
        };
        let failure = Failure::new(*kind, "x");
        let (decision, after) = decide(&failure, &RetryPolicy::STANDARD, &circumstances);
        tally = after;
        fates.push(decision.fate);
    }
    fates
}

#[track_caller]
fn check_dies_at(kinds: &[FailureKind], is_unresolved: bool, expect: Option<usize>) {
    let dead = course(kinds, is_unresolved)
        .iter()
        .position(|fate| *fate == Fate::Dead);
    assert_eq!(dead, expect, "{kinds:?}");
}

#[test]
fn what_may_pass_is_retried_until_a_day_is_over() {
    check(
        FailureKind::Unavailable,
        1,
        SOON,
        Fate::Retry(Timestamp(6_000)),
    );
    check(FailureKind::Unavailable, 900, DAY, Fate::Dead);
}

#[test]
fn a_day_in_a_pause_is_no_day() {
    let waited = Circumstances {
        paused: DAY,
        ..circumstances(1, (2 * DAY).saturating_sub(SOON))
    };
    let retried = decision(FailureKind::Unavailable, &waited).fate;
    assert!(matches!(retried, Fate::Retry(_)), "{retried:?}");
    let waited = Circumstances {
        paused: DAY,
        ..circumstances(1, 2 * DAY)
    };
    assert_eq!(decision(FailureKind::Unavailable, &waited).fate, Fate::Dead);
}

#[test]
fn what_the_crm_refuses_dies_at_once() {
    for kind in [
        FailureKind::Invalid,
        FailureKind::Unsupported,
        FailureKind::Conflict,
    ] {
        check(kind, 1, SOON, Fate::Dead);
    }
}

#[test]
fn a_rate_limit_is_no_attempt_and_holds_the_account() {
    for (hint, wait) in [
        (None, 5_000),
        (Some(0), 1_000),
        (Some(30_000), 30_000),
        (Some(u64::MAX), 86_400_000),
    ] {
        let failure = Failure {
            retry_after_ms: hint,
            ..Failure::new(FailureKind::RateLimited, "x")
        };
        let (decision, _) = decide(
            &failure,
            &RetryPolicy::STANDARD,
            &circumstances(1, Duration::ZERO),
        );
        let expect = Decision {
            fate: Fate::Defer(Timestamp(wait)),
            consequence: Consequence::HoldAccount(Duration::from_millis(wait.cast_unsigned())),
        };
        assert_eq!(decision, expect);
    }
}

#[test]
fn an_unknown_write_waits_until_looking_proves_something() {
    check(
        FailureKind::Indeterminate,
        1,
        SOON,
        Fate::Retry(Timestamp(61_000)),
    );
}

#[test]
fn a_connector_that_looked_three_times_and_found_nothing_out_has_no_lookup() {
    use FailureKind::{Indeterminate, Unavailable};
    check_dies_at(&[Indeterminate; 9], true, Some(2));
    check_dies_at(&[Indeterminate; 9], false, None);
    let interrupted = [Indeterminate, Indeterminate, Unavailable, Indeterminate];
    check_dies_at(&interrupted, true, None);
}

#[test]
fn a_faulty_connector_gets_three_attempts_and_an_outage_uses_none_of_them_up() {
    use FailureKind::{BudgetExhausted, Memory, Trap, Unavailable};
    check_dies_at(&[Trap, Memory, Trap], false, Some(2));
    check_dies_at(
        &[
            Unavailable,
            Unavailable,
            Unavailable,
            Trap,
            BudgetExhausted,
            Trap,
            Trap,
        ],
        false,
        Some(6),
    );
}

#[test]
fn a_stale_link_is_resolved_again_once() {
    use FailureKind::{Gone, Merged, NotFound};
    for kind in [Gone, Merged, NotFound] {
        check_dies_at(&[kind, NotFound], false, Some(1));
    }
}

#[test]
fn what_a_person_must_mend_kills_nothing_however_long_it_takes() {
    use FailureKind::{Auth, Configuration, Permission};
    for (kind, consequence) in [
        (Auth, Consequence::PauseAccount),
        (Permission, Consequence::StrikeConnection),
        (Configuration, Consequence::StrikeConnection),
    ] {
        let decision = decision(kind, &circumstances(4_000, 100 * DAY));
        assert_ne!(decision.fate, Fate::Dead, "{kind}");
        assert_eq!(decision.consequence, consequence, "{kind}");
    }
}

#[test]
fn a_delivery_that_was_queued_again_begins_anew() {
    let mut last = Failure::new(FailureKind::Trap, "x");
    last.tally = Tally {
        queued_at: Timestamp(5),
        faults: 2,
        ..Tally::default()
    };
    assert_eq!(Tally::of(Some(&last), Timestamp(5)).faults, 2);
    assert_eq!(Tally::of(Some(&last), Timestamp(6)).faults, 0);
    assert_eq!(Tally::of(None, Timestamp(6)).queued_at, Timestamp(6));
}

fn any_kind() -> impl Strategy<Value = FailureKind> {
    prop::sample::select(FailureKind::ALL)
}

proptest! {
    #[test]
    fn nothing_is_tried_again_in_the_past_or_after_more_than_a_day(
        kind in any_kind(),
        attempts in 1u32..1_000,
        waited in 0u64..200_000_000,
        hint in proptest::option::of(any::<u64>()),
        jitter in 0.0f64..1.0,
    ) {
        let now = Timestamp(0).after(Duration::from_millis(waited));
        let circumstances = Circumstances { jitter, ..circumstances(attempts, Duration::from_millis(waited)) };
        let failure = Failure { retry_after_ms: hint, ..Failure::new(kind, "x") };
        let (decision, _) = decide(&failure, &RetryPolicy::STANDARD, &circumstances);
        if let Fate::Retry(at) | Fate::Defer(at) = decision.fate {
            prop_assert!(at > now && at <= now.after(DAY), "{kind}: {at} after {now}");
        }
    }

    #[test]
    fn every_delivery_that_only_fails_by_its_own_fault_dies(kind in prop::sample::select(&[
        FailureKind::Trap, FailureKind::Memory, FailureKind::TooManyCalls, FailureKind::EgressRefused,
        FailureKind::Deadline, FailureKind::Internal, FailureKind::NotFound, FailureKind::Conflict,
    ][..])) {
        prop_assert!(course(&[kind; 3], false).contains(&Fate::Dead));
    }
}

#[test]
fn what_counts_against_the_version_is_what_gets_few_tries() {
    for kind in FailureKind::ALL {
        let failure = Failure::new(*kind, "x");
        let circumstances = circumstances(1, SOON);
        let (_, tally) = decide(&failure, &RetryPolicy::STANDARD, &circumstances);
        assert_eq!(kind.is_of_version(), tally.faults == 1, "{kind}");
    }
}
