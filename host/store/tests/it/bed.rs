//! A store with one source, one account and one connection, and short words for what tests do with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::attempt::{Changes, Cost, Lease};
use gladhand_core::clock::{Clock, ManualClock, Timestamp};
use gladhand_core::connection::{Connection, Mode};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::event::EventKind;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::{AccountId, ConnectionId, DeliveryId, Ids, SourceId};
use gladhand_core::intake::{IncomingEvent, Planner};
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_core::port::{Ports, Scope, Standings};
use gladhand_store::catalog::Catalog;
use gladhand_store::deliveries::{
    ClaimRequest, Claimed, Claims, Deliveries, DeliveryDetail, Settlement, Wanted,
};
use gladhand_store::intake::{Intake, Taken};
use gladhand_store::settings::Settings;
use gladhand_store::{
    Audit, Effects, Error, Events, LinkBook, Location, Options, Queue, Retention, crypter::Key,
};
use uuid::Uuid;

use crate::configured::{test_account, test_source, test_version};
use crate::planner::TestPlanner;

/// What a store must be for the contract.
pub trait Store:
    Intake
    + Deliveries
    + Settings
    + Catalog
    + Queue
    + Effects
    + LinkBook
    + Events
    + Audit
    + Retention
    + Standings
{
}
impl<T> Store for T where
    T: Intake
        + Deliveries
        + Settings
        + Catalog
        + Queue
        + Effects
        + LinkBook
        + Events
        + Audit
        + Retention
        + Standings
{
}

/// A database that stores can be opened on, one after the other.
#[async_trait]
pub trait Backend: Send + Sync {
    async fn open(&self, given: Given) -> Result<(Arc<dyn Store>, Ports), Error>;
    /// Lets go of the database without settling anything, as a crash would.
    async fn abandon(&self);
    /// The store itself, while it is open.
    fn whole(&self) -> Option<Arc<gladhand_store::Store>>;
}

/// What every store is given.
#[derive(Clone)]
pub struct Given {
    pub master_key: Key,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub planner: Arc<dyn Planner>,
    pub hold: Duration,
}

impl Given {
    pub fn at(self, location: Location) -> Options {
        Options {
            location,
            master_key: self.master_key,
            older_master_keys: Vec::new(),
            clock: self.clock,
            ids: self.ids,
            planner: self.planner,
            hold: self.hold,
        }
    }
}

pub struct Bed {
    pub backend: Box<dyn Backend>,
    pub given: Given,
    pub clock: Arc<ManualClock>,
    pub store: Arc<dyn Store>,
    pub ports: Ports,
    pub source: SourceId,
    pub account: AccountId,
    pub connection: ConnectionId,
    planner: Arc<TestPlanner>,
}

/// When tests begin: late enough that thirty days before is no negative time.
pub const START: Timestamp = Timestamp(10_000_000_000);
pub const LEASE: Duration = Duration::from_mins(1);
pub const DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000001";
/// The meaning of keys, links and cache in tests.
pub const STATE: u32 = 1;

impl Bed {
    pub async fn new(backend: Box<dyn Backend>) -> Self {
        Self::with_hold(backend, Duration::ZERO).await
    }

