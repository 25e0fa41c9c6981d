//! Source id ↔ CRM id, with what a link said before.

use async_trait::async_trait;
use gladhand_core::attempt::{Entity, Link, LinkChange};
use gladhand_core::clock::Timestamp;
use gladhand_core::port::{self, Links, Scope};
use uuid::Uuid;

use super::Store;
use super::query::Query;
use super::rows::{self, link_columns, to_json};
use super::statement::{Script, Statement};
use super::value::Type::{Id, Integer, Text};
use super::value::Values;
use crate::Error;
use crate::link_steps::{self, LinkKey, Step};

#[async_trait]
impl Links for Store {
    async fn get(
        &self,
        scope: Scope,
        entity: &Entity,
        object: &str,
    ) -> Result<Option<Link>, port::Error> {
        let row = Query::new(concat!(
            "SELECT ",
            link_columns!(),
            " FROM links WHERE owner = ? AND entity_kind = ? AND entity_id = ? AND object = ?"
        ))
        .bind(link_steps::owner(scope, entity))
        .bind(&entity.kind)
        .bind(&entity.id)
        .bind(object)
        .read_one(&self.readers)
        .await
        .map_err(Error::from)?;
        Ok(row.as_ref().map(rows::link).transpose()?)
    }

    async fn list(&self, scope: Scope, entity: &Entity) -> Result<Vec<Link>, port::Error> {
        let found = Query::new(concat!(
            "SELECT ",
            link_columns!(),
            " FROM links WHERE owner = ? AND entity_kind = ? AND entity_id = ? ORDER BY object"
        ))
        .bind(link_steps::owner(scope, entity))
        .bind(&entity.kind)
        .bind(&entity.id)
        .read(&self.readers)
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
        let found = Query::new(
            "SELECT entity_kind, entity_id FROM links \
             WHERE owner IN (?, ?) AND object = ? AND remote_id = ? ORDER BY entity_kind, entity_id",
        )
        .bind(scope.connection.uuid())
        .bind(scope.account.uuid())
        .bind(object)
        .bind(remote_id)
        .read(&self.readers)
        .await
        .map_err(Error::from)?;
        Ok(found.iter().map(rows::entity).collect::<Result<_, _>>()?)
    }
}

/// Adds changes, in order.
pub(super) fn change<'c>(
    script: &mut Script,
    changes: impl Iterator<Item = (Scope, &'c LinkChange)>,
    now: Timestamp,
) {
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
                upsert(script, &put, now);
                remove(script, &removed, now);
            }
            Step::Redirect {
                connection,
                account,
                object,
                from,
                to,
            } => {
                let redirects = [connection.uuid(), account.uuid()].map(|owner| Redirect {
                    owner,
                    object,
                    from,
                    to,
                });
                redirect(script, &redirects, now);
            }
        }
    }
}

/// Every link of (object, from) of the owner points to another record.
struct Redirect<'c> {
    owner: Uuid,
    object: &'c str,
    from: &'c str,
    to: &'c str,
}

static REMEMBER_REPLACED: Statement = Statement::new(
    &[Id, Text, Text, Text, Text],
    "WITH put(owner, entity_kind, entity_id, object, remote_id) AS ({rows}) \
     INSERT INTO link_history (owner, entity_kind, entity_id, object, remote_id, updated_at, replaced_at) \
     SELECT links.owner, links.entity_kind, links.entity_id, links.object, links.remote_id, links.updated_at, ? \
     FROM put JOIN links ON links.owner = put.owner AND links.entity_kind = put.entity_kind \
     AND links.entity_id = put.entity_id AND links.object = put.object AND links.remote_id <> put.remote_id",
);

static UPSERT: Statement = Statement::new(
    &[Id, Text, Text, Text, Text, Text, Text, Text, Text, Integer],
    "INSERT INTO links (owner, entity_kind, entity_id, object, remote_id, digest, revision, url, attributes, \
     updated_at) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL \
     ON CONFLICT (owner, entity_kind, entity_id, object) DO UPDATE SET remote_id = excluded.remote_id, \
     digest = excluded.digest, revision = excluded.revision, url = excluded.url, \
     attributes = excluded.attributes, updated_at = excluded.updated_at",
);

fn upsert(script: &mut Script, links: &[(LinkKey<'_>, &Link)], now: Timestamp) {
    script.add_with(
        &REMEMBER_REPLACED,
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
    );
    script.add(&UPSERT, links, |values, (key, link)| {
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
    });
}

static REMEMBER_REMOVED: Statement = Statement::new(
    &[Id, Text, Text, Text],
    "WITH removed(owner, entity_kind, entity_id, object) AS ({rows}) \
     INSERT INTO link_history (owner, entity_kind, entity_id, object, remote_id, updated_at, replaced_at) \
     SELECT links.owner, links.entity_kind, links.entity_id, links.object, links.remote_id, links.updated_at, ? \
     FROM removed JOIN links ON links.owner = removed.owner AND links.entity_kind = removed.entity_kind \
     AND links.entity_id = removed.entity_id AND links.object = removed.object",
);

static REMOVE: Statement = Statement::new(
    &[Id, Text, Text, Text],
    "DELETE FROM links WHERE (owner, entity_kind, entity_id, object) IN ({rows})",
);

fn remove(script: &mut Script, links: &[LinkKey<'_>], now: Timestamp) {
    let key = |values: &mut Values, key: &LinkKey<'_>| {
        values
            .put(key.owner)
            .put(key.entity.kind.as_str())
            .put(key.entity.id.as_str())
            .put(key.object);
    };
    script.add_with(&REMEMBER_REMOVED, links, key, |values| {
        values.put(now.0);
    });
    script.add(&REMOVE, links, key);
}

static REMEMBER_REDIRECTED: Statement = Statement::new(
    &[Id, Text, Text],
    "WITH redirected(owner, object, remote_id) AS ({rows}) \
     INSERT INTO link_history (owner, entity_kind, entity_id, object, remote_id, updated_at, replaced_at) \
     SELECT links.owner, links.entity_kind, links.entity_id, links.object, links.remote_id, links.updated_at, ? \
     FROM redirected JOIN links ON links.owner = redirected.owner AND links.object = redirected.object \
     AND links.remote_id = redirected.remote_id",
);

static REDIRECT: Statement = Statement::new(
    &[Id, Text, Text, Text],
    "WITH redirected(owner, object, remote_id, new_id) AS ({rows}) \
     UPDATE links SET remote_id = redirected.new_id, updated_at = ? FROM redirected \
     WHERE links.owner = redirected.owner AND links.object = redirected.object \
     AND links.remote_id = redirected.remote_id",
);

fn redirect(script: &mut Script, redirects: &[Redirect<'_>], now: Timestamp) {
    let from = |values: &mut Values, redirect: &Redirect<'_>| {
        values
            .put(redirect.owner)
            .put(redirect.object)
            .put(redirect.from);
    };
    script.add_with(&REMEMBER_REDIRECTED, redirects, from, |values| {
        values.put(now.0);
    });
    script.add_with(
        &REDIRECT,
        redirects,
        |values, redirect| {
            from(values, redirect);
            values.put(redirect.to);
        },
        |values| {
            values.put(now.0);
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [
            &REMEMBER_REPLACED,
            &UPSERT,
            &REMEMBER_REMOVED,
            &REMOVE,
            &REMEMBER_REDIRECTED,
            &REDIRECT,
        ];
        super::super::statement::check_plans(&statements).await;
    }
}
