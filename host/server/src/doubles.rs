//! The store's traits and the engine's operations in memory, for tests of what is above them.

mod operations;

mod operators;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::attempt::{Changes, Lease};
use gladhand_core::clock::{ManualClock, Timestamp};
use gladhand_core::connection::{Account, Connection, Source};
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::ids::{AccountId, ConnectionId, DeliveryId, Ids, SourceId};
use gladhand_store::audit::AuditEntry;
use gladhand_store::catalog::Version;
use gladhand_store::deliveries::{
    ClaimRequest, Claims, Counts, DeliveryDetail, DeliveryFilter, Settlement,
};
use gladhand_store::effects::EffectRecord;
use gladhand_store::events::EventRecord;
use gladhand_store::link_book::LinkRecord;
use gladhand_store::queue::HeldLane;
use gladhand_store::settings::SecretOwner;
use gladhand_store::{Catalog, Deliveries, Error, Settings};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use crate::admin::declared::Names;
use crate::admin::operations::Pauses;
use crate::admin::{Admin, Parts};

/// 2026-11-20 12:00:00 UTC, when everything happens.
pub const NOW: Timestamp = Timestamp(1_795_176_000_000);

/// Everything that an `Admin` works on.
#[derive(Default)]
pub struct World {
    pub sources: Mutex<Vec<Source>>,
    pub accounts: Mutex<Vec<Account>>,
    pub connections: Mutex<Vec<Connection>>,
    pub secrets: Mutex<Vec<(SecretOwner, String, SecretString)>>,
    pub versions: Mutex<Vec<Version>>,
    pub routes: Mutex<Vec<(ConnectionId, String)>>,
    pub deliveries: Mutex<Vec<Delivery>>,
    /// What is known of a delivery beyond itself.
    pub details: Mutex<Vec<DeliveryDetail>>,
    /// Of the source `support`.
    pub contacts: Mutex<Vec<String>>,
    pub held: Mutex<Vec<HeldLane>>,
    pub effects: Mutex<Vec<EffectRecord>>,
    pub links: Mutex<Vec<(ConnectionId, LinkRecord)>>,
    pub events: Mutex<Vec<EventRecord>>,
    pub deeds: Mutex<Vec<AuditEntry>>,
    pub pauses: Mutex<Pauses>,
    pub reloads: Mutex<u32>,
    /// What the configuration file declares.
    pub declared: Mutex<Names>,
    /// What is told of how many deliveries stand where; a store that does not answer where it is none.
    pub counts: Mutex<Option<Counts>>,
    ids: Mutex<u128>,
}

impl World {
    /// One with version 1.0.0 of the connector `crm`, which takes a token and has one setting.
    pub fn new() -> Arc<Self> {
        let world = Self::default();
        world
            .versions
            .lock()
            .expect("no test panics with it")
            .push(version());
        Arc::new(world)
    }

    /// An `Admin` that works on it.
    pub fn admin(self: &Arc<Self>) -> Arc<Admin> {
        Arc::new(Admin::new(Parts {
            settings: self.clone(),
            catalog: self.clone(),
            deliveries: self.clone(),
            queue: self.clone(),
            effects: self.clone(),
            link_book: self.clone(),
            events: self.clone(),
            audit: self.clone(),
            operations: self.clone(),
            clock: Arc::new(ManualClock::new(NOW)),
            ids: self.clone(),
            public_url: "https://hooks.example.com".to_owned(),
            declared: locked(&self.declared).clone(),
        }))
    }
}

