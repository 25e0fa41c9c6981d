//! How old a doubtful write is held to be where the wall clock is set between its beginning and a look at it.

use std::time::Duration;

use gladhand_core::attempt::{End, Unsettled};
use gladhand_core::clock::{Clock as _, Timestamp};
use gladhand_core::effect::{Doubt, Intended, Verdict};
use gladhand_core::failure::FailureKind;
use gladhand_egress::{Error, Request};

use crate::support::{Crm, START, World, doubt, earlier_set, once, set};

const LOOKUP_AFTER: Duration = Duration::from_mins(1);
/// After an attempt that never settled, which may have sent until its own deadline.
const QUIET: Duration = Duration::from_secs(90);
/// How far the wall clock is from the right time, where it is.
const LEAP_MS: i64 = 600_000;

/// A host that sends `once`, and the doubt that it leaves behind where the answer does not say what became of it.
async fn leave_behind(world: &mut World) -> Doubt {
    world.send(once()).await.expect("a response");
    let (_, intent) = world.journal.asked().pop().expect("an intent");
    Doubt {
        effect: intent.id,
        verdict: Verdict::Unknown,
        at: intent.at,
    }
}

/// The request is put off for so long, as the wall clock shows it now.
#[track_caller]
fn check_put_off(
    world: &World,
    result: Result<gladhand_egress::Response, Error>,
    expect: Duration,
) {
    match result {
        Err(Error::End(End::Deferred { until, failure })) => {
            assert_eq!(until, world.clock.now().after(expect));
            assert_eq!(failure.kind, FailureKind::Indeterminate);
        }
        other => panic!("{other:?}"),
    }
}

async fn ask(world: &mut World, doubt: &Doubt) -> Result<gladhand_egress::Response, Error> {
    world.journal.then(Ok(Intended::InDoubt(doubt.clone())));
    world.send(once()).await
}

async fn check_told(world: &mut World, doubt: &Doubt, expect: Duration) {
    match ask(world, doubt).await {
        Err(Error::InDoubt { age }) => assert_eq!(age, expect),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_clock_that_is_ahead_when_the_write_is_looked_at_makes_it_no_older() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    let lost = leave_behind(&mut world).await;
    let left = Duration::from_secs(59);
    world.clock.advance(LOOKUP_AFTER.saturating_sub(left));
    world.clock.stand_off(LEAP_MS);
    let result = ask(&mut world, &lost).await;
    check_put_off(&world, result, left);
    assert_eq!(crm.seen().len(), 1, "the lost one, and none after it");
    world.clock.stand_off(0);
    world.clock.advance(left);
    check_told(&mut world, &lost, LOOKUP_AFTER).await;
}

#[tokio::test]
async fn a_clock_that_was_behind_when_the_write_began_makes_it_no_older() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    world.clock.stand_off(-LEAP_MS);
    let lost = leave_behind(&mut world).await;
    world.clock.stand_off(0);
    let result = ask(&mut world, &lost).await;
    check_put_off(&world, result, LOOKUP_AFTER);
    assert_eq!(crm.seen().len(), 1, "the lost one, and none after it");
    world.clock.advance(LOOKUP_AFTER);
    check_told(&mut world, &lost, LOOKUP_AFTER).await;
}

#[tokio::test]
async fn a_write_that_began_at_a_time_yet_to_come_is_new_until_then() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    let leap = Duration::from_millis(LEAP_MS.unsigned_abs());
    world.prolong(2 * leap);
    world.clock.stand_off(LEAP_MS);
    let lost = leave_behind(&mut world).await;
    world.clock.stand_off(0);
    world.clock.advance(LOOKUP_AFTER);
    let result = ask(&mut world, &lost).await;
    check_put_off(&world, result, LOOKUP_AFTER);
    world.clock.advance(leap);
    check_told(&mut world, &lost, LOOKUP_AFTER).await;
    assert_eq!(crm.seen().len(), 1, "the lost one, and none after it");
}

#[tokio::test]
async fn a_write_of_another_process_waits_once_more_from_when_it_is_first_shown() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(LOOKUP_AFTER);
    let long_ago = doubt(Verdict::Unknown, Timestamp(START.0 - LEAP_MS));
    let result = ask(&mut world, &long_ago).await;
    check_put_off(&world, result, LOOKUP_AFTER);
    world.clock.advance(LOOKUP_AFTER);
    check_told(&mut world, &long_ago, LOOKUP_AFTER).await;
    assert_eq!(crm.seen().len(), 0);
}

#[tokio::test]
async fn the_time_for_which_a_once_waited_for_its_turn_is_none_of_its_age() {
    let crm = Crm::with(500, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    let mut lost = leave_behind(&mut world).await;
    // As it is where the budget let it leave so long after it was asked for.
    lost.at = Timestamp(lost.at.0 - 20_000);
    let left = Duration::from_millis(1);
    world.clock.advance(LOOKUP_AFTER.saturating_sub(left));
    let result = ask(&mut world, &lost).await;
    check_put_off(&world, result, left);
}

/// Only what is doubtful is kept in mind; an answered write that another delivery asks for is none of that.
#[tokio::test]
async fn a_write_that_was_answered_is_new_when_another_delivery_is_shown_it() {
    let crm = Crm::with(201, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(LOOKUP_AFTER);
    let done = Doubt {
        verdict: Verdict::Done,
        ..leave_behind(&mut world).await
    };
    world.clock.advance(Duration::from_secs(1));
    let result = ask(&mut world, &done).await;
    check_put_off(&world, result, LOOKUP_AFTER);
}

#[tokio::test]
async fn no_set_leaves_early_because_the_clock_is_ahead() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    world.attempt.journalled = vec![earlier_set([0; 32], Verdict::Unknown)];
    check_set(&mut world, LOOKUP_AFTER).await;
    assert_eq!(crm.seen().len(), 1);
}

#[tokio::test]
async fn no_set_leaves_early_after_an_attempt_that_never_settled_because_the_clock_is_ahead() {
    let crm = Crm::with(200, "").await;
    let mut world = World::new(&crm.url);
    world.prolong(2 * LOOKUP_AFTER);
    world.attempt.unsettled = vec![Unsettled {
        delivery: world.attempt.lease.delivery,
        since: START,
    }];
    check_set(&mut world, QUIET).await;
    assert_eq!(crm.seen().len(), 1);
}

/// The clock is ahead from the first look on and comes home before the last; the `set` leaves after `wait`, and not before.
async fn check_set(world: &mut World, wait: Duration) {
    let lead = || -> Request { set("lead", "{}") };
    world.clock.stand_off(LEAP_MS);
    let result = world.send(lead()).await;
    check_put_off(world, result, wait);
    let last = Duration::from_millis(1);
    world.clock.advance(wait.saturating_sub(last));
    let result = world.send(lead()).await;
    check_put_off(world, result, last);
    world.clock.stand_off(0);
    world.clock.advance(last);
    world.send(lead()).await.expect("a response");
}
