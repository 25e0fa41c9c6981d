//! Identity locks.

use gladhand_core::attempt::Lease;
use gladhand_core::ids::{AccountId, LeaseToken};
use gladhand_core::port;

use crate::bed::{Backend, Bed};
use crate::events::Tick;

async fn two_leases(bed: &Bed) -> (Lease, Lease) {
    bed.take(bed.contact("7", None, Tick(1))).await;
    bed.take(bed.contact("8", None, Tick(1))).await;
    let mut claimed = bed.claim(2).await;
    let second = claimed.pop().expect("two lanes").lease;
    (claimed.pop().expect("two lanes").lease, second)
}

async fn acquire(bed: &Bed, lease: &Lease, keys: &[&str]) -> bool {
    let keys: Vec<String> = keys.iter().map(|key| (*key).into()).collect();
    bed.ports
        .locks
        .acquire(lease, bed.account, &keys)
        .await
        .expect("the lease holds")
}

pub async fn locks_are_taken_all_or_none(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (first, second) = two_leases(&bed).await;
    assert!(acquire(&bed, &first, &["email:a", "email:b"]).await);
    assert!(!acquire(&bed, &second, &["email:b", "email:c"]).await);
    assert!(acquire(&bed, &first, &["email:b"]).await, "its own");
    assert!(acquire(&bed, &first, &["email:c"]).await, "nobody took it");
    assert!(acquire(&bed, &second, &[]).await);
}

pub async fn locks_of_two_accounts_are_two(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (first, second) = two_leases(&bed).await;
    assert!(acquire(&bed, &first, &["email:a"]).await);
    let elsewhere = AccountId::new(&*bed.given.ids);
    let keys = ["email:a".to_owned()];
    assert!(
        bed.ports
            .locks
            .acquire(&second, elsewhere, &keys)
            .await
            .expect("the lease holds")
    );
}

pub async fn a_settle_frees_the_locks(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    bed.take(bed.contact("8", None, Tick(1))).await;
    let claimed = bed.claim(2).await;
    assert!(acquire(&bed, &claimed[0].lease, &["email:a"]).await);
    assert!(!acquire(&bed, &claimed[1].lease, &["email:a"]).await);
    bed.succeed(&claimed[0]).await;
    assert!(acquire(&bed, &claimed[1].lease, &["email:a"]).await);
}

pub async fn a_stale_lease_locks_nothing(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (first, second) = two_leases(&bed).await;
    let stale = Lease {
        token: LeaseToken::new(&*bed.given.ids),
        ..first
    };
    let keys = ["email:a".to_owned()];
    let acquired = bed.ports.locks.acquire(&stale, bed.account, &keys).await;
    assert!(matches!(acquired, Err(port::Error::LeaseLost)));
    assert!(acquire(&bed, &second, &["email:a"]).await);
}

pub async fn two_at_once_get_one_lock(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (first, second) = two_leases(&bed).await;
    let (one, two) = tokio::join!(
        acquire(&bed, &first, &["email:a", "email:b"]),
        acquire(&bed, &second, &["email:b", "email:c"]),
    );
    assert!(one != two, "{one} {two}");
}