    pub async fn with_hold(backend: Box<dyn Backend>, hold: Duration) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let ids = Arc::new(CountedIds::default());
        let planner = Arc::new(TestPlanner::new(Arc::<CountedIds>::clone(&ids)));
        let given = Given {
            master_key: Key::generate(),
            clock: Arc::<ManualClock>::clone(&clock),
            ids: Arc::<CountedIds>::clone(&ids),
            planner: Arc::<TestPlanner>::clone(&planner),
            hold,
        };
        let (store, ports) = backend
            .open(given.clone())
            .await
            .expect("a new store opens");
        let source = SourceId::new(&*ids);
        let account = AccountId::new(&*ids);
        store
            .put_source(&test_source(source, "support"))
            .await
            .expect("a new source");
        store
            .put_account(&test_account(account))
            .await
            .expect("a new account");
        store
            .add_version(&test_version(), b"component")
            .await
            .expect("a new version");
        let mut bed = Self {
            backend,
            given,
            clock,
            store,
            ports,
            source,
            account,
            connection: ConnectionId::new(&*ids),
            planner,
        };
        bed.add_connection(bed.connection, "first").await;
        bed.connection = bed.planner.connections()[0];
        bed
    }

    /// One more connection of the same source and account, routed.
    pub async fn add_connection(&self, id: ConnectionId, name: &str) {
        let connection = self.test_connection(id, name);
        self.store
            .put_connection(&connection)
            .await
            .expect("a new connection");
        self.store.set_route(id, DIGEST).await.expect("its route");
        self.planner.add(id);
    }

    /// From now on nothing is planned for it.
    pub fn forget_connection(&self, id: ConnectionId) {
        self.planner.forget(id);
    }

    pub fn test_connection(&self, id: ConnectionId, name: &str) -> Connection {
        Connection {
            id,
            name: name.into(),
            source: self.source,
            account: self.account,
            connector: "test".into(),
            inboxes: Vec::new(),
            mode: Mode::Live,
            settings: serde_json::json!({"stage": 2}),
            time_zone: None,
            is_paused: false,
            policy: gladhand_core::connection::Policy::default(),
        }
    }

    /// The process dies and another one starts.
    pub async fn crash(&mut self) {
        self.backend.abandon().await;
        let (store, ports) = self
            .backend
            .open(self.given.clone())
            .await
            .expect("the store of before opens");
        self.store = store;
        self.ports = ports;
    }

    pub fn scope(&self) -> Scope {
        Scope {
            connection: self.connection,
            account: self.account,
        }
    }

    pub async fn take(&self, event: IncomingEvent) {
        assert_eq!(
            self.store.take(event).await.expect("an event is taken"),
            Taken::Stored
        );
    }

    pub fn request(&self, lanes: u32) -> ClaimRequest {
        ClaimRequest {
            connections: self
                .planner
                .connections()
                .into_iter()
                .map(|id| self.wanted(id, lanes))
                .collect(),
            lanes,
            now: self.clock.now(),
            monotonic: self.clock.monotonic(),
            lease: LEASE,
        }
    }

    /// Every connection of a bed is its one account's.
    pub fn wanted(&self, connection: ConnectionId, lanes: u32) -> Wanted {
        Wanted {
            connection,
            account: self.account,
            lanes,
        }
    }

    pub async fn claims(&self, lanes: u32) -> Claims {
        self.store
            .claim(self.request(lanes))
            .await
            .expect("a claim")
    }

    pub async fn claim(&self, lanes: u32) -> Vec<Claimed> {
        self.claims(lanes).await.claimed
    }

    /// The only lane that is ready.
    #[track_caller]
    pub fn claim_one(&self) -> impl Future<Output = Claimed> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let mut claimed = self.claim(100).await;
            assert_eq!(claimed.len(), 1, "ready lanes, at {caller}");
            claimed.remove(0)
        }
    }

    pub async fn settle(
        &self,
        lease: &Lease,
        changes: Changes,
        settlement: Settlement,
    ) -> Result<(), Error> {
        self.store
            .settle(lease, self.account, STATE, changes, settlement)
            .await
    }

    pub async fn succeed(&self, claimed: &Claimed) {
        self.settle(
            &claimed.lease,
            Changes::default(),
            self.ended(DeliveryState::Succeeded),
        )
        .await
        .expect("the lease holds");
    }

    /// Settles as skipped for want of an identity.
    pub async fn skip_unidentified(&self, claimed: &Claimed) {
        let outcome = Outcome::Skipped {
            code: SkipCode::NoIdentity,
            reason: "nothing to find it by".into(),
        };
        let settlement = Settlement {
            outcome: Some(outcome),
            ..self.ended(DeliveryState::Skipped)
        };
        self.settle(&claimed.lease, Changes::default(), settlement)
            .await
            .expect("the lease holds");
    }

    /// Settles as tried and to be tried again after `delay`.
    pub async fn retry_after(&self, claimed: &Claimed, delay: Duration, is_attempt: bool) {
        let settlement = Settlement {
            failure: Some(Failure::new(FailureKind::Unavailable, "try later")),
            not_before: Some(self.clock.now().after(delay)),
            is_attempt,
            ..self.ended(DeliveryState::Waiting)
        };
        self.settle(&claimed.lease, Changes::default(), settlement)
            .await
            .expect("the lease holds");
    }

    pub fn ended(&self, state: DeliveryState) -> Settlement {
        Settlement {
            state,
            outcome: (state == DeliveryState::Succeeded).then(|| Outcome::Synced {
                changes: Vec::new(),
            }),
            failure: None,
            not_before: None,
            holds_lane: false,
            unsettled: None,
            is_attempt: true,
            at: self.clock.now(),
            started_at: self.clock.now(),
            version: Some(DIGEST.into()),
            cost: Cost {
                total_us: 7,
                ..Cost::default()
            },
            log: Vec::new(),
        }
    }

    pub async fn show(&self, id: DeliveryId) -> DeliveryDetail {
        self.store
            .show(id)
            .await
            .expect("a read")
            .expect("the delivery exists")
    }

    pub async fn state(&self, id: DeliveryId) -> DeliveryState {
        self.show(id).await.delivery.state
    }

    /// Claims and settles until nothing is ready; the kinds in the order in which they ran.
    pub async fn drain(&self) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        loop {
            let claimed = self.claim(1).await;
            let Some(claimed) = claimed.first() else {
                return kinds;
            };
            kinds.push(claimed.delivery.kind.expect("what runs has a kind"));
            self.succeed(claimed).await;
        }
    }
}

/// A claim that wants no lane.
pub fn claim_of_nothing() -> ClaimRequest {
    ClaimRequest {
        connections: Vec::new(),
        lanes: 0,
        now: START,
        monotonic: Duration::ZERO,
        lease: LEASE,
    }
}

/// 1, 2, 3, …: sorted as they are made, as real ids are.
#[derive(Default)]
pub struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}
