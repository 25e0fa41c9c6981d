//! What must not happen at the same time on two hosts: one of two that want the same waits until the other's
//! transaction ends. On SQLite one writer does everything, so there is nothing to guard.
//!
//! Taken in one order by everybody: contacts and conversations, then lanes, then identities; within each sorted.

use gladhand_core::entity::EntityKind;
use gladhand_core::ids::AccountId;
use sha2::{Digest, Sha256};

use super::database::{Connection, Dialect};
use super::statement::{Statement, nothing};
use super::value::Type::Integer;
use crate::Error;

static GUARD: Statement = Statement::new(
    &[Integer],
    "WITH guarded(key) AS ({rows}) SELECT pg_advisory_xact_lock(key) IS NULL AS is_held FROM guarded",
);

/// Whoever compares with the rows of these contacts and conversations, or settles for want of their identity.
pub(super) async fn entities(
    connection: &mut Connection,
    keys: impl Iterator<Item = (EntityKind, String)>,
) -> Result<(), Error> {
    let names = keys.map(|(kind, id)| hash(&[kind.as_str().as_bytes(), id.as_bytes()]));
    take(connection, names.collect()).await
}

/// Whoever takes identity locks.
pub(super) async fn identities<'k>(
    connection: &mut Connection,
    keys: impl Iterator<Item = (AccountId, &'k str)>,
) -> Result<(), Error> {
    let names = keys.map(|(account, key)| hash(&[account.uuid().as_bytes(), key.as_bytes()]));
    take(connection, names.collect()).await
}

/// Two different things with one hash only wait for each other.
fn hash(parts: &[&[u8]]) -> i64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_first_chunk().expect("32 bytes");
    i64::from_le_bytes(*first)
}

async fn take(connection: &mut Connection, mut keys: Vec<i64>) -> Result<(), Error> {
    if connection.dialect() == Dialect::Sqlite || keys.is_empty() {
        return Ok(());
    }
    keys.sort_unstable();
    keys.dedup();
    let key = |values: &mut super::value::Values, key: &i64| {
        values.put(*key);
    };
    GUARD.fetch(connection, &keys, key, nothing).await?;
    Ok(())
}
