//! What is known about effects, over the attempts of a delivery and beyond.

use std::time::Duration;

use gladhand_core::attempt::{Answered, Changes, Conclusion, SetEffect};
use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::{Effect, Intended, Verdict};
use gladhand_core::ids::EffectId;

use super::journal::{EMAIL, PHONE, answered, doubt, two_leases};
use crate::bed::{Backend, Bed, STATE};
use crate::events::Tick;

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
    assert!(claimed.journalled.is_empty() && claimed.unsettled.is_empty());
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
    assert!(again.unsettled.is_empty());
}
