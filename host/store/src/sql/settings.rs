//! What operators configure, and the secrets that belong to it, sealed by the master key.

mod rows;

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::connection::{Account, Connection, Source};
use gladhand_core::ids::{ConnectionId, SourceId};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use self::rows::{account, mode_word, source};

pub(super) use self::rows::connection;
use super::Store;
use super::query::Query;
use super::rows::to_json;
use crate::Error;
use crate::crypter::{Cell, Crypter};
use crate::settings::{SecretOwner, Settings};

#[async_trait]
impl Settings for Store {
    async fn revision(&self) -> Result<i64, Error> {
        let row = Query::new("SELECT revision FROM configuration")
            .read_one(&self.readers)
            .await?;
        Ok(row.map_or(Ok(0), |row| row.try_get("revision"))?)
    }

    async fn sources(&self) -> Result<Vec<Source>, Error> {
        let found = Query::new("SELECT * FROM sources ORDER BY name")
            .read(&self.readers)
            .await?;
        found.iter().map(source).collect()
    }

    async fn put_source(&self, source: &Source) -> Result<(), Error> {
        let Source {
            id,
            name,
            kind,
            base_url,
            account_id,
            is_signed,
            allow_private_network,
            allow_http,
        } = source.clone();
        self.configure(move |database| {
            Box::pin(async move {
                refuse_removed(database, "source", id.uuid()).await?;
                Query::new(
                    "INSERT INTO sources (id, name, kind, base_url, account_id, is_signed, allow_private_network, \
                     allow_http) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
                     ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, \
                     base_url = excluded.base_url, account_id = excluded.account_id, \
                     is_signed = excluded.is_signed, allow_private_network = excluded.allow_private_network, \
                     allow_http = excluded.allow_http",
                )
                .bind(id.uuid())
                .bind(&name)
                .bind(kind)
                .bind(base_url)
                .bind(account_id)
                .bind(is_signed)
                .bind(allow_private_network)
                .bind(allow_http)
                .execute(database)
                .await
                .map_err(|error| refused("source", &name, error))?;
                Ok(())
            })
        })
        .await
    }

    async fn remove_source(&self, id: SourceId) -> Result<(), Error> {
        let now = self.shared.clock.now();
        self.configure(move |database| {
            Box::pin(async move {
                // The source itself first: where a connection still names it, nothing is removed.
                for statement in [
                    "DELETE FROM sources WHERE id = ?",
                    "DELETE FROM secrets WHERE owner_kind = 'source' AND owner = ?",
                ] {
                    Query::new(statement)
                        .bind(id.uuid())
                        .execute(&mut *database)
                        .await
                        .map_err(|error| refused("source", "", error))?;
                }
                remember_removal(database, id.uuid(), now).await
            })
        })
        .await
    }

