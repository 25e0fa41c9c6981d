//! The write journal: what is sent, what is replayed, what is in doubt.

use gladhand_core::attempt::{Answered, Changes, Lease};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::{Doubt, Intended, Intent, Verdict};
use gladhand_core::exchange::Answer;
use gladhand_core::ids::{AccountId, EffectId, LeaseToken};
use gladhand_core::port;

use crate::bed::{Backend, Bed, STATE};
use crate::events::Tick;

pub const EMAIL: &str = "person/email:jane@example.com";
pub const PHONE: &str = "person/phone:+15551230001";

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

pub fn doubt(intent: &Intent, verdict: Verdict) -> Intended {
    Intended::InDoubt(Doubt {
        effect: intent.id,
        verdict,
        at: intent.at,
    })
}

/// Two contacts whose deliveries run at the same time.
pub async fn two_leases(bed: &Bed) -> (Lease, Lease) {
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
