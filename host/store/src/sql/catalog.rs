//! Connector versions by digest, and which connection runs which.

use async_trait::async_trait;
use gladhand_core::ids::ConnectionId;

use super::Store;
use super::query::Query;
use super::rows::{self, to_json};
use super::settings::refused;
use crate::Error;
use crate::catalog::{Catalog, Version};

#[async_trait]
impl Catalog for Store {
    async fn versions(&self) -> Result<Vec<Version>, Error> {
        let found = Query::new(
            "SELECT digest, descriptor, size, added_at FROM connector_versions ORDER BY added_at DESC, digest",
        )
        .read(&self.readers)
        .await?;
        found
            .iter()
            .map(|row| {
                let digest: String = row.try_get("digest")?;
                let cell = || rows::Cell {
                    table: "connector_versions",
                    column: "descriptor",
                    row: digest.clone(),
                };
                Ok(Version {
                    descriptor: rows::json(row, cell)?,
                    size: row.try_get_count("size")?,
                    added_at: rows::time(row, "added_at")?,
                    digest,
                })
            })
            .collect()
    }

    async fn add_version(&self, version: &Version, component: &[u8]) -> Result<(), Error> {
        let Version {
            digest,
            descriptor,
            size,
            added_at,
        } = version.clone();
        let component = component.to_vec();
        self.configure(move |database| {
            Box::pin(async move {
                Query::new(
                    "INSERT INTO connector_versions (digest, descriptor, size, added_at, component) \
                     VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                )
                .bind(digest)
                .bind(to_json(&descriptor))
                .bind(i64::try_from(size).unwrap_or(i64::MAX))
                .bind(added_at.0)
                .bind(component)
                .execute(database)
                .await?;
                Ok(())
            })
        })
        .await
    }

    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        let row = Query::new("SELECT component FROM connector_versions WHERE digest = ?")
            .bind(digest)
            .read_one(&self.readers)
            .await?;
        Ok(row.map(|row| row.try_get("component")).transpose()?)
    }

    async fn routes(&self) -> Result<Vec<(ConnectionId, String)>, Error> {
        let found = Query::new("SELECT connection, digest FROM routes ORDER BY connection")
            .read(&self.readers)
            .await?;
        found
            .iter()
            .map(|row| {
                Ok((
                    ConnectionId::from_uuid(row.try_get("connection")?),
                    row.try_get("digest")?,
                ))
            })
            .collect()
    }

    async fn set_route(&self, connection: ConnectionId, digest: &str) -> Result<(), Error> {
        let digest = digest.to_owned();
        self.configure(move |database| {
            Box::pin(async move {
                Query::new(
                    "INSERT INTO routes (connection, digest) VALUES (?, ?) \
                     ON CONFLICT (connection) DO UPDATE SET digest = excluded.digest",
                )
                .bind(connection.uuid())
                .bind(digest)
                .execute(database)
                .await
                .map_err(|error| refused("route", "", error))?;
                Ok(())
            })
        })
        .await
    }
}