    async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let found = Query::new("SELECT * FROM accounts ORDER BY name")
            .read(&self.readers)
            .await?;
        found.iter().map(account).collect()
    }

    async fn put_account(&self, account: &Account) -> Result<(), Error> {
        let Account {
            id,
            name,
            connector,
            base_url,
            allow_private_network,
            allow_http,
            concurrency,
        } = account.clone();
        self.configure(move |database| {
            Box::pin(async move {
                Query::new(
                    "INSERT INTO accounts (id, name, connector, base_url, allow_private_network, allow_http, \
                     concurrency) VALUES (?, ?, ?, ?, ?, ?, ?) \
                     ON CONFLICT (id) DO UPDATE SET name = excluded.name, connector = excluded.connector, \
                     base_url = excluded.base_url, allow_private_network = excluded.allow_private_network, \
                     allow_http = excluded.allow_http, concurrency = excluded.concurrency",
                )
                .bind(id.uuid())
                .bind(&name)
                .bind(connector)
                .bind(base_url)
                .bind(allow_private_network)
                .bind(allow_http)
                .bind(concurrency)
                .execute(database)
                .await
                .map_err(|error| refused("account", &name, error))?;
                Ok(())
            })
        })
        .await
    }

    async fn connections(&self) -> Result<Vec<Connection>, Error> {
        let found = Query::new("SELECT * FROM connections ORDER BY name")
            .read(&self.readers)
            .await?;
        found.iter().map(connection).collect()
    }

    async fn put_connection(&self, connection: &Connection) -> Result<(), Error> {
        let Connection {
            id,
            name,
            source,
            account,
            connector,
            inboxes,
            mode,
            settings,
            time_zone,
            is_paused,
            policy,
        } = connection.clone();
        self.configure(move |database| {
            Box::pin(async move {
                refuse_removed(database, "connection", id.uuid()).await?;
                Query::new(
                    "INSERT INTO connections (id, name, source, account, connector, inboxes, mode, settings, \
                     time_zone, is_paused, policy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                     ON CONFLICT (id) DO UPDATE SET name = excluded.name, source = excluded.source, \
                     account = excluded.account, connector = excluded.connector, inboxes = excluded.inboxes, \
                     mode = excluded.mode, settings = excluded.settings, time_zone = excluded.time_zone, \
                     is_paused = excluded.is_paused, policy = excluded.policy",
                )
                .bind(id.uuid())
                .bind(&name)
                .bind(source.uuid())
                .bind(account.uuid())
                .bind(connector)
                .bind(to_json(&inboxes))
                .bind(mode_word(mode))
                .bind(to_json(&settings))
                .bind(time_zone)
                .bind(is_paused)
                .bind(to_json(&policy))
                .execute(database)
                .await
                .map_err(|error| refused("connection", &name, error))?;
                Ok(())
            })
        })
        .await
    }

    async fn remove_connection(&self, id: ConnectionId) -> Result<(), Error> {
        let now = self.shared.clock.now();
        self.configure(move |database| {
            Box::pin(async move {
                for statement in [
                    "DELETE FROM variables WHERE connection = ?",
                    "DELETE FROM routes WHERE connection = ?",
                    "DELETE FROM connections WHERE id = ?",
                ] {
                    Query::new(statement)
                        .bind(id.uuid())
                        .execute(&mut *database)
                        .await?;
                }
                remember_removal(database, id.uuid(), now).await
            })
        })
        .await
    }

    async fn secrets(&self, owner: SecretOwner) -> Result<Vec<(String, SecretString)>, Error> {
        let (kind, id) = owner_columns(owner);
        let found = Query::new(
            "SELECT name, value FROM secrets WHERE owner_kind = ? AND owner = ? ORDER BY name",
        )
        .bind(kind)
        .bind(id)
        .read(&self.readers)
        .await?;
        found
            .iter()
            .map(|row| {
                let name: String = row.try_get("name")?;
                let key = secret_row(owner, &name);
                let plain = self
                    .shared
                    .keys
                    .master()
                    .open(secret_cell(&key), row.try_get("value")?)?;
                let text = String::from_utf8(plain).map_err(|_| Error::Sealed {
                    table: "secrets",
                    column: "value",
                })?;
                Ok((name, SecretString::from(text)))
            })
            .collect()
    }

    async fn put_secret(
        &self,
        owner: SecretOwner,
        name: &str,
        secret: &SecretString,
    ) -> Result<(), Error> {
        let (kind, id) = owner_columns(owner);
        let key = secret_row(owner, name);
        let master = self.shared.keys.master();
        let sealed = master.seal(secret_cell(&key), secret.expose_secret().as_bytes());
        let name = name.to_owned();
        self.configure(move |database| {
            Box::pin(async move {
                Query::new(
                    "INSERT INTO secrets (owner_kind, owner, name, value) VALUES (?, ?, ?, ?) \
                     ON CONFLICT (owner_kind, owner, name) DO UPDATE SET value = excluded.value",
                )
                .bind(kind)
                .bind(id)
                .bind(name)
                .bind(sealed)
                .execute(database)
                .await?;
                Ok(())
            })
        })
        .await
    }
}

