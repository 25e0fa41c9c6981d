//! The answer to a commit is lost on its way from PostgreSQL: what was settled is settled again, and nothing is done twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gladhand_core::delivery::DeliveryState;
use gladhand_store::Deliveries as _;
use gladhand_tests::fault::{Fault, Matcher, Rule, Work};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use crate::bed::{appears, jane, until};
use crate::shared::{Given, Shared, eventually};

/// A way to the database that is cut right after it has committed a delivery that succeeded.
struct Wire {
    /// How often it is still to be cut.
    cuts: AtomicU32,
}

/// What went to the database since its last commit, and what came.
#[derive(Default)]
struct Seen {
    asked: Vec<u8>,
    answered: Vec<u8>,
}

impl Wire {
    /// Where a host finds the database that is at `url`.
    async fn lay(url: &str) -> (Arc<Self>, String) {
        let (before, rest) = url.split_once('@').expect("a user");
        let (server, name) = rest.split_once('/').expect("a database");
        let door = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = door.local_addr().expect("it is bound");
        let wire = Arc::new(Self {
            cuts: AtomicU32::new(0),
        });
        let (own, server) = (wire.clone(), server.to_owned());
        tokio::spawn(async move {
            while let Ok((outside, _)) = door.accept().await {
                let inside = TcpStream::connect(&server)
                    .await
                    .expect("the server answers");
                tokio::spawn(own.clone().join(outside, inside));
            }
        });
        (wire, format!("{before}@{address}/{name}"))
    }

    /// Lets one session talk until one side ends it, or it is cut.
    async fn join(self: Arc<Self>, outside: TcpStream, inside: TcpStream) {
        let (from_host, to_host) = outside.into_split();
        let (from_server, to_server) = inside.into_split();
        let seen = Mutex::new(Seen::default());
        tokio::select! {
            () = ask(from_host, to_server, &seen) => {}
            () = self.answer(from_server, to_host, &seen) => {}
        }
    }

    async fn answer(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: &Mutex<Seen>) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let mut seen = seen.lock().await;
            seen.answered.extend(&buffer[..length]);
            if has(&seen.answered, b"COMMIT\0") {
                if has(&seen.asked, b"succeeded") && self.is_to_be_cut() {
                    return;
                }
                *seen = Seen::default();
            }
            drop(seen);
            if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    }

    fn is_to_be_cut(&self) -> bool {
        let one_less = |cuts: u32| cuts.checked_sub(1);
        let cuts = &self.cuts;
        cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
    }
}

async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: &Mutex<Seen>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        seen.lock().await.asked.extend(&buffer[..length]);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settle_that_nobody_heard_of_is_repeated_and_counts_once() {
    let wires = std::sync::Mutex::new(None);
    let given = Given {
        hosts: 1,
        ..Given::default()
    };
    let shared = Shared::reached(21, given, async |url| {
        let (wire, url) = Wire::lay(url).await;
        *wires.lock().expect("nobody panics holding it") = Some(wire);
        url
    })
    .await;
    let wire = wires.into_inner().expect("nobody panicked holding it");
    let wire = wire.expect("it was laid");
    let stale = shared.counted("gladhand_stale_attempts_total").await;
    let late = Fault::Hang {
        hold_ms: 500,
        work: Work::Before,
    };
    let crm = &shared.crm;
    crm.inject(Rule::new(Matcher::of("POST", "/api/v1/leads"), late));
    shared.send("severed", &appears(jane())).await;
    // All that is left of the delivery is its settle.
    until(|| {
        crm.requests()
            .iter()
            .any(|seen| seen.path == "/api/v1/leads")
    })
    .await;
    wire.cuts.store(1, Ordering::SeqCst);
    eventually("the answer is lost", async || {
        wire.cuts.load(Ordering::SeqCst) == 0
    })
    .await;
    let delivery = shared.finish().await.remove(0);

    assert_eq!(delivery.state, DeliveryState::Succeeded, "{delivery:#?}");
    assert_eq!(delivery.attempts, 1);
    let shown = shared.hosts[0].host.store.show(delivery.id).await;
    let shown = shown.expect("a read").expect("it is kept");
    let [attempt] = shown.attempts.as_slice() else {
        panic!("one attempt: {:#?}", shown.attempts);
    };
    let exchanges = attempt.exchanges.iter().zip(0..);
    assert!(
        exchanges
            .into_iter()
            .all(|(exchange, place)| exchange.sequence == place)
    );
    let snapshot = crm.snapshot();
    assert_eq!((snapshot.persons.len(), snapshot.leads.len()), (1, 1));

    // Nothing follows from it later, and nobody thinks that the lane was lost.
    let asked = crm.request_count();
    shared.clock.advance(Duration::from_hours(1));
    shared.finish().await;
    assert_eq!(crm.request_count(), asked);
    assert_eq!(shared.counted("gladhand_stale_attempts_total").await, stale);
    shared.stop().await;
}
