//! Answers that are known: opened for the delivery that got them.

use std::collections::HashMap;

use gladhand_core::exchange::Answer;
use gladhand_core::ids::{EffectId, SourceId};

use super::super::Shared;
use super::super::changes::answer_cell;
use super::super::database::Connection;
use super::super::keys::{DataKeys, KeyOwner};
use super::super::leases::Asked;
use super::super::rows::Cell;
use super::super::statement::{Statement, nothing};
use super::super::value::Type::Id;
use super::Intend;
use crate::doubt::Ruling;
use crate::{Error, packed};

static ANSWERS: Statement = Statement::new(
    &[Id],
    "WITH wanted(id) AS ({rows}) \
     SELECT effects.id, effects.answer FROM wanted JOIN effects ON effects.id = wanted.id",
);

/// The answers that are replayed, opened with the key of the contact whose delivery asked; others' are never replayed.
pub(super) async fn replays(
    connection: &mut Connection,
    shared: &Shared,
    intends: &[Asked<'_, Intend>],
    rulings: &[Option<(SourceId, Ruling)>],
) -> Result<HashMap<EffectId, Answer>, Error> {
    let mut owners = HashMap::new();
    for ((_, intend), ruling) in intends.iter().zip(rulings) {
        if let Some((source, Ruling::Replay(effect))) = ruling {
            owners.insert(*effect, intend.found.owner(*source));
        }
    }
    if owners.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = shared
        .keys
        .find(connection, owners.values().cloned())
        .await?;
    let wanted: Vec<EffectId> = owners.keys().copied().collect();
    let found = ANSWERS
        .fetch(
            connection,
            &wanted,
            |values, effect| {
                values.put(effect.uuid());
            },
            nothing,
        )
        .await?;
    let mut answers = HashMap::new();
    for row in &found {
        let effect = EffectId::from_uuid(row.try_get("id")?);
        if let Some(sealed) = row.try_get::<Option<&[u8]>>("answer")? {
            answers.insert(
                effect,
                open_answer(&keys, &owners[&effect], effect, sealed)?,
            );
        }
    }
    Ok(answers)
}

/// An effect's answer as it was received.
pub(in super::super) fn open_answer(
    keys: &DataKeys,
    owner: &KeyOwner,
    effect: EffectId,
    sealed: &[u8],
) -> Result<Answer, Error> {
    let packed = keys.open(owner, answer_cell(effect.uuid().as_bytes()), sealed)?;
    packed::open_answer(&packed).map_err(|error| {
        Cell {
            table: "effects",
            column: "answer",
            row: effect.to_string(),
        }
        .unreadable(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&ANSWERS];
        super::super::super::statement::check_plans(&statements).await;
    }
}
