//! A database as it is found by who only looks: neither its schema nor a lease nor a file changes.

use sqlx::migrate::{MigrateError, Migrator};

use super::database::{Connection, Dialect};
use super::query::Query;
use super::{Location, deliveries, settings};
use crate::crypter::{Crypter, Key};
use crate::deliveries::Counts;
use crate::{Error, postgres, sqlite};

/// What there is in a database.
#[derive(Debug)]
pub struct Look {
    /// What proves the master key; absent where nothing was sealed yet.
    sealed: Option<Vec<u8>>,
    /// How many deliveries stand where; absent where an earlier version made the schema.
    pub counts: Option<Counts>,
}

impl Look {
    /// Looks; `None` where there is no database, or nothing in it yet.
    pub async fn at(location: &Location) -> Result<Option<Self>, Error> {
        let mut connection = match location {
            Location::Sqlite(path) if !path.exists() => return Ok(None),
            Location::Sqlite(path) => sqlite::look(path).await?,
            Location::Postgres(url) => postgres::look(url).await?,
        };
        let found = read(&mut connection).await;
        // Nothing was written, so nothing is lost with it.
        let _ = connection.close().await;
        found
    }

    /// Whether anything in it was sealed.
    pub fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// Whether this is the master key that it was sealed with.
    pub fn opens_with(&self, key: &Key) -> bool {
        let crypter = Crypter::new(key, &[]);
        let sealed = self.sealed.as_deref();
        sealed.is_some_and(|sealed| settings::proves(&crypter, sealed))
    }
}

async fn read(connection: &mut Connection) -> Result<Option<Look>, Error> {
    connection.begin_reading().await?;
    let (tables, migrations) = match connection.dialect() {
        Dialect::Sqlite => (
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
            &sqlite::MIGRATIONS,
        ),
        Dialect::Postgres => (
            "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'",
            &postgres::MIGRATIONS,
        ),
    };
    let made = Query::new(tables).fetch_optional(connection).await?;
    if made.is_none() {
        return Ok(None);
    }
    let counts = if is_up_to_date(connection, migrations).await? {
        Some(deliveries::counts(connection).await?)
    } else {
        None
    };
    Ok(Some(Look {
        sealed: settings::sealed_check(connection).await?,
        counts,
    }))
}

/// False where migrations are missing; one that is not this version's is an error, as it is for who opens the database.
async fn is_up_to_date(connection: &mut Connection, migrations: &Migrator) -> Result<bool, Error> {
    let applied = Query::new("SELECT version, checksum FROM _sqlx_migrations")
        .fetch_all(connection)
        .await?;
    for row in &applied {
        let version: i64 = row.try_get("version")?;
        let checksum: Vec<u8> = row.try_get("checksum")?;
        let known = migrations.iter().find(|known| known.version == version);
        let known = known.ok_or(MigrateError::VersionMissing(version))?;
        if *known.checksum != *checksum {
            return Err(MigrateError::VersionMismatch(version).into());
        }
    }
    Ok(applied.len() == migrations.iter().len())
}
