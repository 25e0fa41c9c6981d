//! What attempts found out, many at once: answers, conclusions, links, cache entries, exchanges.
//!
//! Called inside the transaction of an intent or a settle, after the lease was found to hold. Whoever did not hear of a
//! commit brings the same changes again, so every statement may be repeated.

use std::collections::HashSet;

use gladhand_core::attempt::{Answered, Changes, Conclusion, Lease, SetEffect};
use gladhand_core::clock::Timestamp;
use gladhand_core::ids::{AccountId, SourceId};
use gladhand_core::port::Scope;

use super::keys::{DataKeys, KeyOwner};
use super::rows::to_json;
use super::statement::{Script, Statement};
use super::value::Type::{Bytes, Id, Integer, Text};
use super::{cache, links, relinks};
use crate::crypter::Cell;
use crate::packed::PackedChanges;

/// The changes of one attempt, and whose they are.
pub(super) struct Found {
    pub(super) lease: Lease,
    pub(super) account: AccountId,
    pub(super) state: u32,
    pub(super) changes: Changes,
    pub(super) packed: PackedChanges,
}

impl Found {
    pub(super) fn new(lease: &Lease, account: AccountId, state: u32, changes: Changes) -> Self {
        Self {
            lease: lease.clone(),
            account,
            state,
            packed: PackedChanges::new(&changes),
            changes,
        }
    }

    pub(super) fn scope(&self) -> Scope {
        Scope {
            connection: self.lease.connection,
            account: self.account,
        }
    }

    /// Whose key seals what this attempt recorded.
    pub(super) fn owner(&self, source: SourceId) -> KeyOwner {
        KeyOwner {
            source,
            contact: self.lease.contact.clone(),
        }
    }
}

/// Adds the changes of attempts whose leases hold, each with the source of its connection and sealed with its key.
pub(super) fn add(
    script: &mut Script,
    keys: &DataKeys,
    all: &[(SourceId, &Found)],
    now: Timestamp,
) {
    insert_sets(script, keys, all);
    update_answers(script, keys, all);
    conclude(script, all);
    let changed_links = all.iter().flat_map(|(_, found)| {
        found
            .changes
            .links
            .iter()
            .map(|change| (found.scope(), change))
    });
    links::change(script, changed_links, now);
    relinks::add(script, all.iter().map(|(_, found)| *found), now);
    cache::change(script, all.iter().map(|(_, found)| *found));
    insert_exchanges(script, keys, all, now);
}

/// One answer: whose it is, what it is, and its packed bytes.
type Answer<'c> = (KeyOwner, &'c Found, &'c Answered, Option<&'c [u8]>);

fn answers<'c>(all: &[(SourceId, &'c Found)]) -> Vec<Answer<'c>> {
    all.iter()
        .flat_map(|(source, found)| {
            let packed = found.packed.answers.iter().map(Option::as_deref);
            let owner = found.owner(*source);
            found
                .changes
                .answers
                .iter()
                .zip(packed)
                .map(move |(answered, packed)| (owner.clone(), *found, answered, packed))
        })
        .collect()
}

static INSERT_SETS: Statement = Statement::new(
    &[Id, Id, Integer, Id, Text, Text, Bytes, Integer, Text, Bytes],
    "INSERT INTO effects (id, account, state, delivery, kind, keys, digest, at, verdict, answer) \
     SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL ON CONFLICT (id) DO NOTHING",
);

