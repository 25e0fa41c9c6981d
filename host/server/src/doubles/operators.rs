//! What operators ask of the store, in memory: as little as the rules above it can be told apart by.

use async_trait::async_trait;
use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::effect::Verdict;
use gladhand_core::ids::{AccountId, ConnectionId, DeliveryId, EventId, SourceId};
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_store::audit::AuditEntry;
use gladhand_store::effects::{Concluded, EffectFilter, EffectRecord, Word};
use gladhand_store::events::EventRecord;
use gladhand_store::link_book::{LinkFilter, LinkRecord};
use gladhand_store::queue::{Asked, HeldFilter, HeldLane, Selection};
use gladhand_store::{Audit, Effects, Error, Events, LinkBook, Queue};
use uuid::Uuid;

use super::{World, locked};

fn queue_again(delivery: &mut Delivery, now: Timestamp) {
    delivery.state = DeliveryState::Pending;
    delivery.not_before = None;
    delivery.queued_at = now;
    delivery.settled_at = None;
}

fn settle_skipped(delivery: &mut Delivery, reason: &str, now: Timestamp) {
    delivery.state = DeliveryState::Skipped;
    delivery.not_before = None;
    delivery.settled_at = Some(now);
    delivery.outcome = Some(Outcome::Skipped {
        code: SkipCode::ByOperator,
        reason: reason.to_owned(),
    });
}

impl World {
    fn ask(
        &self,
        id: DeliveryId,
        is_allowed: impl Fn(DeliveryState) -> bool,
        change: impl Fn(&mut Delivery),
    ) -> Asked {
        let mut deliveries = locked(&self.deliveries);
        let Some(found) = deliveries.iter_mut().find(|delivery| delivery.id == id) else {
            return Asked::Unknown;
        };
        if !is_allowed(found.state) {
            return Asked::Refused(found.clone());
        }
        change(found);
        Asked::Done(found.clone())
    }

    fn each_dead(&self, selection: &Selection, limit: u32, change: impl Fn(&mut Delivery)) -> u64 {
        let mut deliveries = locked(&self.deliveries);
        let is_meant = |delivery: &&mut Delivery| {
            let died_at = delivery.settled_at;
            let kind = delivery.failure.as_ref().map(|failure| failure.kind);
            delivery.state == DeliveryState::Dead
                && selection
                    .connection
                    .is_none_or(|connection| delivery.connection == connection)
                && selection.kind.is_none_or(|wanted| kind == Some(wanted))
                && selection.since.is_none_or(|since| died_at >= Some(since))
                && selection.until.is_none_or(|until| died_at < Some(until))
        };
        let mut count = 0;
        for delivery in deliveries.iter_mut().filter(is_meant).take(limit as usize) {
            change(delivery);
            count += 1;
        }
        count
    }
}

#[async_trait]
impl Queue for World {
    async fn retry(&self, id: DeliveryId, now: Timestamp) -> Result<Asked, Error> {
        let is_allowed =
            |state| !matches!(state, DeliveryState::Running | DeliveryState::Superseded);
        Ok(self.ask(id, is_allowed, |delivery| queue_again(delivery, now)))
    }

    async fn skip(&self, id: DeliveryId, reason: &str, now: Timestamp) -> Result<Asked, Error> {
        let is_allowed = |state: DeliveryState| {
            state == DeliveryState::Dead || (!state.is_settled() && state != DeliveryState::Running)
        };
        let change = |delivery: &mut Delivery| settle_skipped(delivery, reason, now);
        Ok(self.ask(id, is_allowed, change))
    }

    async fn retry_dead(
        &self,
        selection: &Selection,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, Error> {
        Ok(self.each_dead(selection, limit, |delivery| queue_again(delivery, now)))
    }

    async fn discard_dead(
        &self,
        selection: &Selection,
        reason: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let change = |delivery: &mut Delivery| settle_skipped(delivery, reason, now);
        Ok(self.each_dead(selection, limit, change))
    }

    async fn hold(
        &self,
        connection: ConnectionId,
        contact: &str,
        is_held: bool,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let waits = locked(&self.deliveries).iter().any(|delivery| {
            delivery.connection == connection
                && delivery.lane == contact
                && !delivery.state.is_settled()
        });
        let mut held = locked(&self.held);
        held.retain(|known| known.connection != connection || known.contact != contact);
        if waits && is_held {
            held.push(HeldLane {
                connection,
                contact: contact.to_owned(),
                holder: None,
                since: now,
            });
        }
        Ok(waits)
    }

    async fn held(&self, filter: HeldFilter) -> Result<Vec<HeldLane>, Error> {
        let mut held = locked(&self.held).clone();
        held.sort_by_key(|lane| (lane.connection, lane.contact.clone()));
        held.retain(|lane| {
            let place = (lane.connection, lane.contact.clone());
            let of = filter.connection;
            of.is_none_or(|connection| lane.connection == connection)
                && (filter.contacts.is_empty() || filter.contacts.contains(&lane.contact))
                && filter.after.as_ref().is_none_or(|after| place > *after)
        });
        held.truncate(filter.limit as usize);
        Ok(held)
    }

    async fn sync_contact(
        &self,
        source: SourceId,
        contact: &str,
        _now: Timestamp,
    ) -> Result<Option<u64>, Error> {
        let is_known = self.knows_contact(source, contact).await?;
        let count = locked(&self.connections).len();
        Ok(is_known.then(|| u64::try_from(count).unwrap_or(u64::MAX)))
    }
}

#[async_trait]
impl Effects for World {
    async fn list_effects(&self, filter: EffectFilter) -> Result<Vec<EffectRecord>, Error> {
        let mut effects = locked(&self.effects).clone();
        effects.sort_by_key(|effect| std::cmp::Reverse(effect.id));
        effects.retain(|effect| {
            filter
                .account
                .is_none_or(|account| effect.account == account)
                && (!filter.in_doubt || effect.verdict.is_in_doubt())
                && filter
                    .key
                    .as_ref()
                    .is_none_or(|key| effect.keys.contains(key))
                && filter.before.is_none_or(|before| effect.id < before)
        });
        effects.truncate(filter.limit as usize);
        Ok(effects)
    }

