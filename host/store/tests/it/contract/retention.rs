//! What goes with time, and what stays.

use std::time::Duration;

use gladhand_core::attempt::Changes;
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::Verdict;
use gladhand_core::exchange::Exchange;
use gladhand_store::effects::EffectFilter;
use gladhand_store::queue::Asked;
use gladhand_store::retention::Keep;

use super::journal::{EMAIL, PHONE, answered};
use crate::bed::{Backend, Bed, START};
use crate::events::{Tick, contact};

const DAY: Duration = Duration::from_hours(24);

impl Bed {
    /// Sweeps a whole round; how many rows went.
    pub(super) async fn sweep(&self, keep: &Keep, rows: u32) -> u64 {
        let mut removed = 0;
        for _ in 0..1_000 {
            let swept = self.store.sweep(keep, rows, self.clock.now()).await;
            let swept = swept.expect("a write");
            assert!(swept.rows <= u64::from(rows));
            removed += swept.rows;
            if swept.is_done {
                return removed;
            }
        }
        panic!("a round does not end");
    }

    async fn events(&self) -> usize {
        self.store
            .events_after(None, 1_000)
            .await
            .expect("a read")
            .len()
    }
}

pub async fn what_is_old_goes_and_what_is_needed_stays(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    // An old state of a contact, done; a doubtful and a clear write in it.
    bed.take(bed.contact("7", None, Tick(1))).await;
    let old = bed.claim_one().await;
    let (clear, doubtful) = (bed.intent(&[EMAIL]), bed.intent(&[PHONE]));
    bed.intend(&old.lease, &clear).await;
    bed.intend(&old.lease, &doubtful).await;
    let mut changes = answered(clear.id, Verdict::Done);
    changes.exchanges.push(exchange());
    bed.settle(&old.lease, changes, bed.ended(DeliveryState::Succeeded))
        .await
        .expect("the lease holds");
    // Its newest state, done; a message that waits; one that is dead.
    bed.take(bed.contact("7", None, Tick(2))).await;
    bed.drain().await;
    bed.take(bed.message("9", contact("8", None), Tick(3)))
        .await;
    let opened = bed.claim_one().await;
    bed.settle(
        &opened.lease,
        Changes::default(),
        bed.ended(DeliveryState::Dead),
    )
    .await
    .expect("the lease holds");
    let waiting = bed.claim_one().await;
    bed.retry_after(&waiting, 90 * DAY, true).await;
    assert_eq!(bed.events().await, 3);

    bed.clock.advance(8 * DAY);
    bed.sweep(&Keep::STANDARD, 100).await;
    assert_eq!(bed.events().await, 3);
    let shown = bed.show(old.delivery.id).await;
    assert_eq!(
        shown.attempts[0].exchanges,
        [],
        "what was sent goes before what happened"
    );

    bed.clock.advance(23 * DAY);
    bed.sweep(&Keep::STANDARD, 100).await;
    assert_eq!(bed.events().await, 2, "only the old state is needless");
    let gone = bed.store.show(old.delivery.id).await.expect("a read");
    assert!(gone.is_none());
    let effects = bed
        .store
        .list_effects(EffectFilter {
            limit: 10,
            ..EffectFilter::default()
        })
        .await
        .expect("a read");
    let left: Vec<_> = effects.iter().map(|effect| effect.id).collect();
    assert_eq!(left, [doubtful.id], "what is in doubt is never forgotten");
    assert_eq!(bed.state(waiting.delivery.id).await, DeliveryState::Waiting);
    assert_eq!(bed.state(opened.delivery.id).await, DeliveryState::Dead);
}

pub async fn a_sweep_takes_small_steps(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    for tick in 1..=30 {
        bed.take(bed.contact("7", None, Tick(tick))).await;
        bed.drain().await;
    }
    bed.clock.advance(31 * DAY);
    assert!(bed.sweep(&Keep::STANDARD, 4).await >= 29);
    assert_eq!(bed.events().await, 1, "the newest state stays");
    assert_eq!(bed.sweep(&Keep::STANDARD, 4).await, 0);
}

pub async fn a_lane_goes_an_hour_after_it_was_empty_and_no_other_does(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let lane = async |contact: &str| {
        bed.take(bed.contact(contact, None, Tick(1))).await;
        bed.claim_one().await
    };
    let empty = lane("1").await;
    bed.succeed(&empty).await;
    let held = lane("2").await;
    let is_held = bed
        .store
        .hold(bed.connection, "2", true, bed.clock.now())
        .await;
    assert!(is_held.expect("an answer"));
    bed.succeed(&held).await;
    let waiting = lane("3").await;
    bed.retry_after(&waiting, DAY, true).await;
    let dead = lane("4").await;
    bed.settle(
        &dead.lease,
        Changes::default(),
        bed.ended(DeliveryState::Dead),
    )
    .await
    .expect("the lease holds");
    let again = bed.store.retry(dead.delivery.id, bed.clock.now()).await;
    assert!(matches!(again, Ok(Asked::Done(_))), "{again:?}");
    let leased = bed.claim_one().await;

    bed.clock.advance(Duration::from_mins(59));
    assert_eq!(bed.sweep(&Keep::STANDARD, 100).await, 0);
    bed.clock.advance(Duration::from_mins(2));
    assert_eq!(bed.sweep(&Keep::STANDARD, 100).await, 1);

    bed.succeed(&leased).await;
    bed.take(bed.contact("2", None, Tick(2))).await;
    assert!(bed.claim(10).await.is_empty(), "it is still held");
    let released = bed
        .store
        .hold(bed.connection, "2", false, bed.clock.now())
        .await;
    assert!(released.expect("an answer"));
    bed.take(bed.contact("1", None, Tick(2))).await;
    assert_eq!(bed.drain().await.len(), 2);
    bed.clock.advance(DAY);
    assert_eq!(bed.claim_one().await.delivery.id, waiting.delivery.id);
    assert_eq!(bed.sweep(&Keep::STANDARD, 100).await, 3);
}

fn exchange() -> Exchange {
    Exchange {
        sequence: 0,
        call: "http.send".into(),
        method: "GET".into(),
        url: "https://crm.example.com/persons".into(),
        effect: "read".into(),
        request: Vec::new(),
        answer: None,
        error: Some("nobody answered".into()),
        is_replayed: false,
        started_at: START,
        duration_us: 7,
    }
}
