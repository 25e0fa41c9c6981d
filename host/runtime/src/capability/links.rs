//! `links`: source id ↔ CRM id. What this attempt has put but not committed counts before what is stored.

mod relinks;

pub(crate) use self::relinks::Relinks;

use gladhand_core::attempt::{Entity, Link, LinkChange, Relink};
use gladhand_core::port::Scope;

use super::View;
use crate::bindings::gladhand::connector::links;
use crate::convert::{from_guest, to_guest};
use crate::host::Host;
use crate::stop::Stop;

impl Host {
    /// The link of one entity to one kind of record.
    pub async fn link_get(&mut self, entity: &Entity, object: &str) -> Result<Option<Link>, Stop> {
        let stored = if self.attempt.own_link(entity, object).is_some() {
            None
        } else {
            let links = &self.services.ports.links;
            links.get(self.scope(), entity, object).await?
        };
        let mut links: Vec<Link> = stored.into_iter().collect();
        self.apply_own_changes(entity, &mut links);
        Ok(links.into_iter().find(|link| link.object == object))
    }

    /// Points the entity to a record.
    pub fn link_put(&mut self, entity: Entity, link: Link) -> Result<(), Stop> {
        self.keep(size(&entity) + link_size(&link))?;
        let relink = self.relinks.put(&entity, &link, self.attempt.is_again);
        self.relink(relink)?;
        self.attempt
            .changes
            .links
            .push(LinkChange::Put(entity, link));
        Ok(())
    }

