//! Identity locks of accounts. A lock lasts as long as a lane is leased with its token.

use std::collections::HashMap;

use async_trait::async_trait;
use gladhand_core::attempt::Lease;
use gladhand_core::ids::{AccountId, LeaseToken};
use gladhand_core::port::{self, Locks};

use super::Store;
use super::database::Connection;
use super::guard;
use super::leases::Asked;
use super::statement::{Script, Statement, nothing};
use super::value::Type::{Id, Text};
use super::writer::Operation;
use crate::Error;

/// All of `keys` or none.
pub(super) struct Acquire {
    lease: Lease,
    account: AccountId,
    keys: Vec<String>,
}

impl Acquire {
    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }
}

#[async_trait]
impl Locks for Store {
    async fn acquire(
        &self,
        lease: &Lease,
        account: AccountId,
        keys: &[String],
    ) -> Result<bool, port::Error> {
        let acquire = Acquire {
            lease: lease.clone(),
            account,
            keys: keys.to_vec(),
        };
        Ok(self.work.ask(Operation::Acquire, acquire).await?)
    }
}

/// Which lock.
type LockKey<'k> = (AccountId, &'k str);

static HOLDERS: Statement = Statement::new(
    &[Id, Text],
    "WITH wanted(account, key) AS ({rows}) \
     SELECT locks.account, locks.key, locks.token \
     FROM wanted \
     JOIN locks ON locks.account = wanted.account AND locks.key = wanted.key \
     JOIN lanes ON lanes.connection = locks.connection AND lanes.contact = locks.contact \
               AND lanes.lease_token = locks.token",
);

static TAKE: Statement = Statement::new(
    &[Id, Text, Id, Text, Id],
    "INSERT INTO locks (account, key, connection, contact, token) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL \
     ON CONFLICT (account, key) DO UPDATE SET connection = excluded.connection, contact = excluded.contact, \
     token = excluded.token",
);

static FREE: Statement = Statement::new(&[Id], "DELETE FROM locks WHERE token IN ({rows})");

pub(super) async fn run(
    script: &mut Script,
    connection: &mut Connection,
    acquires: &[Asked<'_, Acquire>],
) -> Result<Vec<Result<bool, Error>>, Error> {
    let keys = acquires.iter().flat_map(|(_, acquire)| {
        acquire
            .keys
            .iter()
            .map(|key| (acquire.account, key.as_str()))
    });
    guard::identities(connection, keys).await?;
    let mut holders = holders(connection, acquires).await?;
    let mut answers = Vec::with_capacity(acquires.len());
    let mut taken = Vec::new();
    for (source, acquire) in acquires {
        if source.is_none() {
            answers.push(Err(Error::LeaseLost));
            continue;
        }
        let own = acquire.lease.token;
        let is_free = |key: &String| {
            holders
                .get(&(acquire.account, key.as_str()))
                .is_none_or(|holder| *holder == own)
        };
        let are_free = acquire.keys.iter().all(is_free);
        if are_free {
            for key in &acquire.keys {
                holders.insert((acquire.account, key), own);
                taken.push((*acquire, key.as_str()));
            }
        }
        answers.push(Ok(are_free));
    }
    script.add(&TAKE, &taken, |values, (acquire, key)| {
        values
            .put(acquire.account.uuid())
            .put(*key)
            .put(acquire.lease.connection.uuid())
            .put(acquire.lease.contact.as_str())
            .put(acquire.lease.token.uuid());
    });
    Ok(answers)
}

/// Who holds the wanted locks, as far as somebody does.
async fn holders<'a>(
    connection: &mut Connection,
    acquires: &[Asked<'a, Acquire>],
) -> Result<HashMap<LockKey<'a>, LeaseToken>, Error> {
    let wanted: Vec<LockKey<'a>> = acquires
        .iter()
        .flat_map(|(_, acquire)| {
            acquire
                .keys
                .iter()
                .map(|key| (acquire.account, key.as_str()))
        })
        .collect();
    let rows = HOLDERS
        .fetch(
            connection,
            &wanted,
            |values, (account, key)| {
                values.put(account.uuid()).put(*key);
            },
            nothing,
        )
        .await?;
    let mut held: HashMap<(AccountId, &str), LeaseToken> = HashMap::new();
    for row in &rows {
        let account = AccountId::from_uuid(row.try_get("account")?);
        let token = LeaseToken::from_uuid(row.try_get("token")?);
        held.insert((account, row.try_get("key")?), token);
    }
    Ok(wanted
        .into_iter()
        .filter_map(|key| Some((key, *held.get(&key)?)))
        .collect())
}

/// Frees what these leases hold.
pub(super) fn free(script: &mut Script, tokens: &[LeaseToken]) {
    script.add(&FREE, tokens, |values, token| {
        values.put(token.uuid());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&HOLDERS, &TAKE, &FREE];
        super::super::statement::check_plans(&statements).await;
    }
}
