//! What operators and retention ask of the store; not answered yet.

use async_trait::async_trait;
use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Timestamp;
use gladhand_core::ids::{AccountId, ConnectionId, DeliveryId, EventId, SourceId};
use gladhand_core::port::{self, Standing, Standings};
use serde_json::Value;
use uuid::Uuid;

use super::SqliteStore;
use crate::Error;
use crate::audit::{Audit, AuditEntry};
use crate::effects::{Concluded, EffectFilter, EffectRecord, Effects, Word};
use crate::events::{EventRecord, Events};
use crate::link_book::{LinkBook, LinkFilter, LinkRecord};
use crate::queue::{Asked, Queue, Selection};

#[async_trait]
impl Queue for SqliteStore {
    async fn retry(&self, _: DeliveryId, _: Timestamp) -> Result<Asked, Error> {
        Err(Error::Closed)
    }
    async fn skip(&self, _: DeliveryId, _: &str, _: Timestamp) -> Result<Asked, Error> {
        Err(Error::Closed)
    }
    async fn retry_dead(&self, _: &Selection, _: u32, _: Timestamp) -> Result<u64, Error> {
        Err(Error::Closed)
    }
    async fn discard_dead(
        &self,
        _: &Selection,
        _: &str,
        _: u32,
        _: Timestamp,
    ) -> Result<u64, Error> {
        Err(Error::Closed)
    }
    async fn hold(&self, _: ConnectionId, _: &str, _: bool) -> Result<bool, Error> {
        Err(Error::Closed)
    }
    async fn sync_contact(&self, _: SourceId, _: &str, _: Timestamp) -> Result<Option<u64>, Error> {
        Err(Error::Closed)
    }
}

#[async_trait]
impl Effects for SqliteStore {
    async fn list_effects(&self, _: EffectFilter) -> Result<Vec<EffectRecord>, Error> {
        Err(Error::Closed)
    }
    async fn conclude_effect(
        &self,
        _: AccountId,
        _: &str,
        _: &Word,
        _: Timestamp,
    ) -> Result<Concluded, Error> {
        Err(Error::Closed)
    }
}

#[async_trait]
impl LinkBook for SqliteStore {
    async fn list_links(&self, _: ConnectionId, _: LinkFilter) -> Result<Vec<LinkRecord>, Error> {
        Err(Error::Closed)
    }
    async fn put_links(
        &self,
        _: ConnectionId,
        _: &[(Entity, Link)],
        _: Timestamp,
    ) -> Result<(), Error> {
        Err(Error::Closed)
    }
    async fn remove_link(
        &self,
        _: ConnectionId,
        _: &Entity,
        _: &str,
        _: Timestamp,
    ) -> Result<bool, Error> {
        Err(Error::Closed)
    }
}

#[async_trait]
impl Events for SqliteStore {
    async fn events_after(&self, _: Option<EventId>, _: u32) -> Result<Vec<EventRecord>, Error> {
        Err(Error::Closed)
    }
}

#[async_trait]
impl Audit for SqliteStore {
    async fn record_deed(&self, _: &AuditEntry) -> Result<(), Error> {
        Err(Error::Closed)
    }
    async fn deeds(&self, _: Option<Uuid>, _: u32) -> Result<Vec<AuditEntry>, Error> {
        Err(Error::Closed)
    }
}

#[async_trait]
impl Standings for SqliteStore {
    async fn all(&self) -> Result<Vec<Standing>, port::Error> {
        Ok(Vec::new())
    }
    async fn get(&self, _: AccountId, _: &str) -> Result<Option<Standing>, port::Error> {
        Ok(None)
    }
    async fn replace(
        &self,
        _: AccountId,
        _: &str,
        revision: i64,
        _: &Value,
    ) -> Result<Option<i64>, port::Error> {
        Ok(Some(revision + 1))
    }
}
