//! The write journal as operators see it.

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::Verdict;
use gladhand_core::ids::{AccountId, DeliveryId, EffectId};

use super::Store;
use super::database::{Connection, Row};
use super::deliveries::LONGEST_PAGE;
use super::query::Query;
use super::rows::{self, Cell};
use crate::Error;
use crate::effects::{Concluded, EffectFilter, EffectRecord, Effects, Word};

const COLUMNS: &str = "effects.id, effects.account, effects.state, effects.keys, effects.delivery, effects.verdict, effects.at";

#[async_trait]
impl Effects for Store {
    async fn list_effects(&self, filter: EffectFilter) -> Result<Vec<EffectRecord>, Error> {
        let mut query = Query::new(format!("SELECT {COLUMNS} FROM effects WHERE kind = 'once'"));
        if let Some(account) = filter.account {
            query.push(" AND account = ").push_bind(account.uuid());
        }
        if filter.in_doubt {
            query.push(" AND verdict IN ('open', 'unknown')");
        }
        if let Some(key) = filter.key {
            query
                .push(" AND id IN (SELECT effect FROM effect_keys WHERE key = ")
                .push_bind(key)
                .push(")");
        }
        if let Some(before) = filter.before {
            query.push(" AND id < ").push_bind(before.uuid());
        }
        query
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(filter.limit.min(LONGEST_PAGE));
        let found = query.read(&self.readers).await?;
        found.iter().map(record).collect()
    }

    async fn conclude_effect(
        &self,
        account: AccountId,
        key: &str,
        word: &Word,
        now: Timestamp,
    ) -> Result<Concluded, Error> {
        let (key, word) = (key.to_owned(), word.clone());
        self.write(move |database| {
            Box::pin(async move { conclude(database, account, &key, &word, now).await })
        })
        .await
    }
}

async fn conclude(
    connection: &mut Connection,
    account: AccountId,
    key: &str,
    word: &Word,
    now: Timestamp,
) -> Result<Concluded, Error> {
    // Of several meanings of the key the one that is in doubt, and of those the newest.
    let found = Query::new(format!(
        "SELECT {COLUMNS} FROM effect_keys JOIN effects ON effects.id = effect_keys.effect \
         WHERE effect_keys.account = ? AND effect_keys.key = ? \
         ORDER BY effects.verdict IN ('open', 'unknown') DESC, effects.state DESC LIMIT 1\
         {{postgres:  FOR UPDATE OF effects}}"
    ))
    .bind(account.uuid())
    .bind(key)
    .fetch_optional(connection)
    .await?;
    let Some(mut effect) = found.as_ref().map(record).transpose()? else {
        return Ok(Concluded::Unknown);
    };
    if !effect.verdict.is_in_doubt() {
        return Ok(Concluded::Settled(effect));
    }
    effect.verdict = match word {
        Word::Done(_) => Verdict::Done,
        Word::NotDone => Verdict::NotDone,
    };
    Query::new("UPDATE effects SET verdict = ? WHERE id = ?")
        .bind(effect.verdict.as_str())
        .bind(effect.id.uuid())
        .execute(connection)
        .await?;
    if let Word::Done(remote_id) = word {
        for key in &effect.keys {
            link(connection, account, key, remote_id, now).await?;
        }
    }
    Ok(Concluded::Done(effect))
}

/// Links an identity to the record that a person found; a key of another form names no identity.
async fn link(
    connection: &mut Connection,
    account: AccountId,
    key: &str,
    remote_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let Some((object, identity)) = key.split_once('/') else {
        return Ok(());
    };
    Query::new(
        "INSERT INTO links (owner, entity_kind, entity_id, object, remote_id, attributes, updated_at) \
         VALUES (?, 'identity', ?, ?, ?, '{}', ?) \
         ON CONFLICT (owner, entity_kind, entity_id, object) DO UPDATE SET remote_id = excluded.remote_id, \
         digest = NULL, revision = NULL, url = NULL, attributes = '{}', updated_at = excluded.updated_at",
    )
    .bind(account.uuid())
    .bind(identity)
    .bind(object)
    .bind(remote_id)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

fn record(row: &Row) -> Result<EffectRecord, Error> {
    let id = EffectId::from_uuid(row.try_get("id")?);
    let cell = |column| Cell {
        table: "effects",
        column,
        row: id.to_string(),
    };
    Ok(EffectRecord {
        id,
        account: AccountId::from_uuid(row.try_get("account")?),
        state: row.try_get_count("state")?,
        keys: rows::json(row, || cell("keys"))?,
        delivery: DeliveryId::from_uuid(row.try_get("delivery")?),
        verdict: rows::word(row, Verdict::parse, || cell("verdict"))?,
        at: rows::time(row, "at")?,
    })
}
