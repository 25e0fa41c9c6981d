//! How an attempt reaches what is stored. The store implements these traits, tests double them.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::attempt::{Changes, Entity, Lease, Link};
use crate::clock::Timestamp;
use crate::effect::{Intended, Intent};
use crate::ids::{AccountId, ConnectionId};

/// Why a port could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has the lane by now: whatever this attempt does is void.
    #[error("the lease on the lane was lost")]
    LeaseLost,
    /// The store does not work at the moment.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The write journal.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Commits `changes` and the intent, if the lease still holds and no key is in doubt.
    ///
    /// `changes` are committed whatever the answer is, except where the lease is lost.
    async fn intend(
        &self,
        lease: &Lease,
        account: AccountId,
        state: u32,
        changes: Changes,
        intent: Intent,
    ) -> Result<Intended, Error>;
}

/// Source id ↔ CRM id. Puts travel in `Changes`.
#[async_trait]
pub trait Links: Send + Sync {
    /// The link of one entity to one kind of record.
    async fn get(&self, scope: Scope, entity: &Entity, object: &str)
    -> Result<Option<Link>, Error>;
    /// Every link of one entity.
    async fn list(&self, scope: Scope, entity: &Entity) -> Result<Vec<Link>, Error>;
    /// The entities that are this record.
    async fn find_by_remote(
        &self,
        scope: Scope,
        object: &str,
        remote_id: &str,
    ) -> Result<Vec<Entity>, Error>;
}

/// Whose links: identities are the account's, everything else the connection's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The connection's.
    pub connection: ConnectionId,
    /// The account's.
    pub account: AccountId,
}

/// What a connector remembers for a while. Puts travel in `Changes`.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The value, unless it has expired.
    async fn get(
        &self,
        connection: ConnectionId,
        state: u32,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Value>, Error>;
}

/// What setup found out.
#[async_trait]
pub trait Variables: Send + Sync {
    /// The value of one.
    async fn get(&self, connection: ConnectionId, name: &str) -> Result<Option<Value>, Error>;
    /// Stores one.
    async fn set(&self, connection: ConnectionId, name: &str, value: Value) -> Result<(), Error>;
}

/// Identity locks of an account.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Takes all of `keys` (sorted, distinct) or none; true where they were taken. Settling or losing the lease frees them.
    async fn acquire(
        &self,
        lease: &Lease,
        account: AccountId,
        keys: &[String],
    ) -> Result<bool, Error>;
}

/// One thing that is known of an account, as every host that shares the store sees it: a budget, a breaker, a pause.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Whose.
    pub account: AccountId,
    /// What it is about: `budget:requests`, `breaker`, `pause`.
    pub name: String,
    /// Which replacement this is; larger is later.
    pub revision: i64,
    /// What is known; its shape is its owner's business.
    pub value: Value,
}

/// What hosts know of accounts together. It survives a restart.
#[async_trait]
pub trait Standings: Send + Sync {
    /// All there are; a handful per account.
    async fn all(&self) -> Result<Vec<Standing>, Error>;
    /// One.
    async fn get(&self, account: AccountId, name: &str) -> Result<Option<Standing>, Error>;
    /// Replaces one that still has `revision` (0: there is none yet). Its new revision, or `None` where somebody else was
    /// faster.
    async fn replace(
        &self,
        account: AccountId,
        name: &str,
        revision: i64,
        value: &Value,
    ) -> Result<Option<i64>, Error>;
}

/// All of them, as an attempt is handed them.
#[derive(Clone)]
pub struct Ports {
    /// The write journal.
    pub journal: Arc<dyn Journal>,
    /// Source id ↔ CRM id.
    pub links: Arc<dyn Links>,
    /// What a connector remembers.
    pub cache: Arc<dyn Cache>,
    /// What setup found out.
    pub variables: Arc<dyn Variables>,
    /// Identity locks.
    pub locks: Arc<dyn Locks>,
}
