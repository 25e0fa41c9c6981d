//! Links as operators see them.

use async_trait::async_trait;
use gladhand_core::attempt::{Entity, Link, LinkChange};
use gladhand_core::clock::Timestamp;
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_core::port::Scope;

use super::database::Connection;
use super::deliveries::LONGEST_PAGE;
use super::query::Query;
use super::rows::{self, link_columns};
use super::statement::Script;
use super::{Store, links};
use crate::Error;
use crate::link_book::{LinkBook, LinkFilter, LinkRecord};

#[async_trait]
impl LinkBook for Store {
    async fn list_links(
        &self,
        connection: ConnectionId,
        filter: LinkFilter,
    ) -> Result<Vec<LinkRecord>, Error> {
        let mut query = Query::new(concat!(
            "SELECT entity_kind, entity_id, updated_at, ",
            link_columns!(),
            " FROM links WHERE owner = ? AND remote_id <> ''"
        ))
        .bind(connection.uuid());
        for (column, wanted) in [
            ("entity_kind", filter.entity_kind),
            ("entity_id", filter.entity_id),
            ("object", filter.object),
            ("remote_id", filter.remote_id),
        ] {
            if let Some(wanted) = wanted {
                query
                    .push(" AND ")
                    .push(column)
                    .push(" = ")
                    .push_bind(wanted);
            }
        }
        if let Some((kind, id, object)) = filter.after {
            query
                .push(" AND (entity_kind, entity_id, object) > (")
                .push_bind(kind)
                .push(", ")
                .push_bind(id)
                .push(", ")
                .push_bind(object)
                .push(")");
        }
        query
            .push(" ORDER BY entity_kind, entity_id, object LIMIT ")
            .push_bind(filter.limit.min(LONGEST_PAGE));
        let found = query.read(&self.readers).await?;
        found
            .iter()
            .map(|row| {
                Ok(LinkRecord {
                    entity: rows::entity(row)?,
                    link: rows::link(row)?,
                    updated_at: rows::time(row, "updated_at")?,
                })
            })
            .collect()
    }

    async fn put_links(
        &self,
        connection: ConnectionId,
        links: &[(Entity, Link)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let changes = links
            .iter()
            .map(|(entity, link)| LinkChange::Put(entity.clone(), link.clone()))
            .collect();
        self.change_links(connection, changes, now).await.map(drop)
    }

    async fn remove_link(
        &self,
        connection: ConnectionId,
        entity: &Entity,
        object: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let removal = LinkChange::Remove(entity.clone(), object.to_owned());
        let before = self.change_links(connection, vec![removal], now).await?;
        Ok(before > 0)
    }
}

impl Store {
    /// Makes changes; how many of their links were there before.
    async fn change_links(
        &self,
        connection: ConnectionId,
        changes: Vec<LinkChange>,
        now: Timestamp,
    ) -> Result<u64, Error> {
        self.write(move |database| {
            Box::pin(async move {
                let scope = scope(database, connection).await?;
                let mut before = 0;
                for change in &changes {
                    if let LinkChange::Remove(entity, object) = change {
                        before += count(database, connection, entity, object).await?;
                    }
                }
                let mut script = Script::default();
                links::change(
                    &mut script,
                    changes.iter().map(|change| (scope, change)),
                    now,
                );
                script.run(database).await?;
                Ok(before)
            })
        })
        .await
    }
}

async fn scope(database: &mut Connection, connection: ConnectionId) -> Result<Scope, Error> {
    let row = Query::new("SELECT account FROM connections WHERE id = ?")
        .bind(connection.uuid())
        .fetch_optional(database)
        .await?
        .ok_or(Error::Related { what: "link" })?;
    Ok(Scope {
        connection,
        account: AccountId::from_uuid(row.try_get("account")?),
    })
}

async fn count(
    database: &mut Connection,
    connection: ConnectionId,
    entity: &Entity,
    object: &str,
) -> Result<u64, Error> {
    let found = Query::new(
        "SELECT 1 FROM links WHERE owner = ? AND entity_kind = ? AND entity_id = ? AND object = ?",
    )
    .bind(connection.uuid())
    .bind(&entity.kind)
    .bind(&entity.id)
    .bind(object)
    .fetch_all(database)
    .await?;
    Ok(found.len() as u64)
}