    async fn conclude_effect(
        &self,
        account: AccountId,
        key: &str,
        word: &Word,
        _now: Timestamp,
    ) -> Result<Concluded, Error> {
        let mut effects = locked(&self.effects);
        let found = effects.iter_mut().find(|effect| {
            effect.account == account && effect.keys.iter().any(|known| known == key)
        });
        let Some(effect) = found else {
            return Ok(Concluded::Unknown);
        };
        if !effect.verdict.is_in_doubt() {
            return Ok(Concluded::Settled(effect.clone()));
        }
        effect.verdict = match word {
            Word::Done(_) => Verdict::Done,
            Word::NotDone => Verdict::NotDone,
        };
        Ok(Concluded::Done(effect.clone()))
    }
}

#[async_trait]
impl LinkBook for World {
    async fn list_links(
        &self,
        connection: ConnectionId,
        filter: LinkFilter,
    ) -> Result<Vec<LinkRecord>, Error> {
        let is_like = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let mut links: Vec<LinkRecord> = locked(&self.links)
            .iter()
            .filter(|(owner, record)| {
                *owner == connection
                    && !record.link.remote_id.is_empty()
                    && is_like(&filter.entity_kind, &record.entity.kind)
                    && is_like(&filter.entity_id, &record.entity.id)
                    && is_like(&filter.object, &record.link.object)
                    && is_like(&filter.remote_id, &record.link.remote_id)
            })
            .map(|(_, record)| record.clone())
            .collect();
        links.sort_by_key(place);
        links.retain(|record| {
            filter
                .after
                .as_ref()
                .is_none_or(|after| place(record) > *after)
        });
        links.truncate(filter.limit as usize);
        Ok(links)
    }

    async fn put_links(
        &self,
        connection: ConnectionId,
        links: &[(Entity, Link)],
        now: Timestamp,
    ) -> Result<(), Error> {
        for (entity, link) in links {
            self.remove_link(connection, entity, &link.object, now)
                .await?;
            let record = LinkRecord {
                entity: entity.clone(),
                link: link.clone(),
                updated_at: now,
            };
            locked(&self.links).push((connection, record));
        }
        Ok(())
    }

    async fn remove_link(
        &self,
        connection: ConnectionId,
        entity: &Entity,
        object: &str,
        _now: Timestamp,
    ) -> Result<bool, Error> {
        let mut links = locked(&self.links);
        let before = links.len();
        links.retain(|(owner, record)| {
            *owner != connection || record.entity != *entity || record.link.object != object
        });
        Ok(links.len() < before)
    }
}

/// What links are ordered by.
fn place(record: &LinkRecord) -> (String, String, String) {
    let Entity { kind, id } = record.entity.clone();
    (kind, id, record.link.object.clone())
}

#[async_trait]
impl Events for World {
    async fn events_after(
        &self,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<EventRecord>, Error> {
        let mut events = locked(&self.events).clone();
        events.sort_by_key(|event| event.id);
        let limit = limit as usize;
        match after {
            Some(after) => {
                events.retain(|event| event.id > after);
                events.truncate(limit);
            }
            None => drop(events.drain(..events.len().saturating_sub(limit))),
        }
        Ok(events)
    }

    async fn knows_contact(&self, _source: SourceId, contact: &str) -> Result<bool, Error> {
        Ok(locked(&self.contacts).iter().any(|known| known == contact))
    }
}

#[async_trait]
impl Audit for World {
    async fn record_deed(&self, entry: &AuditEntry) -> Result<(), Error> {
        locked(&self.deeds).push(entry.clone());
        Ok(())
    }

    async fn deeds(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        let mut deeds = locked(&self.deeds).clone();
        deeds.sort_by_key(|deed| std::cmp::Reverse(deed.id));
        deeds.retain(|deed| before.is_none_or(|before| deed.id < before));
        deeds.truncate(limit as usize);
        Ok(deeds)
    }
}