/// Whoever changes it has read it before another host removed it: what it had is on its way out.
async fn refuse_removed(
    database: &mut super::database::Connection,
    what: &'static str,
    id: Uuid,
) -> Result<(), Error> {
    let removed = Query::new("SELECT 1 FROM removals WHERE id = ?")
        .bind(id)
        .fetch_optional(database)
        .await?;
    removed.map_or(Ok(()), |_| Err(Error::Removed { what }))
}

/// What it had goes in retention's small steps: in one it would keep everybody waiting.
async fn remember_removal(
    database: &mut super::database::Connection,
    id: Uuid,
    now: Timestamp,
) -> Result<(), Error> {
    Query::new(
        "INSERT INTO removals (id, removed_at) VALUES (?, ?) \
         ON CONFLICT (id) DO UPDATE SET removed_at = excluded.removed_at",
    )
    .bind(id)
    .bind(now.0)
    .execute(database)
    .await?;
    Ok(())
}

/// Whose secret proves that the master key is the one that the database was made with.
const CHECK: &str = "check";

/// Seals something in a new database, and opens it in one that is not.
pub(super) async fn check_master_key(store: &Store) -> Result<(), Error> {
    let master = store.shared.keys.master();
    let sealed = master.seal(secret_cell(&check_row()), CHECK.as_bytes());
    store
        .write(move |database| {
            Box::pin(async move {
                let put = Query::new(
                    "INSERT INTO secrets (owner_kind, owner, name, value) VALUES (?, ?, ?, ?) \
                     ON CONFLICT (owner_kind, owner, name) DO NOTHING",
                );
                let put = put.bind(CHECK).bind(Uuid::nil()).bind(CHECK).bind(sealed);
                Ok(put.execute(database).await?)
            })
        })
        .await?;
    let mut reader = store.readers.acquire().await?;
    let stored = sealed_check(&mut reader).await?.unwrap_or_default();
    if proves(master, &stored) {
        Ok(())
    } else {
        Err(Error::MasterKey)
    }
}

/// What was sealed to prove the master key; none where no host has opened the database yet.
pub(super) async fn sealed_check(
    database: &mut super::database::Connection,
) -> Result<Option<Vec<u8>>, Error> {
    let stored = Query::new("SELECT value FROM secrets WHERE owner_kind = ? AND name = ?")
        .bind(CHECK)
        .bind(CHECK)
        .fetch_optional(database)
        .await?;
    Ok(stored.map(|row| row.try_get("value")).transpose()?)
}

/// Whether this key sealed it.
pub(super) fn proves(master: &Crypter, sealed: &[u8]) -> bool {
    master.open(secret_cell(&check_row()), sealed).is_ok()
}

fn check_row() -> Vec<u8> {
    [CHECK.as_bytes(), Uuid::nil().as_bytes(), CHECK.as_bytes()].concat()
}

/// What a broken rule of the schema means to the operator.
pub(super) fn refused(what: &'static str, name: &str, error: sqlx::Error) -> Error {
    let kind = error
        .as_database_error()
        .map(sqlx::error::DatabaseError::kind);
    match kind {
        Some(sqlx::error::ErrorKind::UniqueViolation) => Error::Exists {
            what,
            name: name.to_owned(),
        },
        Some(sqlx::error::ErrorKind::ForeignKeyViolation) => Error::Related { what },
        _ => error.into(),
    }
}

fn owner_columns(owner: SecretOwner) -> (&'static str, Uuid) {
    match owner {
        SecretOwner::Source(id) => ("source", id.uuid()),
        SecretOwner::Account(id) => ("account", id.uuid()),
    }
}

fn secret_row(owner: SecretOwner, name: &str) -> Vec<u8> {
    let (kind, id) = owner_columns(owner);
    [kind.as_bytes(), id.as_bytes(), name.as_bytes()].concat()
}

fn secret_cell(row: &[u8]) -> Cell<'_> {
    Cell {
        table: "secrets",
        row,
        column: "value",
    }
}
