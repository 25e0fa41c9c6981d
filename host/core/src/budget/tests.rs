//! No window holds more than its limit, whatever comes; and the provider's word counts.

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000;

fn budget(limit: u32, window_ms: u64, kind: BudgetKind) -> Budget {
    Budget::new(&BudgetSpec {
        name: "requests".into(),
        limit,
        window_ms,
        kind,
        per_request: 1,
        remaining_header: None,
        limit_header: None,
    })
}

/// What was granted, when requests of `units` come `gap` milliseconds after each other and each takes what it gets.
fn grants(budget: &mut Budget, requests: &[(i64, u32)]) -> Vec<(i64, u32)> {
    let mut now = 1_000_000;
    let mut granted = Vec::new();
    for (gap, units) in requests {
        now += gap;
        if let Ok(units) = budget.take(*units, Timestamp(now)) {
            granted.push((now, units));
        }
    }
    granted
}

fn requests() -> impl Strategy<Value = Vec<(i64, u32)>> {
    prop::collection::vec((0i64..4_000, 1u32..4), 1..200)
}

proptest! {
    #[test]
    fn a_rolling_window_never_holds_more_than_the_limit(requests in requests(), limit in 1u32..30, window in 1u64..20_000) {
        let granted = grants(&mut budget(limit, window, BudgetKind::Rolling), &requests);
        let window = i64::try_from(window).expect("small");
        for (end, _) in &granted {
            let inside: u32 = granted.iter().filter(|(at, _)| *at <= *end && *at > end - window).map(|(_, units)| units).sum();
            prop_assert!(inside <= limit, "{inside} > {limit}");
        }
    }

    #[test]
    fn a_fixed_window_never_holds_more_than_the_limit(requests in requests(), limit in 1u32..30, window in 1u64..20_000) {
        let granted = grants(&mut budget(limit, window, BudgetKind::Fixed), &requests);
        let window = i64::try_from(window).expect("small");
        let mut rest = granted.as_slice();
        while let Some((opened, _)) = rest.first() {
            let length = rest.iter().take_while(|(at, _)| *at < opened + window).count();
            let inside: u32 = rest[..length].iter().map(|(_, units)| units).sum();
            prop_assert!(inside <= limit, "{inside} > {limit}");
            rest = &rest[length..];
        }
    }

    #[test]
    fn who_comes_back_when_told_is_let_through(requests in requests(), limit in 1u32..30, rolling in any::<bool>()) {
        let kind = if rolling { BudgetKind::Rolling } else { BudgetKind::Fixed };
        let mut budget = budget(limit, 5_000, kind);
        let mut now = Timestamp(1_000_000);
        for (gap, units) in requests {
            now = Timestamp(now.0 + gap);
            if let Err(when) = budget.take(units, now) {
                prop_assert!(when > now);
                now = when;
                prop_assert!(budget.take(units, now).is_ok());
            }
        }
    }

    #[test]
    fn concurrency_never_exceeds_the_limit(steps in prop::collection::vec(any::<bool>(), 1..200), limit in 1u32..8) {
        let mut budget = budget(limit, 0, BudgetKind::Concurrency);
        let mut running = 0;
        for starts in steps {
            if starts {
                let let_through = budget.take(1, Timestamp(0)).is_ok();
                prop_assert_eq!(let_through, running < limit);
                running += u32::from(let_through);
            } else if running > 0 {
                budget.answered(1);
                running -= 1;
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_costs_at_most_a_window(back in 0i64..10_000_000, rolling in any::<bool>()) {
        let kind = if rolling { BudgetKind::Rolling } else { BudgetKind::Fixed };
        let mut budget = budget(1, MINUTE, kind);
        budget.take(1, Timestamp(20_000_000)).expect("nothing is used");
        let now = Timestamp(20_000_000 - back);
        let when = budget.take(1, now).expect_err("the window is full");
        prop_assert!(when.since(now) <= Duration::from_secs(61));
    }
}

#[test]
fn units_come_back_a_little_after_the_window() {
    let mut budget = budget(1, MINUTE, BudgetKind::Fixed);
    assert_eq!(budget.take(1, Timestamp(0)), Ok(1));
    assert_eq!(budget.take(1, Timestamp(60_999)), Err(Timestamp(61_000)));
    assert_eq!(budget.take(1, Timestamp(61_000)), Ok(1));
}

#[test]
fn a_request_in_the_slack_counts_in_both_windows() {
    let mut budget = budget(2, MINUTE, BudgetKind::Fixed);
    assert_eq!(budget.take(1, Timestamp(0)), Ok(1));
    assert_eq!(budget.take(1, Timestamp(60_500)), Ok(1));
    assert_eq!(budget.take(1, Timestamp(61_000)), Err(Timestamp(121_500)));
}

#[test]
fn nothing_remaining_empties_the_window() {
    let mut budget = budget(60, MINUTE, BudgetKind::Fixed);
    budget.take(1, Timestamp(0)).expect("nothing is used");
    budget.correct(None, Some(0), None, Timestamp(500));
    assert_eq!(budget.take(1, Timestamp(1_000)), Err(Timestamp(61_000)));
    assert_eq!(budget.take(1, Timestamp(61_000)), Ok(1));
}

#[test]
fn a_reset_says_when_to_come_back() {
    for kind in [
        BudgetKind::Fixed,
        BudgetKind::Rolling,
        BudgetKind::Concurrency,
    ] {
        let mut budget = budget(60, MINUTE, kind);
        budget.correct(None, Some(0), Some(Duration::from_secs(7)), Timestamp(0));
        assert_eq!(
            budget.take(1, Timestamp(1_000)),
            Err(Timestamp(7_000)),
            "{kind:?}"
        );
        assert_eq!(budget.take(1, Timestamp(7_000)), Ok(1), "{kind:?}");
    }
}

#[test]
fn more_remaining_than_counted_raises_nothing() {
    let mut budget = budget(1, MINUTE, BudgetKind::Fixed);
    budget.take(1, Timestamp(0)).expect("nothing is used");
    budget.correct(None, Some(50), None, Timestamp(1));
    assert!(budget.take(1, Timestamp(2)).is_err());
}

#[test]
fn a_reported_limit_replaces_the_descriptors() {
    let mut budget = budget(1, MINUTE, BudgetKind::Rolling);
    budget.correct(Some(3), None, None, Timestamp(0));
    assert_eq!(grants(&mut budget, &[(0, 1); 5]).len(), 3);
}

#[test]
fn what_never_left_costs_nothing() {
    for kind in [BudgetKind::Fixed, BudgetKind::Rolling] {
        let mut budget = budget(1, MINUTE, kind);
        let units = budget.take(1, Timestamp(0)).expect("nothing is used");
        budget.give_back(units, Timestamp(0));
        assert_eq!(budget.take(1, Timestamp(1)), Ok(1), "{kind:?}");
    }
}

#[test]
fn what_never_left_is_not_taken_off_a_later_window() {
    let mut budget = budget(1, MINUTE, BudgetKind::Fixed);
    let units = budget.take(1, Timestamp(0)).expect("nothing is used");
    budget
        .take(1, Timestamp(70_000))
        .expect("the first window is over");
    budget.give_back(units, Timestamp(0));
    assert!(budget.take(1, Timestamp(70_001)).is_err());
}

#[test]
fn a_request_dearer_than_a_window_takes_a_whole_one() {
    let mut budget = budget(5, MINUTE, BudgetKind::Fixed);
    assert_eq!(budget.take(9, Timestamp(0)), Ok(5));
    assert!(budget.take(1, Timestamp(1)).is_err());
}

#[test]
fn a_new_version_of_the_descriptor_forgets_nothing_that_was_used() {
    let mut budget = budget(2, MINUTE, BudgetKind::Fixed);
    budget.take(2, Timestamp(0)).expect("nothing is used");
    budget.adopt(&BudgetSpec {
        name: "requests".into(),
        limit: 3,
        window_ms: MINUTE,
        kind: BudgetKind::Fixed,
        per_request: 1,
        remaining_header: None,
        limit_header: None,
    });
    assert_eq!(budget.take(1, Timestamp(1)), Ok(1));
    assert!(budget.take(1, Timestamp(2)).is_err());
}
