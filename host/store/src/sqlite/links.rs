//! Source id ↔ CRM id, with what a link said before.

use async_trait::async_trait;
use gladhand_core::attempt::{Entity, Link, LinkChange};
use gladhand_core::clock::Timestamp;
use gladhand_core::port::{self, Links, Scope};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::rows::{self, link_columns, to_json};
use super::statement::{Statement, nothing};
use crate::Error;
use crate::link_steps::{self, LinkKey, Step};

#[async_trait]
impl Links for SqliteStore {
    async fn get(
        &self,
        scope: Scope,
        entity: &Entity,
        object: &str,
    ) -> Result<Option<Link>, port::Error> {
        let row = sqlx::query(concat!(
            "SELECT ",
            link_columns!(),
            " FROM links WHERE owner = ? AND entity_kind = ? AND entity_id = ? AND object = ?"
        ))
        .bind(link_steps::owner(scope, entity))
        .bind(&entity.kind)
        .bind(&entity.id)
        .bind(object)
        .fetch_optional(&self.readers)
        .await
        .map_err(Error::from)?;
        Ok(row.as_ref().map(rows::link).transpose()?)
    }

    async fn list(&self, scope: Scope, entity: &Entity) -> Result<Vec<Link>, port::Error> {
        let found = sqlx::query(concat!(
            "SELECT ",
            link_columns!(),
            " FROM links WHERE owner = ? AND entity_kind = ? AND entity_id = ? ORDER BY object"
        ))
        .bind(link_steps::owner(scope, entity))
        .bind(&entity.kind)
        .bind(&entity.id)
        .fetch_all(&self.readers)
        .await
        .map_err(Error::from)?;
        Ok(found.iter().map(rows::link).collect::<Result<_, _>>()?)
    }

    async fn find_by_remote(
        &self,
        scope: Scope,
        object: &str,
        remote_id: &str,
    ) -> Result<Vec<Entity>, port::Error> {
        let found = sqlx::query(
            "SELECT entity_kind, entity_id FROM links \
             WHERE owner IN (?, ?) AND object = ? AND remote_id = ? ORDER BY entity_kind, entity_id",
        )
        .bind(scope.connection.uuid())
        .bind(scope.account.uuid())
        .bind(object)
        .bind(remote_id)
        .fetch_all(&self.readers)
        .await
        .map_err(Error::from)?;
        Ok(found.iter().map(rows::entity).collect::<Result<_, _>>()?)
    }
}

