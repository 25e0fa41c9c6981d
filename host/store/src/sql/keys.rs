//! Data keys: one per contact, one per source, each sealed by the master key. Whoever destroys one erases what it sealed.

use std::collections::HashMap;

use gladhand_core::ids::SourceId;
use moka::sync::Cache;
use std::sync::Arc;

use super::database::Connection;
use super::statement::{Script, Statement, nothing};
use super::value::Type::{Bytes, Id, Text};
use crate::Error;
use crate::crypter::{Cell, Crypter, Key};

/// Whose data a key seals: a contact's, or where that is empty, the source's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct KeyOwner {
    pub(super) source: SourceId,
    pub(super) contact: String,
}

/// The master key, and the data keys that were used lately.
pub(crate) struct Keys {
    master: Crypter,
    recent: Cache<KeyOwner, Arc<Crypter>>,
}

/// The data keys of one batch.
#[derive(Default)]
pub(super) struct DataKeys(HashMap<KeyOwner, Arc<Crypter>>);

/// About 300 bytes each: 6 MB.
const RECENT_KEYS: u64 = 20_000;

static FIND: Statement = Statement::new(
    &[Id, Text],
    "WITH wanted(source, contact) AS ({rows}) \
     SELECT keys.source, keys.contact, keys.value \
     FROM wanted JOIN keys ON keys.source = wanted.source AND keys.contact = wanted.contact",
);

static INSERT: Statement = Statement::new(
    &[Id, Text, Bytes],
    "INSERT INTO keys (source, contact, value) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL",
);

impl Keys {
    pub(super) fn new(master: Crypter) -> Self {
        Self {
            master,
            recent: Cache::new(RECENT_KEYS),
        }
    }

    /// The master key, for what belongs to nobody's data.
    pub(super) fn master(&self) -> &Crypter {
        &self.master
    }

    /// The keys of these owners as far as they exist.
    pub(super) async fn find(
        &self,
        connection: &mut Connection,
        owners: impl IntoIterator<Item = KeyOwner>,
    ) -> Result<DataKeys, Error> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for owner in owners {
            match self.recent.get(&owner) {
                Some(key) => drop(found.insert(owner, key)),
                None => missing.push(owner),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        let rows = FIND
            .fetch(
                connection,
                &missing,
                |values, owner| {
                    values.put(owner.source.uuid()).put(owner.contact.as_str());
                },
                nothing,
            )
            .await?;
        for row in rows {
            let owner = KeyOwner {
                source: SourceId::from_uuid(row.try_get("source")?),
                contact: row.try_get("contact")?,
            };
            let key = Arc::new(self.open(&owner, row.try_get("value")?)?);
            // Only what was read is remembered: a key that was made in this transaction may still be rolled back.
            self.recent.insert(owner.clone(), Arc::clone(&key));
            found.insert(owner, key);
        }
        Ok(DataKeys(found))
    }

    /// The keys of these owners; those that do not exist are made, and stored by the script.
    pub(super) async fn ensure(
        &self,
        script: &mut Script,
        connection: &mut Connection,
        owners: impl IntoIterator<Item = KeyOwner>,
    ) -> Result<DataKeys, Error> {
        let mut owners: Vec<KeyOwner> = owners.into_iter().collect();
        owners.sort_unstable();
        owners.dedup();
        let mut keys = self.find(connection, owners.iter().cloned()).await?;
        owners.retain(|owner| !keys.0.contains_key(owner));
        let made: Vec<(KeyOwner, Key)> = owners
            .into_iter()
            .map(|owner| (owner, Key::generate()))
            .collect();
        script.add(&INSERT, &made, |values, (owner, key)| {
            let sealed = self.master.seal(cell(&owner.row()), key.as_bytes());
            values
                .put(owner.source.uuid())
                .put(owner.contact.as_str())
                .put(sealed);
        });
        keys.0.extend(
            made.into_iter()
                .map(|(owner, key)| (owner, Arc::new(Crypter::new(&key, &[])))),
        );
        Ok(keys)
    }

    fn open(&self, owner: &KeyOwner, sealed: &[u8]) -> Result<Crypter, Error> {
        let row = owner.row();
        let bytes = zeroize::Zeroizing::new(self.master.open(cell(&row), sealed)?);
        let key = Key::from_bytes(&bytes).ok_or(Error::Sealed {
            table: "keys",
            column: "value",
        })?;
        Ok(Crypter::new(&key, &[]))
    }
}

impl DataKeys {
    /// Seals with the owner's key, which `ensure` was asked for.
    pub(super) fn seal(&self, owner: &KeyOwner, cell: Cell<'_>, plain: &[u8]) -> Vec<u8> {
        self.0
            .get(owner)
            .expect("`ensure` makes the keys of all owners of the batch")
            .seal(cell, plain)
    }

    /// Opens with the owner's key; a key that was destroyed opens nothing.
    pub(super) fn open(
        &self,
        owner: &KeyOwner,
        cell: Cell<'_>,
        sealed: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.0
            .get(owner)
            .ok_or(Error::Sealed {
                table: cell.table,
                column: cell.column,
            })?
            .open(cell, sealed)
    }
}

impl KeyOwner {
    fn row(&self) -> Vec<u8> {
        [
            self.source.uuid().as_bytes().as_slice(),
            self.contact.as_bytes(),
        ]
        .concat()
    }
}

fn cell(row: &[u8]) -> Cell<'_> {
    Cell {
        table: "keys",
        row,
        column: "value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&FIND, &INSERT];
        super::super::statement::check_plans(&statements).await;
    }
}
