//! The write journal: what is sent, what is replayed, what is in doubt.

use std::time::Duration;

use gladhand_core::attempt::{Answered, Changes, Conclusion, Lease, SetEffect};
use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::{Doubt, Effect, Intended, Intent, Verdict};
use gladhand_core::exchange::Answer;
use gladhand_core::ids::{AccountId, EffectId, LeaseToken};
use gladhand_core::port;

use crate::bed::{Backend, Bed, STATE};
use crate::events::Tick;

const EMAIL: &str = "person/email:jane@example.com";
const PHONE: &str = "person/phone:+15551230001";

impl Bed {
    pub fn intent(&self, keys: &[&str]) -> Intent {
        Intent {
            id: EffectId::new(&*self.given.ids),
            keys: keys.iter().map(|key| (*key).into()).collect(),
            digest: [7; 32],
            at: self.clock.now(),
        }
    }

    /// Intends to do it, in the bed's account and state, with nothing to commit beside it.
    pub async fn intend(&self, lease: &Lease, intent: &Intent) -> Intended {
        self.ports
            .journal
            .intend(
                lease,
                self.account,
                STATE,
                Changes::default(),
                intent.clone(),
            )
            .await
            .expect("the lease holds")
    }

    async fn end(&self, lease: &Lease, changes: Changes, state: DeliveryState) {
        self.settle(lease, changes, self.ended(state))
            .await
            .expect("the lease holds");
    }
}

pub fn answered(effect: EffectId, verdict: Verdict) -> Changes {
    let answer = Answer {
        status: 201,
        headers: vec![("content-type".into(), "application/json".into())],
        // No text: a replay is byte for byte.
        body: vec![0xff, 0x00, b'{', b'}'],
    };
    Changes {
        answers: vec![Answered {
            effect,
            set: None,
            verdict,
            answer: Some(answer),
        }],
        ..Changes::default()
    }
}

fn doubt(intent: &Intent, verdict: Verdict) -> Intended {
    Intended::InDoubt(Doubt {
        effect: intent.id,
        verdict,
        at: intent.at,
    })
}

/// Two contacts whose deliveries run at the same time.
async fn two_leases(bed: &Bed) -> (Lease, Lease) {
    bed.take(bed.contact("7", None, Tick(1))).await;
    bed.take(bed.contact("8", None, Tick(1))).await;
    let mut claimed = bed.claim(2).await;
    let second = claimed.pop().expect("two lanes").lease;
    (claimed.pop().expect("two lanes").lease, second)
}

pub async fn the_first_intent_is_sent_and_its_answer_replayed(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (lease, _) = two_leases(&bed).await;
    let first = bed.intent(&[EMAIL, PHONE]);
    assert_eq!(bed.intend(&lease, &first).await, Intended::Send);
    let changes = answered(first.id, Verdict::Done);
    let answer = changes.answers[0].answer.clone().expect("an answer");
    let again = bed
        .ports
        .journal
        .intend(&lease, bed.account, STATE, changes, bed.intent(&[PHONE]))
        .await
        .expect("the lease holds");
    assert_eq!(again, Intended::Replay(first.id, answer));
}

pub async fn an_intent_without_an_answer_is_in_doubt_for_everybody(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (own, other) = two_leases(&bed).await;
    let first = bed.intent(&[EMAIL]);
    assert_eq!(bed.intend(&own, &first).await, Intended::Send);
    for lease in [&own, &other] {
        assert_eq!(
            bed.intend(lease, &bed.intent(&[EMAIL])).await,
            doubt(&first, Verdict::Open)
        );
    }
    bed.end(
        &own,
        answered(first.id, Verdict::Unknown),
        DeliveryState::Dead,
    )
    .await;
    assert_eq!(
        bed.intend(&other, &bed.intent(&[EMAIL])).await,
        doubt(&first, Verdict::Unknown)
    );
}

pub async fn what_another_delivery_did_is_in_doubt(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (own, other) = two_leases(&bed).await;
    let first = bed.intent(&[EMAIL]);
    assert_eq!(bed.intend(&own, &first).await, Intended::Send);
    bed.end(
        &own,
        answered(first.id, Verdict::Done),
        DeliveryState::Succeeded,
    )
    .await;
    assert_eq!(
        bed.intend(&other, &bed.intent(&[EMAIL])).await,
        doubt(&first, Verdict::Done)
    );
}

pub async fn what_did_not_happen_is_sent_again(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (own, other) = two_leases(&bed).await;
    let first = bed.intent(&[EMAIL]);
    assert_eq!(bed.intend(&own, &first).await, Intended::Send);
    bed.end(
        &own,
        answered(first.id, Verdict::NotDone),
        DeliveryState::Dead,
    )
    .await;
    let second = bed.intent(&[EMAIL]);
    assert_eq!(bed.intend(&other, &second).await, Intended::Send);
    // The newest effect of the key is the one that counts.
    assert_eq!(
        bed.intend(&other, &bed.intent(&[EMAIL])).await,
        doubt(&second, Verdict::Open)
    );
}

pub async fn one_doubtful_key_puts_all_in_doubt(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (own, other) = two_leases(&bed).await;
    let first = bed.intent(&[EMAIL]);
    assert_eq!(bed.intend(&own, &first).await, Intended::Send);
    assert_eq!(
        bed.intend(&other, &bed.intent(&[PHONE, EMAIL])).await,
        doubt(&first, Verdict::Open)
    );
    // What was in doubt left no trace: the other key is free.
    assert_eq!(
        bed.intend(&other, &bed.intent(&[PHONE])).await,
        Intended::Send
    );
}