/// Applies changes in order.
pub(super) async fn change<'c>(
    connection: &mut SqliteConnection,
    changes: impl Iterator<Item = (Scope, &'c LinkChange)>,
    now: Timestamp,
) -> Result<(), Error> {
    for step in link_steps::fold(changes) {
        match step {
            Step::Write(links) => {
                let (put, removed): (Vec<_>, Vec<_>) =
                    links.into_iter().partition(|(_, link)| link.is_some());
                let put: Vec<(LinkKey<'_>, &Link)> = put
                    .into_iter()
                    .filter_map(|(key, link)| Some((key, link?)))
                    .collect();
                let removed: Vec<LinkKey<'_>> = removed.into_iter().map(|(key, _)| key).collect();
                upsert(connection, &put, now).await?;
                remove(connection, &removed, now).await?;
            }
            Step::Redirect {
                connection: of,
                account,
                object,
                from,
                to,
            } => {
                for owner in [of.uuid(), account.uuid()] {
                    redirect(connection, owner, object, from, to, now).await?;
                }
            }
        }
    }
    Ok(())
}

static REMEMBER_REPLACED: Statement = Statement::new(
    "WITH put(owner, entity_kind, entity_id, object, remote_id) AS (VALUES ",
    5,
    ") INSERT INTO link_history (owner, entity_kind, entity_id, object, remote_id, updated_at, replaced_at) \
     SELECT links.owner, links.entity_kind, links.entity_id, links.object, links.remote_id, links.updated_at, ? \
     FROM put JOIN links ON links.owner = put.owner AND links.entity_kind = put.entity_kind \
     AND links.entity_id = put.entity_id AND links.object = put.object AND links.remote_id <> put.remote_id",
);

static UPSERT: Statement = Statement::new(
    "INSERT INTO links (owner, entity_kind, entity_id, object, remote_id, digest, revision, url, attributes, \
     updated_at) SELECT * FROM (VALUES ",
    10,
    ") WHERE column1 IS NOT NULL ON CONFLICT (owner, entity_kind, entity_id, object) DO UPDATE SET remote_id = excluded.remote_id, \
     digest = excluded.digest, revision = excluded.revision, url = excluded.url, \
     attributes = excluded.attributes, updated_at = excluded.updated_at",
);

async fn upsert(
    connection: &mut SqliteConnection,
    links: &[(LinkKey<'_>, &Link)],
    now: Timestamp,
) -> Result<(), Error> {
    REMEMBER_REPLACED
        .execute(
            connection,
            links,
            |values, (key, link)| {
                values
                    .put(key.owner)
                    .put(key.entity.kind.as_str())
                    .put(key.entity.id.as_str())
                    .put(key.object)
                    .put(link.remote_id.as_str());
            },
            |values| {
                values.put(now.0);
            },
        )
        .await?;
    UPSERT
        .execute(
            connection,
            links,
            |values, (key, link)| {
                values
                    .put(key.owner)
                    .put(key.entity.kind.as_str())
                    .put(key.entity.id.as_str())
                    .put(key.object)
                    .put(link.remote_id.as_str())
                    .put(link.digest.as_deref())
                    .put(link.revision.as_deref())
                    .put(link.url.as_deref())
                    .put(to_json(&link.attributes))
                    .put(now.0);
            },
            nothing,
        )
        .await?;
    Ok(())
}

static REMEMBER_REMOVED: Statement = Statement::new(
    "WITH removed(owner, entity_kind, entity_id, object) AS (VALUES ",
    4,
    ") INSERT INTO link_history (owner, entity_kind, entity_id, object, remote_id, updated_at, replaced_at) \
     SELECT links.owner, links.entity_kind, links.entity_id, links.object, links.remote_id, links.updated_at, ? \
     FROM removed JOIN links ON links.owner = removed.owner AND links.entity_kind = removed.entity_kind \
     AND links.entity_id = removed.entity_id AND links.object = removed.object",
);

static REMOVE: Statement = Statement::new(
    "DELETE FROM links WHERE (owner, entity_kind, entity_id, object) IN (VALUES ",
    4,
    ")",
);

async fn remove(
    connection: &mut SqliteConnection,
    links: &[LinkKey<'_>],
    now: Timestamp,
) -> Result<(), Error> {
    let key = |values: &mut super::statement::Values, key: &LinkKey<'_>| {
        values
            .put(key.owner)
            .put(key.entity.kind.as_str())
            .put(key.entity.id.as_str())
            .put(key.object);
    };
    REMEMBER_REMOVED
        .execute(connection, links, key, |values| {
            values.put(now.0);
        })
        .await?;
    REMOVE.execute(connection, links, key, nothing).await?;
    Ok(())
}

async fn redirect(
    connection: &mut SqliteConnection,
    owner: uuid::Uuid,
    object: &str,
    from: &str,
    to: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO link_history (owner, entity_kind, entity_id, object, remote_id, updated_at, replaced_at) \
         SELECT owner, entity_kind, entity_id, object, remote_id, updated_at, ? \
         FROM links WHERE owner = ? AND object = ? AND remote_id = ?",
    )
    .bind(now.0)
    .bind(owner)
    .bind(object)
    .bind(from)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE links SET remote_id = ?, updated_at = ? WHERE owner = ? AND object = ? AND remote_id = ?",
    )
    .bind(to)
    .bind(now.0)
    .bind(owner)
    .bind(object)
    .bind(from)
    .execute(&mut *connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&REMEMBER_REPLACED, &UPSERT, &REMEMBER_REMOVED, &REMOVE];
        super::super::statement::check_plans(&statements).await;
    }
}