    /// Points every link of (object, from) to another record.
    pub fn link_redirect(&mut self, object: &str, from: &str, to: &str) -> Result<(), Stop> {
        self.keep(object.len() + from.len() + to.len() + CHANGE_BYTES)?;
        let relink = Relink::Redirected {
            object: object.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        self.relink(Some(relink))?;
        self.attempt.changes.links.push(LinkChange::Redirect {
            object: object.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        });
        Ok(())
    }

    /// The entity is no record of this object any more.
    pub fn link_remove(&mut self, entity: Entity, object: &str) -> Result<(), Stop> {
        self.keep(size(&entity) + object.len())?;
        let relink = self.relinks.removed(&entity, object);
        self.relink(relink)?;
        self.attempt
            .changes
            .links
            .push(LinkChange::Remove(entity, object.to_owned()));
        Ok(())
    }

    /// Every link of one entity.
    pub async fn link_list(&mut self, entity: &Entity) -> Result<Vec<Link>, Stop> {
        let mut links = self.services.ports.links.list(self.scope(), entity).await?;
        self.apply_own_changes(entity, &mut links);
        Ok(links)
    }

    /// The entities that are this record.
    pub async fn link_find_by_remote(
        &mut self,
        object: &str,
        remote_id: &str,
    ) -> Result<Vec<Entity>, Stop> {
        let mut found = Vec::new();
        for origin in self.origins(object, remote_id) {
            let links = &self.services.ports.links;
            let entities = links.find_by_remote(self.scope(), object, &origin).await?;
            found.extend(entities.into_iter().map(|entity| (entity, origin.clone())));
        }
        for change in &self.attempt.changes.links {
            match change {
                LinkChange::Put(entity, link) if link.object == object => {
                    found.retain(|(known, _)| known != entity);
                    found.push((entity.clone(), link.remote_id.clone()));
                }
                LinkChange::Remove(entity, removed) if removed == object => {
                    found.retain(|(known, _)| known != entity);
                }
                LinkChange::Redirect {
                    object: redirected,
                    from,
                    to,
                } if redirected == object => {
                    for (_, id) in &mut found {
                        if id == from {
                            id.clone_from(to);
                        }
                    }
                }
                _ => {}
            }
        }
        let entities: Vec<Entity> = found
            .into_iter()
            .filter(|(_, id)| id == remote_id)
            .map(|(entity, _)| entity)
            .collect();
        self.relinks.found(&entities, object, remote_id);
        Ok(entities)
    }

    /// Keeps that a link led nowhere, for the audit log.
    fn relink(&mut self, relink: Option<Relink>) -> Result<(), Stop> {
        let Some(relink) = relink else { return Ok(()) };
        self.keep(match &relink {
            Relink::Cleared {
                entity,
                object,
                from: id,
            }
            | Relink::Found {
                entity,
                object,
                to: id,
            } => size(entity) + object.len() + id.len(),
            Relink::Redirected { object, from, to } => {
                CHANGE_BYTES + object.len() + from.len() + to.len()
            }
        })?;
        self.attempt.changes.relinks.push(relink);
        Ok(())
    }

    fn scope(&self) -> Scope {
        Scope {
            connection: self.connection.id,
            account: self.attempt.account,
        }
    }

    /// Brings stored links of `entity` to where this attempt's changes have moved them.
    fn apply_own_changes(&self, entity: &Entity, links: &mut Vec<Link>) {
        for change in &self.attempt.changes.links {
            match change {
                LinkChange::Put(of, link) if of == entity => {
                    links.retain(|known| known.object != link.object);
                    links.push(link.clone());
                }
                LinkChange::Remove(of, object) if of == entity => {
                    links.retain(|known| known.object != *object);
                }
                LinkChange::Redirect { object, from, to } => {
                    for link in links.iter_mut() {
                        if link.object == *object && link.remote_id == *from {
                            link.remote_id.clone_from(to);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// The record's stored ids: its own, and those that this attempt redirects to it.
    fn origins(&self, object: &str, remote_id: &str) -> Vec<String> {
        let mut origins = vec![remote_id.to_owned()];
        for change in self.attempt.changes.links.iter().rev() {
            if let LinkChange::Redirect {
                object: redirected,
                from,
                to,
            } = change
                && redirected == object
                && origins.contains(to)
                && !origins.contains(from)
            {
                origins.push(from.clone());
            }
        }
        origins
    }
}

/// What a change takes beside its texts.
const CHANGE_BYTES: usize = 200;

fn size(entity: &Entity) -> usize {
    entity.kind.len() + entity.id.len() + CHANGE_BYTES
}

fn link_size(link: &Link) -> usize {
    let texts = [&link.digest, &link.revision, &link.url];
    let attributes: usize = link
        .attributes
        .iter()
        .map(|(key, value)| key.len() + value.to_string().len())
        .sum();
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    link.object.len() + link.remote_id.len() + texts + attributes
}

impl links::Host for View<'_> {
    async fn get(
        &mut self,
        entity: links::Entity,
        object: String,
    ) -> wasmtime::Result<Option<links::Link>> {
        let (host, meter) = self.host()?;
        let entity = from_guest::entity(entity);
        let link = meter.host(host.link_get(&entity, &object)).await?;
        Ok(link.map(to_guest::link))
    }

    fn put(&mut self, entity: links::Entity, link: links::Link) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        let entity = from_guest::entity(entity);
        let link = from_guest::link(link)?;
        Ok(meter.host_now(|| host.link_put(entity, link))?)
    }

    fn redirect(&mut self, object: String, from: String, to: String) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| host.link_redirect(&object, &from, &to))?)
    }

    fn remove(&mut self, entity: links::Entity, object: String) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| host.link_remove(from_guest::entity(entity), &object))?)
    }

    async fn list(&mut self, entity: links::Entity) -> wasmtime::Result<Vec<links::Link>> {
        let (host, meter) = self.host()?;
        let entity = from_guest::entity(entity);
        let links = meter.host(host.link_list(&entity)).await?;
        Ok(links.into_iter().map(to_guest::link).collect())
    }

    async fn find_by_remote(
        &mut self,
        object: String,
        remote_id: String,
    ) -> wasmtime::Result<Vec<links::Entity>> {
        let (host, meter) = self.host()?;
        let entities = meter
            .host(host.link_find_by_remote(&object, &remote_id))
            .await?;
        Ok(entities.into_iter().map(to_guest::entity).collect())
    }
}

#[cfg(test)]
mod tests;