pub async fn a_key_of_another_account_or_state_is_another(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (own, other) = two_leases(&bed).await;
    assert_eq!(
        bed.intend(&own, &bed.intent(&[EMAIL])).await,
        Intended::Send
    );
    let elsewhere = AccountId::new(&*bed.given.ids);
    for (account, state) in [(elsewhere, STATE), (bed.account, STATE + 1)] {
        let intended = bed
            .ports
            .journal
            .intend(
                &other,
                account,
                state,
                Changes::default(),
                bed.intent(&[EMAIL]),
            )
            .await;
        assert_eq!(intended.expect("the lease holds"), Intended::Send);
    }
}

pub async fn two_intents_at_once_are_not_both_sent(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (own, other) = two_leases(&bed).await;
    let (first, second) = (bed.intent(&[EMAIL, PHONE]), bed.intent(&[PHONE]));
    let (one, two) = tokio::join!(bed.intend(&own, &first), bed.intend(&other, &second));
    let sent = [&one, &two]
        .into_iter()
        .filter(|intended| **intended == Intended::Send)
        .count();
    assert_eq!(sent, 1, "{one:?} {two:?}");
}

pub async fn a_stale_lease_intends_nothing_and_commits_nothing(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (own, other) = two_leases(&bed).await;
    let first = bed.intent(&[EMAIL]);
    assert_eq!(bed.intend(&own, &first).await, Intended::Send);
    let stale = Lease {
        token: LeaseToken::new(&*bed.given.ids),
        ..own
    };
    let intended = bed
        .ports
        .journal
        .intend(
            &stale,
            bed.account,
            STATE,
            answered(first.id, Verdict::NotDone),
            bed.intent(&[PHONE]),
        )
        .await;
    assert!(matches!(intended, Err(port::Error::LeaseLost)));
    assert_eq!(
        bed.intend(&other, &bed.intent(&[EMAIL])).await,
        doubt(&first, Verdict::Open)
    );
    assert_eq!(
        bed.intend(&other, &bed.intent(&[PHONE])).await,
        Intended::Send
    );
}

pub async fn a_conclusion_counts_only_while_the_row_says_what_was_shown(backend: Box<dyn Backend>) {
    use Verdict::{NotDone, Open, Unknown};
    let bed = Bed::new(backend).await;
    let (own, other) = two_leases(&bed).await;
    let first = bed.intent(&[EMAIL]);
    assert_eq!(bed.intend(&own, &first).await, Intended::Send);
    let conclusion = |(shown, verdict)| Conclusion {
        effect: first.id,
        shown,
        verdict,
    };
    let conclude = async |steps: &[(Verdict, Verdict)]| {
        let conclusions = steps.iter().copied().map(conclusion).collect();
        let changes = Changes {
            conclusions,
            ..Changes::default()
        };
        let intent = bed.intent(&[EMAIL]);
        let journal = &bed.ports.journal;
        journal
            .intend(&other, bed.account, STATE, changes, intent)
            .await
            .expect("the lease holds")
    };
    assert_eq!(conclude(&[(Unknown, NotDone)]).await, doubt(&first, Open));
    // One after the other, each measured against what the one before made of the row.
    assert_eq!(
        conclude(&[(Open, NotDone), (NotDone, Unknown)]).await,
        doubt(&first, Unknown)
    );
    assert_eq!(conclude(&[(Unknown, NotDone)]).await, Intended::Send);
}

pub async fn a_later_attempt_is_told_what_the_earlier_ones_sent(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let claimed = bed.claim_one().await;
    assert!(claimed.journalled.is_empty() && claimed.unsettled_since.is_none());
    let once = bed.intent(&[EMAIL, PHONE]);
    assert_eq!(bed.intend(&claimed.lease, &once).await, Intended::Send);
    bed.clock.advance(Duration::from_millis(1));

    let set = SetEffect {
        key: "person/5".into(),
        digest: [9; 32],
        at: bed.clock.now(),
    };
    let set_id = EffectId::new(&*bed.given.ids);
    let mut changes = answered(once.id, Verdict::Done);
    let answer = changes.answers[0].answer.clone();
    changes.answers.push(Answered {
        effect: set_id,
        set: Some(set.clone()),
        verdict: Verdict::Unknown,
        answer: None,
    });
    let deferred = gladhand_store::deliveries::Settlement {
        is_attempt: false,
        ..bed.ended(DeliveryState::Waiting)
    };
    bed.settle(&claimed.lease, changes, deferred)
        .await
        .expect("the lease holds");

    // A deferral is no attempt, and what it sent is known all the same.
    let again = bed.claim_one().await;
    assert_eq!(again.delivery.attempts, 1);
    let told: Vec<(EffectId, Effect, Verdict, Timestamp)> = again
        .journalled
        .iter()
        .map(|effect| (effect.id, effect.effect.clone(), effect.verdict, effect.at))
        .collect();
    let keys = once.keys.clone();
    assert_eq!(
        told,
        [
            (once.id, Effect::Once(keys), Verdict::Done, once.at),
            (
                set_id,
                Effect::Set("person/5".into()),
                Verdict::Unknown,
                set.at
            ),
        ]
    );
    assert_eq!(again.journalled[0].answer, answer);
    assert_eq!(
        (again.journalled[0].digest, again.journalled[1].digest),
        ([7; 32], [9; 32])
    );
    assert!(again.unsettled_since.is_none());
}
