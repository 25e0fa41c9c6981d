//! Two hosts on one PostgreSQL: a lane is one host's as long as it works on it, and no longer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gladhand_core::delivery::DeliveryState;
use gladhand_store::Deliveries as _;
use gladhand_tests::fault::{Fault, Matcher, Rule, Work};

use crate::bed::{appears, jane, until};
use crate::shared::{Given, Leased, Shared, crowd, eventually};

const PERSONS: &str = "/api/v1/contacts/persons";
const LEADS: &str = "/api/v1/leads";

/// What the hosts work on once nothing moves any more before the clock does: requests that wait for the CRM's limit.
async fn stuck(shared: &Shared) -> Vec<Leased> {
    const STILL: u32 = 20;
    const TRIES: u32 = 1_000;
    let (mut last, mut still) = ((Vec::new(), 0), 0);
    for _ in 0..TRIES {
        let leased = shared.leased().await;
        let tokens: Vec<String> = leased.iter().map(|leased| leased.token.clone()).collect();
        let waits = !tokens.is_empty() && !shared.clock.sleepers().is_empty();
        let seen = (tokens, shared.crm.request_count());
        still = if waits && seen == last { still + 1 } else { 0 };
        if still == STILL {
            return leased;
        }
        last = seen;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no request waits for the clock: {last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_outlasts_its_lease_keeps_its_lane() {
    let given = Given {
        // Ten at once and then one a second, of a second that does not pass.
        throttle: 60,
        limits: "request_secs = 1\nlease_secs = 5",
        ..Given::default()
    };
    let shared = Shared::new(11, given).await;
    shared.send("many", &crowd(6)).await;
    let held = stuck(&shared).await;
    let ends = held.iter().map(|leased| leased.until).max();
    let ends = ends.expect("somebody waits");
    eventually("the leases of then are over", async || {
        shared.database_clock().await > ends
    })
    .await;

    let now = shared.database_clock().await;
    let renewed = shared.leased().await;
    for Leased { token, .. } in &held {
        let same = renewed.iter().find(|leased| leased.token == *token);
        let same = same.expect("nobody else has taken the lane");
        assert!(same.until > now, "and nobody may");
    }
    let deliveries = shared.finish().await;
    for delivery in &deliveries {
        assert_eq!(delivery.state, DeliveryState::Succeeded, "{delivery:#?}");
        let shown = shared.hosts[0].host.store.show(delivery.id).await;
        let attempts = shown.expect("a read").expect("it is kept").attempts;
        let is_whole = attempts.iter().all(|attempt| attempt.settled_at.is_some());
        assert!(is_whole, "no attempt was cut short: {attempts:#?}");
    }
    let snapshot = shared.crm.snapshot();
    assert_eq!((snapshot.persons.len(), snapshot.leads.len()), (6, 6));
    shared.stop().await;
}

/// While the CRM keeps the answer to a create back, somebody else takes the lane. What the attempt asks for next is
/// refused, and whoever has the lane afterwards finishes, once.
async fn check_refused(number: u32, path: &str, sent_before: &[&str]) {
    let shared = Shared::new(number, Given::default()).await;
    let before = shared.counted("gladhand_stale_attempts_total").await;
    let late = Fault::Hang {
        hold_ms: 1_500,
        work: Work::Before,
    };
    let crm = &shared.crm;
    crm.inject(Rule::new(Matcher::of("POST", path), late));
    shared.send("stale", &appears(jane())).await;
    until(|| {
        crm.requests()
            .iter()
            .any(|seen| seen.method == "POST" && seen.path == path)
    })
    .await;
    shared
        .change_leases("lease_token = gen_random_uuid()")
        .await;
    eventually("the attempt is refused", async || {
        shared.counted("gladhand_stale_attempts_total").await > before
    })
    .await;
    let creates = || -> Vec<String> {
        let requests = crm.requests().into_iter();
        let posts = requests.filter(|seen| seen.method == "POST");
        posts.map(|seen| seen.path).collect()
    };
    assert_eq!(
        creates(),
        sent_before,
        "nothing left after the lane was lost"
    );
    let deliveries = shared.deliveries().await;
    assert_eq!(
        deliveries[0].state,
        DeliveryState::Running,
        "it settled nothing"
    );

    shared.change_leases("lease_until = 0").await;
    let deliveries = shared.finish().await;
    assert_eq!(
        deliveries[0].state,
        DeliveryState::Succeeded,
        "{deliveries:#?}"
    );
    assert_eq!(creates(), [PERSONS, LEADS], "each was made once");
    let snapshot = crm.snapshot();
    assert_eq!((snapshot.persons.len(), snapshot.leads.len()), (1, 1));
    shared.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lane_may_not_begin_another_write() {
    check_refused(12, PERSONS, &[PERSONS]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lane_may_not_settle() {
    check_refused(13, LEADS, &[PERSONS, LEADS]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_together_run_no_more_attempts_of_an_account_than_it_may_have() {
    const CONCURRENCY: usize = 2;
    const PEOPLE: usize = 24;
    let given = Given {
        concurrency: 2,
        ..Given::default()
    };
    let shared = Shared::new(14, given).await;
    shared.crm.set_latency(Duration::from_millis(5));
    shared.send("crowd", &crowd(24)).await;
    let most = AtomicUsize::new(0);
    eventually("everybody is in the CRM", async || {
        let leased = shared.leased().await.len();
        most.fetch_max(leased, Ordering::Relaxed);
        shared.clock.advance(Duration::from_millis(100));
        shared.crm.snapshot().leads.len() == PEOPLE
    })
    .await;
    let most = most.into_inner();
    assert_eq!(
        most, CONCURRENCY,
        "no more, and no fewer where there is enough to do"
    );
    let overlap = shared.crm.requests().iter().map(|seen| seen.overlap).max();
    assert!(overlap.is_some_and(|others| others < 2), "{overlap:?}");
    shared.stop().await;
}