fn insert_sets(script: &mut Script, keys: &DataKeys, all: &[(SourceId, &Found)]) {
    let sets: Vec<(&SetEffect, Answer<'_>)> = answers(all)
        .into_iter()
        .filter_map(|answer| Some((answer.2.set.as_ref()?, answer)))
        .collect();
    script.add(
        &INSERT_SETS,
        &sets,
        |values, (set, (owner, found, answered, packed))| {
            let id = answered.effect.uuid();
            values
                .put(id)
                .put(found.account.uuid())
                .put(found.state)
                .put(found.lease.delivery.uuid())
                .put("set")
                .put(to_json(&[&set.key]))
                .put(set.digest.as_slice())
                .put(set.at.0)
                .put(answered.verdict.as_str())
                .put(packed.map(|packed| keys.seal(owner, answer_cell(id.as_bytes()), packed)));
        },
    );
}

static UPDATE_ANSWERS: Statement = Statement::new(
    &[Id, Text, Bytes],
    "WITH answered(id, verdict, answer) AS ({rows}) \
     UPDATE effects SET verdict = answered.verdict, answer = answered.answer \
     FROM answered WHERE effects.id = answered.id",
);

fn update_answers(script: &mut Script, keys: &DataKeys, all: &[(SourceId, &Found)]) {
    let mut onces = answers(all);
    onces.retain(|(_, _, answered, _)| answered.set.is_none());
    script.add(
        &UPDATE_ANSWERS,
        &onces,
        |values, (owner, _, answered, packed)| {
            let id = answered.effect.uuid();
            values
                .put(id)
                .put(answered.verdict.as_str())
                .put(packed.map(|packed| keys.seal(owner, answer_cell(id.as_bytes()), packed)));
        },
    );
}

/// Where an effect's answer stands.
pub(super) fn answer_cell(effect: &[u8; 16]) -> Cell<'_> {
    Cell {
        table: "effects",
        row: effect,
        column: "answer",
    }
}

static CONCLUDE: Statement = Statement::new(
    &[Id, Text, Text],
    "WITH concluded(id, shown, verdict) AS ({rows}) \
     UPDATE effects SET verdict = concluded.verdict \
     FROM concluded WHERE effects.id = concluded.id AND effects.verdict = concluded.shown",
);

/// Two conclusions about one effect come one after the other: the second is measured against what the first made of it.
fn conclude(script: &mut Script, all: &[(SourceId, &Found)]) {
    let mut left: Vec<&Conclusion> = all
        .iter()
        .flat_map(|(_, found)| &found.changes.conclusions)
        .collect();
    while !left.is_empty() {
        let mut effects = HashSet::new();
        let (now, later): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|conclusion| effects.insert(conclusion.effect));
        script.add(&CONCLUDE, &now, |values, conclusion| {
            values
                .put(conclusion.effect.uuid())
                .put(conclusion.shown.as_str())
                .put(conclusion.verdict.as_str());
        });
        left = later;
    }
}

static INSERT_EXCHANGES: Statement = Statement::new(
    &[Id, Integer, Integer, Bytes],
    "INSERT INTO exchanges (attempt, sequence, at, value) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL \
     ON CONFLICT (attempt, sequence) DO NOTHING",
);

fn insert_exchanges(
    script: &mut Script,
    keys: &DataKeys,
    all: &[(SourceId, &Found)],
    now: Timestamp,
) {
    let recorded: Vec<(KeyOwner, &Found, u32, &[u8])> = all
        .iter()
        .filter_map(|(source, found)| {
            let first = found.changes.exchanges.first()?.sequence;
            Some((
                found.owner(*source),
                *found,
                first,
                found.packed.exchanges.as_deref()?,
            ))
        })
        .collect();
    script.add(
        &INSERT_EXCHANGES,
        &recorded,
        |values, (owner, found, first, packed)| {
            let attempt = found.lease.attempt.uuid();
            let row = exchange_row(attempt.as_bytes(), *first);
            values.put(attempt).put(*first).put(now.0).put(keys.seal(
                owner,
                exchange_cell(&row),
                packed,
            ));
        },
    );
}

/// The primary key of an exchange's row.
pub(super) fn exchange_row(attempt: &[u8; 16], first: u32) -> Vec<u8> {
    [attempt.as_slice(), &first.to_le_bytes()].concat()
}

/// Where the exchanges of one commit stand.
pub(super) fn exchange_cell(row: &[u8]) -> Cell<'_> {
    Cell {
        table: "exchanges",
        row,
        column: "value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&INSERT_SETS, &UPDATE_ANSWERS, &CONCLUDE, &INSERT_EXCHANGES];
        super::super::statement::check_plans(&statements).await;
    }
}
