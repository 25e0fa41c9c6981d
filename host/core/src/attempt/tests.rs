//! What an attempt keeps, and what it says of itself.

use uuid::Uuid;

use super::*;
use crate::failure::FailureKind;
use crate::ids::{AttemptId, ConnectionId, DeliveryId, LeaseToken};

fn attempt() -> Attempt {
    Attempt::new(
        Lease {
            token: LeaseToken::from_uuid(Uuid::nil()),
            connection: ConnectionId::from_uuid(Uuid::nil()),
            contact: "7".into(),
            delivery: DeliveryId::from_uuid(Uuid::nil()),
            attempt: AttemptId::from_uuid(Uuid::nil()),
            until: Duration::ZERO.into(),
        },
        AccountId::from_uuid(Uuid::nil()),
        1,
        Mode::Live,
        1,
        Vec::new(),
    )
}

fn doubt(effect: u128, verdict: Verdict) -> Doubt {
    Doubt {
        effect: EffectId::from_uuid(Uuid::from_u128(effect)),
        verdict,
        at: Timestamp(0),
    }
}

fn keys() -> Vec<String> {
    vec![
        "person/email:jane@x".to_owned(),
        "person/phone:+15551230001".to_owned(),
    ]
}

#[test]
fn concluding_one_key_settles_all_keys_of_the_effect() {
    let mut attempt = attempt();
    attempt.note_effect(&keys(), &doubt(1, Verdict::Unknown));
    assert!(attempt.conclude(&keys()[0], Verdict::NotDone));
    assert!(attempt.conclude(&keys()[1], Verdict::Done));
    let shown: Vec<_> = attempt
        .changes
        .conclusions
        .iter()
        .map(|conclusion| (conclusion.shown, conclusion.verdict))
        .collect();
    assert_eq!(
        shown,
        [
            (Verdict::Unknown, Verdict::NotDone),
            (Verdict::NotDone, Verdict::Done)
        ],
        "the second is measured against what the first has made of the row"
    );
}

#[test]
fn what_an_earlier_attempt_left_in_doubt_may_be_concluded_unasked() {
    let earlier = |effect, verdict| Journalled {
        id: EffectId::from_uuid(Uuid::from_u128(effect)),
        delivery: DeliveryId::from_uuid(Uuid::nil()),
        effect: Effect::Once(vec![keys()[usize::from(effect == 2)].clone()]),
        digest: [0; 32],
        verdict,
        at: Timestamp(0),
        answer: None,
    };
    let Attempt { lease, account, .. } = attempt();
    let journalled = vec![earlier(1, Verdict::Unknown), earlier(2, Verdict::Done)];
    let mut attempt = Attempt::new(lease, account, 1, Mode::Live, 2, journalled);
    // That it is not there says nothing before the CRM must be done with it: then it is shown.
    assert!(!attempt.conclude(&keys()[0], Verdict::NotDone));
    assert!(attempt.conclude(&keys()[0], Verdict::Done));
    assert!(!attempt.conclude(&keys()[1], Verdict::Done));
    assert_eq!(attempt.changes.conclusions.len(), 1);
    attempt.note_effect(&keys()[..1], &doubt(1, Verdict::Unknown));
    assert!(attempt.conclude(&keys()[0], Verdict::NotDone));
}

fn unknown_set(at: i64) -> Journalled {
    Journalled {
        id: EffectId::from_uuid(Uuid::from_u128(3)),
        delivery: DeliveryId::from_uuid(Uuid::nil()),
        effect: Effect::Set("person".to_owned()),
        digest: [0; 32],
        verdict: Verdict::Unknown,
        at: Timestamp(at),
        answer: None,
    }
}

#[test]
fn a_delivery_that_is_over_leaves_word_of_what_may_still_arrive() {
    let unsettled = |delivery: u128, since| Unsettled {
        delivery: DeliveryId::from_uuid(Uuid::from_u128(delivery)),
        since: Timestamp(since),
    };
    let mut attempt = attempt();
    assert_eq!(attempt.leaves(true), None);

    // What was before it, of this delivery and of the lane's others.
    attempt.journalled = vec![unknown_set(5)];
    assert_eq!(attempt.leaves(true), Some(unsettled(0, 5)));
    attempt.unsettled = vec![unsettled(9, 4)];
    assert_eq!(attempt.leaves(true), Some(unsettled(0, 5)));
    // Its own next attempt knows by itself.
    assert_eq!(attempt.leaves(false), Some(unsettled(9, 4)));

    // What was let through could only leave when all that had arrived.
    attempt.has_set = true;
    attempt.unsettled.clear();
    assert_eq!(attempt.leaves(true), None);

    // And what it sent itself.
    let sent = doubt(1, Verdict::Unknown);
    attempt.doubtful_sets.insert(sent.effect, Timestamp(8));
    attempt.note_effect(&keys(), &sent);
    assert_eq!(attempt.leaves(true), Some(unsettled(0, 8)));
    assert_eq!(attempt.leaves(false), None);
    assert!(attempt.conclude(&keys()[0], Verdict::Done));
    assert_eq!(attempt.leaves(true), None);
}

#[test]
fn an_answer_that_is_not_committed_is_corrected_in_place() {
    let mut attempt = attempt();
    let sent = doubt(1, Verdict::Unknown);
    attempt.changes.answers.push(Answered {
        effect: sent.effect,
        set: None,
        verdict: Verdict::Unknown,
        answer: None,
    });
    attempt.note_effect(&keys(), &sent);
    assert!(attempt.conclude(&keys()[0], Verdict::Done));
    assert_eq!(attempt.changes.answers[0].verdict, Verdict::Done);
    assert_eq!(attempt.changes.conclusions, []);
}

#[test]
fn a_key_that_the_attempt_never_saw_is_not_concluded() {
    let mut attempt = attempt();
    assert!(!attempt.conclude("person/email:jane@x", Verdict::Done));
    attempt.note_effect(&keys(), &doubt(1, Verdict::Unknown));
    assert!(!attempt.conclude(&keys()[0], Verdict::Open));
    assert!(attempt.changes.is_empty());
}

#[test]
fn a_deferral_lasts_until_a_moment_that_people_can_read() {
    let failure = Failure::new(FailureKind::RateLimited, "the CRM asks for it");
    let end = End::Deferred {
        until: Timestamp(1_795_176_000_000),
        failure: Box::new(failure),
    };
    assert_eq!(
        end.to_string(),
        "deferred until 2026-11-20 12:00:00 UTC: the CRM asks for it"
    );
}
