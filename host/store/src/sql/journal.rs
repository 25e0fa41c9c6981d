//! The write journal: an intent is committed before its request leaves, if nothing is in doubt about its keys.

mod answers;

pub(super) use self::answers::open_answer;

use std::collections::HashMap;

use async_trait::async_trait;
use gladhand_core::attempt::{Changes, Lease};
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::{Intended, Intent, Verdict};
use gladhand_core::ids::{AccountId, DeliveryId, EffectId};
use gladhand_core::port::{self, Journal};

use super::changes::Found;
use super::database::{Connection, Row};
use super::leases::Asked;
use super::rows::{self, Cell, to_json};
use super::statement::{Script, Statement, nothing};
use super::value::Type::{Bytes, Id, Integer, Text};
use super::writer::Operation;
use super::{Shared, Store};
use crate::Error;
use crate::doubt::{self, Newest, Ruling};

/// An intent on its way to the writer, with what its attempt found out before.
pub(super) struct Intend {
    found: Found,
    intent: Intent,
}

#[async_trait]
impl Journal for Store {
    async fn intend(
        &self,
        lease: &Lease,
        account: AccountId,
        state: u32,
        changes: Changes,
        intent: Intent,
    ) -> Result<Intended, port::Error> {
        let found = Found::new(lease, account, state, changes);
        Ok(self
            .work
            .ask(Operation::Intend, Intend { found, intent })
            .await?)
    }
}

/// Which key: the account's, in the meaning that this `state` gives it.
type Key<'k> = (AccountId, u32, &'k str);

/// Rules on intents one after the other, after their changes were written.
pub(super) async fn run(
    script: &mut Script,
    connection: &mut Connection,
    shared: &Shared,
    intends: &[Asked<'_, Intend>],
) -> Result<Vec<Result<Intended, Error>>, Error> {
    let mut newest = newest(connection, intends).await?;
    let mut rulings = Vec::with_capacity(intends.len());
    let mut accepted = Vec::new();
    for (source, intend) in intends {
        let Some(source) = source else {
            rulings.push(None);
            continue;
        };
        let known = intend.keys().filter_map(|key| newest.get(&key));
        let ruling = doubt::rule(known, intend.found.lease.delivery, intend.intent.id);
        if ruling == Ruling::Send {
            for key in intend.keys() {
                newest.insert(key, intend.opened());
            }
            accepted.push(*intend);
        }
        rulings.push(Some((*source, ruling)));
    }
    insert(script, &accepted);
    let replays = answers::replays(connection, shared, intends, &rulings).await?;

    let answers = rulings.into_iter().map(|ruling| match ruling {
        None => Err(Error::LeaseLost),
        Some((_, Ruling::Send)) => Ok(Intended::Send),
        Some((_, Ruling::InDoubt(doubt))) => Ok(Intended::InDoubt(doubt)),
        Some((_, Ruling::Replay(effect))) => replays
            .get(&effect)
            .map(|answer| Intended::Replay(effect, answer.clone()))
            .ok_or(Error::Sealed {
                table: "effects",
                column: "answer",
            }),
    });
    Ok(answers.collect())
}

impl Intend {
    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    fn keys(&self) -> impl Iterator<Item = Key<'_>> + Clone {
        self.intent
            .keys
            .iter()
            .map(|key| (self.found.account, self.found.state, key.as_str()))
    }

    /// What its keys' newest effect is once it is stored.
    fn opened(&self) -> Newest {
        Newest {
            effect: self.intent.id,
            delivery: self.found.lease.delivery,
            verdict: Verdict::Open,
            at: self.intent.at,
            has_answer: false,
        }
    }
}

static NEWEST: Statement = Statement::new(
    &[Integer, Id, Integer, Text],
    "WITH given(place, account, state, key) AS ({rows}) \
     SELECT given.place, effects.id, effects.delivery, effects.verdict, effects.at, \
     effects.answer IS NOT NULL AS has_answer \
     FROM given \
     JOIN effect_keys ON effect_keys.account = given.account AND effect_keys.state = given.state \
                     AND effect_keys.key = given.key \
     JOIN effects ON effects.id = effect_keys.effect",
);

/// The newest effect of every key that has one.
async fn newest<'i>(
    connection: &mut Connection,
    intends: &[Asked<'i, Intend>],
) -> Result<HashMap<Key<'i>, Newest>, Error> {
    let keys: Vec<(i64, Key<'i>)> = (0..)
        .zip(intends.iter().flat_map(|(_, intend)| intend.keys()))
        .collect();
    let found = NEWEST
        .fetch(
            connection,
            &keys,
            |values, (place, (account, state, key))| {
                values.put(*place).put(account.uuid()).put(*state).put(*key);
            },
            nothing,
        )
        .await?;
    found
        .iter()
        .map(|row| {
            let place: i64 = row.try_get("place")?;
            let place = usize::try_from(place).expect("the places given count from zero");
            Ok((keys[place].1, read_newest(row)?))
        })
        .collect()
}

fn read_newest(row: &Row) -> Result<Newest, Error> {
    let effect = EffectId::from_uuid(row.try_get("id")?);
    let cell = || Cell {
        table: "effects",
        column: "verdict",
        row: effect.to_string(),
    };
    Ok(Newest {
        effect,
        delivery: DeliveryId::from_uuid(row.try_get("delivery")?),
        verdict: rows::word(row, Verdict::parse, cell)?,
        at: Timestamp(row.try_get("at")?),
        has_answer: row.try_get("has_answer")?,
    })
}

static INSERT: Statement = Statement::new(
    &[Id, Id, Integer, Id, Text, Text, Bytes, Integer, Text],
    "INSERT INTO effects (id, account, state, delivery, kind, keys, digest, at, verdict) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL \
     ON CONFLICT (id) DO NOTHING",
);

static UPSERT_KEYS: Statement = Statement::new(
    &[Id, Integer, Text, Id],
    "INSERT INTO effect_keys (account, state, key, effect) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL \
     ON CONFLICT (account, state, key) DO UPDATE SET effect = excluded.effect",
);

fn insert(script: &mut Script, accepted: &[&Intend]) {
    script.add(&INSERT, accepted, |values, Intend { found, intent }| {
        values
            .put(intent.id.uuid())
            .put(found.account.uuid())
            .put(found.state)
            .put(found.lease.delivery.uuid())
            .put("once")
            .put(to_json(&intent.keys))
            .put(intent.digest.as_slice())
            .put(intent.at.0)
            .put(Verdict::Open.as_str());
    });
    let keys: Vec<(Key<'_>, EffectId)> = accepted
        .iter()
        .flat_map(|intend| intend.keys().map(|key| (key, intend.intent.id)))
        .collect();
    script.add(
        &UPSERT_KEYS,
        &keys,
        |values, ((account, state, key), effect)| {
            values
                .put(account.uuid())
                .put(*state)
                .put(*key)
                .put(effect.uuid());
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&NEWEST, &INSERT, &UPSERT_KEYS];
        super::super::statement::check_plans(&statements).await;
    }
}