/// Version 1.0.0 of the connector `crm`.
pub fn version() -> Version {
    let descriptor = json!({
        "id": "crm", "name": "CRM", "version": "1.0.0", "state": 1,
        "auth": { "scheme": "static-header", "header": "Authorization", "prefix": "Bearer ", "secret": "token" },
        "settings": {
            "type": "object", "additionalProperties": false,
            "properties": { "stage": { "type": "integer", "minimum": 1 }, "country": { "type": "string" } },
        },
        "hosts": ["{base-url}"], "objects": ["person", "deal"], "events": ["contact.changed"], "lookup-after-ms": 30_000,
    });
    Version {
        digest: "d1".to_owned(),
        descriptor: serde_json::from_value(descriptor).expect("a descriptor"),
        size: 100,
        added_at: Timestamp(1_000),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with it")
}

fn put<T: Clone, K: PartialEq>(items: &Mutex<Vec<T>>, item: &T, key: impl Fn(&T) -> K) {
    let mut items = locked(items);
    match items.iter_mut().find(|known| key(known) == key(item)) {
        Some(known) => *known = item.clone(),
        None => items.push(item.clone()),
    }
}

impl Ids for World {
    fn next(&self) -> Uuid {
        let mut ids = locked(&self.ids);
        *ids += 1;
        Uuid::from_u128(*ids)
    }
}

#[async_trait]
impl Settings for World {
    async fn revision(&self) -> Result<i64, Error> {
        Ok(0)
    }

    async fn sources(&self) -> Result<Vec<Source>, Error> {
        Ok(locked(&self.sources).clone())
    }

    async fn put_source(&self, source: &Source) -> Result<(), Error> {
        put(&self.sources, source, |source| source.id);
        Ok(())
    }

    async fn remove_source(&self, id: SourceId) -> Result<(), Error> {
        locked(&self.sources).retain(|source| source.id != id);
        Ok(())
    }

    async fn accounts(&self) -> Result<Vec<Account>, Error> {
        Ok(locked(&self.accounts).clone())
    }

    async fn put_account(&self, account: &Account) -> Result<(), Error> {
        put(&self.accounts, account, |account| account.id);
        Ok(())
    }

    async fn connections(&self) -> Result<Vec<Connection>, Error> {
        Ok(locked(&self.connections).clone())
    }

    async fn put_connection(&self, connection: &Connection) -> Result<(), Error> {
        put(&self.connections, connection, |connection| connection.id);
        Ok(())
    }

    async fn remove_connection(&self, id: ConnectionId) -> Result<(), Error> {
        locked(&self.connections).retain(|connection| connection.id != id);
        Ok(())
    }

    async fn secrets(&self, owner: SecretOwner) -> Result<Vec<(String, SecretString)>, Error> {
        let secrets = locked(&self.secrets);
        let own = secrets.iter().filter(|(of, _, _)| *of == owner);
        Ok(own
            .map(|(_, name, secret)| (name.clone(), secret.clone()))
            .collect())
    }

    async fn put_secret(
        &self,
        owner: SecretOwner,
        name: &str,
        secret: &SecretString,
    ) -> Result<(), Error> {
        let entry = (owner, name.to_owned(), secret.clone());
        put(&self.secrets, &entry, |(owner, name, _)| {
            (*owner, name.clone())
        });
        Ok(())
    }
}

#[async_trait]
impl Catalog for World {
    async fn versions(&self) -> Result<Vec<Version>, Error> {
        Ok(locked(&self.versions).clone())
    }

    async fn add_version(&self, version: &Version, _component: &[u8]) -> Result<(), Error> {
        locked(&self.versions).push(version.clone());
        Ok(())
    }

    async fn component(&self, _digest: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    async fn routes(&self) -> Result<Vec<(ConnectionId, String)>, Error> {
        Ok(locked(&self.routes).clone())
    }

    async fn set_route(&self, connection: ConnectionId, digest: &str) -> Result<(), Error> {
        put(
            &self.routes,
            &(connection, digest.to_owned()),
            |(connection, _)| *connection,
        );
        Ok(())
    }
}

#[async_trait]
impl Deliveries for World {
    async fn claim(&self, _request: ClaimRequest) -> Result<Claims, Error> {
        Ok(Claims::default())
    }

    async fn settle(
        &self,
        _lease: &Lease,
        _account: AccountId,
        _state: u32,
        _changes: Changes,
        _settlement: Settlement,
    ) -> Result<(), Error> {
        Err(Error::LeaseLost)
    }

    async fn renew(&self, leases: &[Lease], _lease: Duration) -> Result<Vec<bool>, Error> {
        Ok(vec![false; leases.len()])
    }

    async fn changed(&self) {}

    async fn list(&self, filter: DeliveryFilter) -> Result<Vec<Delivery>, Error> {
        let mut deliveries = locked(&self.deliveries).clone();
        deliveries.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
        deliveries.retain(|delivery| {
            filter
                .connection
                .is_none_or(|connection| delivery.connection == connection)
                && filter.state.is_none_or(|state| {
                    let is_paused = filter.paused.contains(&delivery.connection);
                    match delivery.state {
                        own if is_paused && own.waits() => state == DeliveryState::Paused,
                        own => state == own,
                    }
                })
                && filter
                    .contact
                    .as_ref()
                    .is_none_or(|contact| delivery.lane == *contact)
                && filter
                    .since
                    .is_none_or(|since| delivery.received_at >= since)
                && filter.before.is_none_or(|before| delivery.id < before)
        });
        deliveries.truncate(filter.limit as usize);
        Ok(deliveries)
    }

    async fn show(&self, id: DeliveryId) -> Result<Option<DeliveryDetail>, Error> {
        let details = locked(&self.details);
        let mut known = details.iter();
        if let Some(detail) = known.find(|detail| detail.delivery.id == id) {
            return Ok(Some(detail.clone()));
        }
        let delivery = locked(&self.deliveries)
            .iter()
            .find(|delivery| delivery.id == id)
            .cloned();
        Ok(delivery.map(|delivery| DeliveryDetail {
            delivery,
            attempts: Vec::new(),
            effects: Vec::new(),
            links: Vec::new(),
        }))
    }

    async fn counts(&self) -> Result<Counts, Error> {
        locked(&self.counts).clone().ok_or(Error::Closed)
    }

    async fn lanes_waiting(&self) -> Result<u64, Error> {
        Ok(3)
    }
}
