//! A process dies without settling anything, and another one opens the same database.

use gladhand_core::attempt::{Changes, Unsettled};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::{Intended, Verdict};
use gladhand_core::event::EventKind;
use gladhand_store::Error;

use crate::bed::{Backend, Bed};
use crate::events::{Tick, contact};

const KEY: &str = "person/email:jane@example.com";

pub async fn what_was_acknowledged_survives(backend: Box<dyn Backend>) {
    let mut bed = Bed::new(backend).await;
    bed.take(bed.message("9", contact("7", None), Tick(1)))
        .await;
    bed.take(bed.message("9", contact("7", None), Tick(2)))
        .await;
    bed.crash().await;
    // What is known of the conversation survives too: it opens once.
    bed.take(bed.message("9", contact("7", None), Tick(3)))
        .await;
    let expect = [
        EventKind::ConversationOpened,
        EventKind::MessageCreated,
        EventKind::MessageCreated,
        EventKind::MessageCreated,
    ];
    assert_eq!(bed.drain().await, expect);
}

pub async fn a_running_delivery_runs_again_and_knows_that_it_was_cut_short(
    backend: Box<dyn Backend>,
) {
    let mut bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let began = bed.clock.now();
    let before = bed.claim_one().await;
    bed.clock.advance(std::time::Duration::from_secs(5));
    bed.crash().await;
    assert_eq!(bed.state(before.delivery.id).await, DeliveryState::Pending);

    let after = bed.claim_one().await;
    assert_eq!(after.delivery.id, before.delivery.id);
    assert_eq!(after.delivery.attempts, 2);
    let unsettled = Unsettled {
        delivery: before.delivery.id,
        since: began,
    };
    assert_eq!(after.unsettled, [unsettled]);
    bed.succeed(&after).await;
    let attempts = bed.show(after.delivery.id).await.attempts;
    let ends: Vec<bool> = attempts
        .iter()
        .map(|attempt| attempt.settled_at.is_some())
        .collect();
    assert_eq!(ends, [false, true]);
}

pub async fn a_dead_process_settles_nothing(backend: Box<dyn Backend>) {
    let mut bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let before = bed.claim_one().await;
    bed.crash().await;
    for _ in 0..2 {
        let late = bed
            .settle(
                &before.lease,
                Changes::default(),
                bed.ended(DeliveryState::Dead),
            )
            .await;
        assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
        // Neither while nobody has the lane nor while somebody else has.
        bed.claim(1).await;
    }
}

pub async fn locks_of_a_dead_process_are_free(backend: Box<dyn Backend>) {
    let mut bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    bed.take(bed.contact("8", None, Tick(1))).await;
    let keys = ["email:a".to_owned()];
    let before = bed.claim(1).await.remove(0);
    assert!(
        bed.ports
            .locks
            .acquire(&before.lease, bed.account, &keys)
            .await
            .expect("it holds")
    );
    bed.crash().await;
    for claimed in bed.claim(2).await {
        if claimed.delivery.id != before.delivery.id {
            let acquired = bed
                .ports
                .locks
                .acquire(&claimed.lease, bed.account, &keys)
                .await;
            assert!(acquired.expect("it holds"));
        }
    }
}

pub async fn an_open_intent_of_a_dead_process_is_in_doubt(backend: Box<dyn Backend>) {
    let mut bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let before = bed.claim_one().await;
    let intent = bed.intent(&[KEY]);
    assert_eq!(bed.intend(&before.lease, &intent).await, Intended::Send);
    bed.crash().await;
    let after = bed.claim_one().await;
    assert_eq!(after.journalled[0].verdict, Verdict::Open);
    let again = bed.intend(&after.lease, &bed.intent(&[KEY])).await;
    assert!(matches!(again, Intended::InDoubt(doubt) if doubt.effect == intent.id));
}
