//! In-memory doubles of what an attempt can reach, for tests with an engine and without.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::attempt::{Attempt, Changes, Entity, Lease, Link};
use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::connection::{Account, Connection, Mode, Source};
use gladhand_core::descriptor::Descriptor;
use gladhand_core::effect::{Intended, Intent};
use gladhand_core::ids::{
    AccountId, AttemptId, ConnectionId, DeliveryId, Ids, LeaseToken, SourceId,
};
use gladhand_core::port::{
    Cache, Error, Journal, Links, Locks, Ports, Scope, Standing, Standings, Variables,
};
use gladhand_egress::{Egress, Target};
use gladhand_runtime::{Call, Services};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

/// What is stored, as the ports see it. Its fields are the tests' to fill and to look into.
#[derive(Default)]
pub struct Stored {
    pub links: Mutex<Vec<(Entity, Link)>>,
    pub cached: Mutex<HashMap<String, Value>>,
    pub variables: Mutex<HashMap<String, Value>>,
    /// What locks were asked for.
    pub asked_locks: Mutex<Vec<Vec<String>>>,
    /// How many looks find them taken.
    pub refuse_locks: Mutex<u32>,
}

/// The services of a host whose store is `stored`.
pub fn services(stored: &Arc<Stored>, clock: Arc<dyn Clock>) -> Services {
    let egress = Egress::new(
        gladhand_egress::Config::default(),
        clock.clone(),
        Arc::new(CountingIds::default()),
        stored.clone(),
    );
    Services {
        ports: Ports {
            journal: stored.clone(),
            links: stored.clone(),
            cache: stored.clone(),
            variables: stored.clone(),
            locks: stored.clone(),
        },
        egress: Arc::new(egress.expect("the default is valid")),
        clock,
    }
}

/// A call for the connector of `descriptor`, to the CRM at `base_url`.
pub fn call(base_url: &str, descriptor: Arc<Descriptor>) -> Call {
    let connection = ConnectionId::from_uuid(Uuid::from_u128(1));
    let account = AccountId::from_uuid(Uuid::from_u128(2));
    let source = SourceId::from_uuid(Uuid::from_u128(3));
    let lease = Lease {
        token: LeaseToken::from_uuid(Uuid::from_u128(4)),
        connection,
        contact: "7".to_owned(),
        delivery: DeliveryId::from_uuid(Uuid::from_u128(5)),
        attempt: AttemptId::from_uuid(Uuid::from_u128(6)),
        until: Duration::MAX.into(),
    };
    let target = Account {
        id: account,
        name: "acme".to_owned(),
        connector: "acme".to_owned(),
        base_url: Some(base_url.to_owned()),
        allow_private_network: true,
        allow_http: true,
        concurrency: 4,
    };
    let credentials = vec![("token".to_owned(), SecretString::from(SECRET))];
    Call {
        attempt: Attempt::new(lease, account, 1, Mode::Live, 1, Vec::new()),
        target: Arc::new(Target::new(target, descriptor, credentials).expect("it is valid")),
        connection: Arc::new(Connection {
            id: connection,
            name: "acme-main".to_owned(),
            source,
            account,
            connector: "acme".to_owned(),
            inboxes: Vec::new(),
            mode: Mode::Live,
            settings: json!({ "default_country": "US" }),
            time_zone: None,
            is_paused: false,
            policy: gladhand_core::connection::Policy::default(),
        }),
        source: Arc::new(Source {
            id: source,
            name: "support".to_owned(),
            kind: "chatwoot".to_owned(),
            base_url: None,
            account_id: None,
            is_signed: true,
            allow_private_network: false,
            allow_http: false,
        }),
    }
}

/// The account's credential: to be seen by the CRM and by nobody else.
pub const SECRET: &str = "canary-4f1d9c";

/// Ids 1, 2, 3, …
#[derive(Default)]
struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

#[async_trait]
impl Journal for Stored {
    async fn intend(
        &self,
        _: &Lease,
        _: AccountId,
        _: u32,
        _: Changes,
        _: Intent,
    ) -> Result<Intended, Error> {
        Ok(Intended::Send)
    }
}

#[async_trait]
impl Links for Stored {
    async fn get(&self, _: Scope, entity: &Entity, object: &str) -> Result<Option<Link>, Error> {
        let links = self.links.lock().expect("unpoisoned");
        let mut links = links.iter();
        let found = links.find(|(of, link)| of == entity && link.object == object);
        Ok(found.map(|(_, link)| link.clone()))
    }

    async fn list(&self, _: Scope, entity: &Entity) -> Result<Vec<Link>, Error> {
        let links = self.links.lock().expect("unpoisoned");
        let of_entity = links.iter().filter(|(of, _)| of == entity);
        Ok(of_entity.map(|(_, link)| link.clone()).collect())
    }

    async fn find_by_remote(
        &self,
        _: Scope,
        object: &str,
        remote_id: &str,
    ) -> Result<Vec<Entity>, Error> {
        let links = self.links.lock().expect("unpoisoned");
        let found = links
            .iter()
            .filter(|(_, link)| link.object == object && link.remote_id == remote_id);
        Ok(found.map(|(entity, _)| entity.clone()).collect())
    }
}

#[async_trait]
impl Cache for Stored {
    async fn get(
        &self,
        _: ConnectionId,
        _: u32,
        key: &str,
        _: Timestamp,
    ) -> Result<Option<Value>, Error> {
        Ok(self.cached.lock().expect("unpoisoned").get(key).cloned())
    }
}

#[async_trait]
impl Variables for Stored {
    async fn get(&self, _: ConnectionId, name: &str) -> Result<Option<Value>, Error> {
        Ok(self
            .variables
            .lock()
            .expect("unpoisoned")
            .get(name)
            .cloned())
    }

    async fn set(&self, _: ConnectionId, name: &str, value: Value) -> Result<(), Error> {
        let mut variables = self.variables.lock().expect("unpoisoned");
        variables.insert(name.to_owned(), value);
        Ok(())
    }
}

#[async_trait]
impl Locks for Stored {
    async fn acquire(&self, _: &Lease, _: AccountId, keys: &[String]) -> Result<bool, Error> {
        self.asked_locks
            .lock()
            .expect("unpoisoned")
            .push(keys.to_vec());
        let mut refuse = self.refuse_locks.lock().expect("unpoisoned");
        let is_refused = *refuse > 0;
        *refuse = refuse.saturating_sub(1);
        Ok(!is_refused)
    }
}

/// Nobody shares anything with anybody.
#[async_trait]
impl Standings for Stored {
    async fn all(&self) -> Result<Vec<Standing>, Error> {
        Ok(Vec::new())
    }

    async fn get(&self, _: AccountId, _: &str) -> Result<Option<Standing>, Error> {
        Ok(None)
    }

    async fn replace(
        &self,
        _: AccountId,
        _: &str,
        revision: i64,
        _: &Value,
    ) -> Result<Option<i64>, Error> {
        Ok(Some(revision + 1))
    }
}
