//! No window holds more than its limit, whoever takes what; a backlog is sent evenly; and the provider's word counts.

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000;
/// When what was taken of a minute is back: a second for requests under way and one for slices.
const OVER: i64 = 62_000;
/// In which a minute's limit is sent at an even pace.
const PACE: i64 = 63_000;

fn spec(limit: u32, window_ms: u64, kind: BudgetKind) -> BudgetSpec {
    BudgetSpec {
        name: "requests".into(),
        limit,
        window_ms,
        kind,
        per_request: 1,
        remaining_header: None,
        limit_header: None,
    }
}

fn budget(limit: u32, window_ms: u64, kind: BudgetKind) -> Budget {
    Budget::new(&spec(limit, window_ms, kind))
}

fn ask(units: u32) -> Ask<'static> {
    Ask {
        holder: "host",
        in_use: 0,
        needed: units,
        wanted: units,
    }
}

/// Hosts that share one budget, each with its slice.
struct Hosts {
    spec: BudgetSpec,
    shared: Budget,
    shares: Vec<(String, Share)>,
    /// When each unit was spent.
    spent: Vec<i64>,
    orders: u32,
    now: i64,
}

impl Hosts {
    fn new(count: usize, spec: BudgetSpec) -> Self {
        Self {
            shared: Budget::new(&spec),
            spec,
            shares: (0..count)
                .map(|n| (n.to_string(), Share::default()))
                .collect(),
            spent: Vec::new(),
            orders: 0,
            now: 1_000_000,
        }
    }

    /// One host sends a request that costs `units`, or is told when to come back.
    fn send(&mut self, host: usize, units: u32) -> Result<(), Timestamp> {
        let (holder, share) = &mut self.shares[host];
        let now = Timestamp(self.now);
        if share.step(units, &self.shared, now) == Step::Ask {
            let order = share.order(units, &self.shared, now);
            let before = self.shared.clone();
            let got = order.carry_out(&mut self.shared, &self.spec, holder);
            self.orders += u32::from(before != self.shared);
            share.accept(&order, got, &self.shared);
        }
        match share.step(units, &self.shared, now) {
            Step::Spend => {
                share.spend(units, &self.shared);
                let counted = units.min(self.shared.limit());
                self.spent.extend((0..counted).map(|_| self.now));
                Ok(())
            }
            Step::Wait(until) => Err(until),
            Step::Ask => panic!("just asked"),
        }
    }

    /// All hosts send what they can for so long.
    fn flood(&mut self, duration: i64) {
        let end = self.now + duration;
        while self.now < end {
            let mut next = Timestamp(end);
            for host in 0..self.shares.len() {
                while let Some(until) = match self.send(host, 1) {
                    Ok(()) => Some(None),
                    Err(until) => {
                        next = next.min(until);
                        None
                    }
                } {
                    let _: Option<Timestamp> = until;
                }
            }
            self.now = next.0.max(self.now + 1);
        }
    }

    fn spent_within(&self, from: i64, length: i64) -> usize {
        let inside = |at: &&i64| (from..from + length).contains(*at);
        self.spent.iter().filter(inside).count()
    }
}

fn requests() -> impl Strategy<Value = Vec<(i64, usize, u32)>> {
    prop::collection::vec((0i64..2_000, 0usize..3, 1u32..4), 1..300)
}

