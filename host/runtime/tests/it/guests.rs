//! Every hostile guest ends in its own failure and hurts nobody. One test per guest, of its name.

use std::time::Duration;

use gladhand_core::attempt::End;
use gladhand_core::failure::FailureKind;
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_runtime::{Connector, Ended, Limits};

use crate::built::{foreach_guest, sources};
use crate::crm::Crm;
use crate::world::{World, call, check_failure, event, failure, handle, handle_at, outcome};

pub use crate::golden::golden;
pub use crate::loading::{bad_descriptor, other_major, wide_import};

macro_rules! assert_test_exists {
    ($guest:ident) => {
        #[expect(unused_imports, reason = "the import is the check")]
        use self::$guest as _;
    };
}
foreach_guest!(assert_test_exists);

#[test]
fn every_guest_is_listed() {
    let mut listed = Vec::new();
    macro_rules! list {
        ($guest:ident) => {
            listed.push(stringify!($guest).to_owned());
        };
    }
    foreach_guest!(list);
    assert_eq!(listed, sources());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
pub async fn endless_loop() {
    let limits = Limits {
        busy: Duration::from_millis(200),
        ..Limits::STANDARD
    };
    let guest = World::with(limits, None).load("endless_loop").await;
    check_failure(
        handle(&guest).await,
        FailureKind::Deadline,
        "the connector computed for more than 200 ms in one call",
    );
}

#[tokio::test]
pub async fn memory_bomb() {
    let world = World::new();
    let guest = world.load("memory_bomb").await;
    check_failure(
        handle(&guest).await,
        FailureKind::Memory,
        "the connector wanted more than 65536 KiB of memory",
    );
}

#[tokio::test]
pub async fn deep_recursion() {
    let world = World::new();
    let guest = world.load("deep_recursion").await;
    check_failure(
        handle(&guest).await,
        FailureKind::Trap,
        "the connector called itself until its stack was used up",
    );
}

#[tokio::test]
pub async fn trap() {
    let world = World::new();
    let guest = world.load("trap").await;
    check_failure(
        handle(&guest).await,
        FailureKind::Trap,
        "the connector aborted: the pipeline has no stage 7",
    );
}

#[tokio::test]
pub async fn huge_log() {
    let world = World::new();
    let guest = world.load("huge_log").await;
    let report = handle(&guest).await;
    assert_eq!(report.log.len(), 201);
    assert!(report.log.iter().all(|line| {
        let fields = line
            .fields
            .iter()
            .map(|(name, value)| name.len() + value.len());
        line.message.len() + fields.sum::<usize>() <= 4096
    }));
    assert_eq!(
        report.log[200].message,
        "100 more lines were dropped: a call keeps at most 200"
    );
    assert!(matches!(outcome(report), Outcome::Skipped { .. }));
}

/// What it does for a living, `cargo xtask exhaust` shows.
#[tokio::test]
pub async fn ledger() {
    let (world, crm) = (World::new(), Crm::start().await);
    let guest = world.load("ledger").await;
    let report = handle_at(&guest, &crm.base_url).await;
    assert_eq!(report.cost.http_calls, 2);
    assert_eq!(
        report.attempt.locks,
        Some(vec!["person/email:jane@example.com".to_owned()])
    );
    assert!(matches!(outcome(report), Outcome::Synced { .. }));
    assert_eq!(crm.people().len(), 1);
}

#[tokio::test]
pub async fn giant_request() {
    let world = World::new();
    let guest = world.load("giant_request").await;
    let failure = failure(handle(&guest).await);
    assert_eq!(failure.kind, FailureKind::EgressRefused);
}

#[tokio::test]
pub async fn many_calls() {
    let (world, crm) = (World::new(), Crm::start().await);
    let guest = world.load("many_calls").await;
    let report = handle_at(&guest, &crm.base_url).await;
    assert!(
        matches!(report.ended, Ended::End(End::TooManyCalls(50))),
        "{:?}",
        report.ended
    );
    assert!(report.cost.http_us > 0);
}

#[tokio::test]
pub async fn forbidden_host() {
    let world = World::new();
    let guest = world.load("forbidden_host").await;
    let failure = failure(handle(&guest).await);
    assert_eq!(failure.kind, FailureKind::EgressRefused);
    assert!(failure.message.contains("elsewhere.example"), "{failure:?}");
}

#[tokio::test]
pub async fn redirect_chaser() {
    let (world, crm) = (World::new(), Crm::start().await);
    let guest = world.load("redirect_chaser").await;
    let report = handle_at(&guest, &crm.base_url).await;
    assert_eq!(
        report.cost.http_calls, 1,
        "the redirect itself is an answer"
    );
    let failure = failure(report);
    assert_eq!(failure.kind, FailureKind::EgressRefused);
    assert!(failure.message.contains("169.254.169.254"), "{failure:?}");
}

#[tokio::test]
pub async fn hoarder() {
    let world = World::new();
    let guest = world.load("hoarder").await;
    check_failure(
        handle(&guest).await,
        FailureKind::Internal,
        "the connector left more than 4194304 bytes of links and cache entries in one call: it must keep less",
    );
}

#[tokio::test]
pub async fn escape() {
    let world = World::new();
    let guest = world.load("escape").await;
    let Outcome::Skipped { reason, .. } = outcome(handle(&guest).await) else {
        panic!("it only looks");
    };
    assert_eq!(reason, "", "it saw something of this machine");
}

#[tokio::test]
pub async fn foreign_words() {
    let world = World::new();
    let guest = world.load("foreign_words").await;
    let say = async |id: &str| {
        let call = call(&guest, "http://127.0.0.1:9");
        guest.handle(call, &event(id)).await
    };
    check_failure(
        say("failure").await,
        FailureKind::Internal,
        "the sun did it",
    );
    check_failure(
        say("host-failure").await,
        FailureKind::Internal,
        "no memory",
    );
    check_failure(
        say("outcome").await,
        FailureKind::Internal,
        "the connector answered with the outcome `postponed`, which this host does not know: update the host",
    );
    assert_eq!(
        outcome(say("skip").await),
        Outcome::Skipped {
            code: SkipCode::UnsupportedEvent,
            reason: "full-moon: it shines".to_owned(),
        }
    );
    let Outcome::Synced { changes } = outcome(say("action").await) else {
        panic!("it says that it synced");
    };
    assert_eq!(changes[0].action, "updated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_works_while_guests_loop_bomb_and_recurse() {
    let (world, crm) = (World::new(), Crm::start().await);
    let golden = world.load("golden").await;
    let mut guests = Vec::new();
    for guest in [
        "endless_loop",
        "endless_loop",
        "memory_bomb",
        "deep_recursion",
    ] {
        guests.push(world.load(guest).await);
    }
    // The loops keep both processors busy for two seconds, in which the neighbour must get its turn.
    let mut hostile = tokio::task::JoinSet::new();
    for guest in guests {
        hostile.spawn(async move { handle(&guest).await });
    }
    let mut worked = 0;
    loop {
        outcome(handle_at(&golden, &crm.base_url).await);
        while let Some(ended) = hostile.try_join_next() {
            failure(ended.expect("a guest cannot panic its host"));
        }
        if hostile.is_empty() {
            break;
        }
        worked += 1;
    }
    assert!(worked > 0, "it never worked while the others did");
}

#[tokio::test]
async fn a_crm_that_never_answers_is_not_the_connectors_fault() {
    let crm = Crm::start_silent().await;
    let limits = Limits {
        deadline: Duration::from_millis(300),
        ..Limits::STANDARD
    };
    let world = World::with(limits, None);
    let guest = world.load("many_calls").await;
    check_failure(
        handle_at(&guest, &crm.base_url).await,
        FailureKind::Unavailable,
        "the connector was still waiting for an answer after 300 ms",
    );
}

#[tokio::test]
async fn a_guest_that_comes_to_no_end_is_overdue_even_if_it_may_compute() {
    let limits = Limits {
        deadline: Duration::from_millis(100),
        busy: Duration::from_mins(1),
        ..Limits::STANDARD
    };
    let world = World::with(limits, None);
    let guest = world.load("endless_loop").await;
    check_failure(
        handle(&guest).await,
        FailureKind::Deadline,
        "the connector did not come to an end within 100 ms",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_there_is_room_for_wait_for_their_turn() {
    let world = World::new();
    let guest = world.load("trap").await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let guest = guest.clone();
        calls.spawn(async move { handle(&guest).await });
    }
    while let Some(report) = calls.join_next().await {
        let failure = failure(report.expect("a guest cannot panic its host"));
        assert_eq!(failure.kind, FailureKind::Trap, "{failure:?}");
    }
}