proptest! {
    #[test]
    fn a_rolling_window_never_holds_more_than_the_limit(requests in requests(), limit in 1u32..30, window in 1u64..20_000) {
        let mut hosts = Hosts::new(3, spec(limit, window, BudgetKind::Rolling));
        for (gap, host, units) in requests {
            hosts.now += gap;
            let _told_when = hosts.send(host, units);
        }
        let window = window.cast_signed();
        for at in &hosts.spent {
            let inside = hosts.spent_within(at - window + 1, window);
            prop_assert!(inside <= limit as usize, "{inside} > {limit}");
        }
    }

    #[test]
    fn a_fixed_window_never_holds_more_than_the_limit_however_late_requests_arrive(
        requests in requests(),
        limit in 1u32..30,
        window in 100u64..20_000,
        late in prop::collection::vec(0i64..1_000, 32),
    ) {
        let spec = spec(limit, window, BudgetKind::Fixed);
        let slack = milliseconds(Budget::new(&spec).slack());
        let mut hosts = Hosts::new(3, spec);
        for (gap, host, units) in requests {
            hosts.now += gap;
            let _told_when = hosts.send(host, units);
        }
        let mut arrived: Vec<i64> = (0..).zip(&hosts.spent)
            .map(|(n, at): (usize, _)| at + late[n % late.len()] * slack / 1_000)
            .collect();
        arrived.sort_unstable();
        let mut rest = arrived.as_slice();
        while let Some(opened) = rest.first() {
            let inside = rest.iter().take_while(|at| **at < opened + window.cast_signed()).count();
            prop_assert!(inside <= limit as usize, "{inside} > {limit}");
            rest = &rest[inside..];
        }
    }

    #[test]
    fn who_comes_back_when_told_is_let_through(requests in requests(), limit in 1u32..30, rolling in any::<bool>()) {
        let kind = if rolling { BudgetKind::Rolling } else { BudgetKind::Fixed };
        let mut budget = budget(limit, 5_000, kind);
        let mut now = Timestamp(1_000_000);
        for (gap, _, units) in requests {
            now = Timestamp(now.0 + gap);
            if let Err(when) = budget.take(ask(units), now) {
                prop_assert!(when > now);
                prop_assert_eq!(budget.when(units, now), when);
                now = when;
                prop_assert!(budget.take(ask(units), now).is_ok());
            }
        }
    }

    #[test]
    fn the_whole_limit_is_usable_and_about_one_order_a_second_is_made(
        limit in 1u32..2_000,
        count in 1usize..4,
        rolling in any::<bool>(),
    ) {
        let kind = if rolling { BudgetKind::Rolling } else { BudgetKind::Fixed };
        let mut hosts = Hosts::new(count, spec(limit, MINUTE, kind));
        hosts.flood(3 * PACE);
        // A slice that dies at the end of a window, and one burst, are the most that hosts lose.
        let lost = (limit / 20 + BURST) * 3 + u32::try_from(count).expect("few");
        let expect = (3 * limit).saturating_sub(lost) as usize;
        prop_assert!(hosts.spent.len() >= expect, "{} < {expect}", hosts.spent.len());
        let seconds = 3 * 63 * u32::try_from(count).expect("few");
        prop_assert!(hosts.orders <= seconds * 3 / 2, "{} orders in {seconds} s", hosts.orders);
    }

    #[test]
    fn concurrency_never_exceeds_the_limit(steps in prop::collection::vec((0usize..3, any::<bool>(), 0i64..5_000), 1..300), limit in 1u32..8) {
        let mut hosts = Hosts::new(3, spec(limit, 0, BudgetKind::Concurrency));
        let mut running: [Vec<i64>; 3] = Default::default();
        for (host, starts, gap) in steps {
            hosts.now += gap;
            let now = Timestamp(hosts.now);
            for (host, running) in running.iter_mut().enumerate() {
                // No request lasts longer than this.
                running.retain(|began| {
                    let runs = hosts.now < began + 25_000;
                    if !runs {
                        hosts.shares[host].1.over(1, true, now, &hosts.shared);
                    }
                    runs
                });
            }
            if starts {
                if hosts.send(host, 1).is_ok() {
                    running[host].push(hosts.now);
                }
            } else if running[host].pop().is_some() {
                hosts.shares[host].1.over(1, true, now, &hosts.shared);
            }
            let all: usize = running.iter().map(Vec::len).sum();
            prop_assert!(all <= limit as usize, "{all} > {limit}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_costs_at_most_two_windows(back in 0i64..10_000_000, rolling in any::<bool>()) {
        let kind = if rolling { BudgetKind::Rolling } else { BudgetKind::Fixed };
        let mut budget = budget(1, MINUTE, kind);
        budget.take(ask(1), Timestamp(20_000_000)).expect("nothing is used");
        let now = Timestamp(20_000_000 - back);
        let when = budget.take(ask(1), now).expect_err("the window is full");
        prop_assert!(when.since(now) <= Duration::from_secs(2 * 63));
    }

    #[test]
    fn what_is_stored_is_what_it_was(requests in requests(), kind in prop::sample::select(&[BudgetKind::Fixed, BudgetKind::Rolling, BudgetKind::Concurrency][..])) {
        let mut hosts = Hosts::new(3, spec(20, MINUTE, kind));
        for (gap, host, units) in requests {
            hosts.now += gap;
            let _told_when = hosts.send(host, units);
        }
        hosts.shared.correct(Some(30), Some(7), Some(Duration::from_secs(9)), Timestamp(hosts.now));
        let stored = serde_json::to_value(&hosts.shared).expect("it is JSON");
        prop_assert_eq!(serde_json::from_value::<Budget>(stored).expect("its own"), hosts.shared);
    }
}

#[test]
fn a_backlog_is_sent_evenly_after_a_small_burst() {
    for count in [1, 2] {
        for kind in [BudgetKind::Fixed, BudgetKind::Rolling] {
            let mut hosts = Hosts::new(count, spec(60, MINUTE, kind));
            let begin = hosts.now;
            hosts.flood(10 * PACE);
            let first = hosts.spent_within(begin, 500);
            assert!((4..=8).contains(&first), "{first} at once, {kind:?}");
            for minute in 2..10 {
                for second in 0..60 {
                    let from = begin + minute * PACE + second * 1_000;
                    let inside = hosts.spent_within(from, 2_000);
                    assert!(inside <= 4, "{inside} in two seconds, {kind:?}");
                }
            }
        }
    }
}

#[test]
fn a_single_contact_of_an_idle_account_does_not_wait() {
    let mut hosts = Hosts::new(1, spec(60, MINUTE, BudgetKind::Fixed));
    for _ in 0..BURST {
        hosts.send(0, 1).expect("a burst");
    }
    assert_eq!(hosts.orders, 1, "one order for all of them");
}

#[test]
fn a_slice_with_units_left_asks_nobody() {
    let mut hosts = Hosts::new(1, spec(60_000, MINUTE, BudgetKind::Rolling));
    for _ in 0..900 {
        hosts.send(0, 1).expect("a second's worth");
    }
    assert_eq!(hosts.orders, 1);
}

#[test]
fn what_was_not_spent_of_a_slice_comes_back_with_the_next_order() {
    let mut hosts = Hosts::new(1, spec(4, MINUTE, BudgetKind::Fixed));
    hosts.send(0, 1).expect("one of four");
    hosts.now += 5_000;
    hosts.send(0, 3).expect("the other three");
    hosts.send(0, 1).expect_err("all four are spent");
}

#[test]
fn units_come_back_when_the_window_is_certainly_over() {
    let mut budget = budget(2, MINUTE, BudgetKind::Fixed);
    assert!(budget.take(ask(2), Timestamp(0)).is_ok());
    let over = Timestamp(OVER);
    assert_eq!(budget.take(ask(1), Timestamp(OVER - 1)), Err(over));
    assert!(budget.take(ask(1), over).is_ok());
}

#[test]
fn nothing_remaining_empties_the_window() {
    let mut budget = budget(60, MINUTE, BudgetKind::Fixed);
    budget.take(ask(1), Timestamp(0)).expect("nothing is used");
    budget.correct(None, Some(0), None, Timestamp(500));
    let over = Timestamp(OVER);
    assert_eq!(budget.take(ask(1), Timestamp(1_500)), Err(over));
    assert!(budget.take(ask(1), over).is_ok());
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
        let reset = Timestamp(7_000);
        let now = Timestamp(1_000);
        assert_eq!(budget.take(ask(1), now), Err(reset), "{kind:?}");
        assert!(budget.take(ask(1), reset).is_ok(), "{kind:?}");
    }
}

#[test]
fn more_remaining_than_counted_raises_nothing() {
    let mut budget = budget(1, MINUTE, BudgetKind::Fixed);
    budget.take(ask(1), Timestamp(0)).expect("nothing is used");
    budget.correct(None, Some(50), None, Timestamp(1));
    assert!(budget.take(ask(1), Timestamp(2)).is_err());
}

#[test]
fn a_reported_limit_replaces_the_descriptors() {
    let mut budget = budget(1, MINUTE, BudgetKind::Rolling);
    budget.correct(Some(3), None, None, Timestamp(0));
    assert_eq!(budget.take(ask(9), Timestamp(0)).expect("three").units, 3);
}

#[test]
fn what_never_left_is_not_taken_off_a_later_window() {
    let mut budget = budget(1, MINUTE, BudgetKind::Fixed);
    budget.take(ask(1), Timestamp(0)).expect("nothing is used");
    budget
        .take(ask(1), Timestamp(70_000))
        .expect("the first window is over");
    budget.give_back(1, Timestamp(0));
    assert!(budget.take(ask(1), Timestamp(70_001)).is_err());
}

#[test]
fn a_request_dearer_than_a_window_takes_a_whole_one() {
    let mut budget = budget(5, MINUTE, BudgetKind::Fixed);
    assert_eq!(budget.take(ask(9), Timestamp(0)).expect("all").units, 5);
    assert!(budget.take(ask(1), Timestamp(1)).is_err());
}

#[test]
fn a_new_version_of_the_descriptor_forgets_nothing_that_was_used() {
    let mut budget = budget(2, MINUTE, BudgetKind::Fixed);
    budget.take(ask(2), Timestamp(0)).expect("nothing is used");
    budget.adopt(&spec(3, MINUTE, BudgetKind::Fixed));
    let when = budget.when(1, Timestamp(1));
    assert!(budget.take(ask(1), when).is_ok());
    assert!(budget.take(ask(1), when).is_err());
}

#[test]
fn an_attempt_starts_when_its_calls_fit_into_its_time() {
    let within = Duration::from_secs(14);
    let mut budget = budget(60, MINUTE, BudgetKind::Fixed);
    let now = Timestamp(0);
    assert_eq!(budget.start(8, within, now), now, "an idle account");
    while budget.take(ask(1), now).is_ok() {}
    assert_eq!(budget.start(8, within, now), now, "eight take nine seconds");
    let start = budget.start(20, within, now);
    assert!((6_000..7_000).contains(&start.0), "{start}: twenty do not");
    let start = budget.start(50, within, now);
    assert!(
        start > now && start <= Timestamp(7_000),
        "{start}: fifty never do, and begin when the burst is back"
    );
}

#[test]
fn a_host_that_holds_every_slot_comes_down_to_its_share_when_another_waits() {
    let mut hosts = Hosts::new(2, spec(4, 0, BudgetKind::Concurrency));
    for _ in 0..4 {
        hosts.send(0, 1).expect("nobody else wants it");
    }
    hosts.send(1, 1).expect_err("all are held");
    let now = Timestamp(hosts.now);
    for _ in 0..3 {
        hosts.shares[0].1.over(1, true, now, &hosts.shared);
    }
    hosts.now += 31_000;
    hosts.send(0, 1).expect("it renews what it uses");
    hosts.now += 1_000;
    hosts.send(1, 1).expect("the rest is free");
}
