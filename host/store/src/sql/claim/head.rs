//! What runs next, with its bodies opened and what earlier attempts of it did.

use std::collections::HashMap;

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::Delivery;
use gladhand_core::effect::{Effect, Journalled, Verdict};
use gladhand_core::ids::{DeliveryId, EffectId, EventId, SourceId};
use gladhand_core::lane::Priority;

use super::super::Shared;
use super::super::database::{Connection, Row};
use super::super::intake::body_cell;
use super::super::journal::open_answer;
use super::super::keys::{DataKeys, KeyOwner};
use super::super::rows::{self, Cell, delivery_columns};
use super::super::statement::{Statement, nothing};
use super::super::value::Type::Id;
use super::super::value::Values;
use super::queue::Choice;
use crate::{Error, packed};

/// A delivery that is about to run.
pub(super) struct Head {
    pub(super) delivery: Delivery,
    /// It may have sent something.
    pub(super) was_claimed: bool,
    pub(super) priority: Priority,
    /// A later transition of its conversation has succeeded.
    pub(super) is_overtaken: bool,
    /// Its contact can be found by something.
    pub(super) contact_is_known: bool,
    source: SourceId,
    body: SealedBody,
    /// Says who the contact is, where the delivery's own event does not.
    contact_body: Option<SealedBody>,
    /// What earlier attempts sent, each with its sealed answer.
    journalled: Vec<(Journalled, Option<Vec<u8>>)>,
    /// When the last attempt began that never settled.
    pub(super) unsettled_since: Option<Timestamp>,
}

/// What was sealed of it.
pub(super) struct Opened {
    pub(super) body: Vec<u8>,
    pub(super) contact_body: Option<Vec<u8>>,
    pub(super) journalled: Vec<Journalled>,
}

struct SealedBody {
    event: EventId,
    owner: KeyOwner,
    sealed: Vec<u8>,
}

/// The kinds of which a later one makes an earlier one wrong.
macro_rules! transitions {
    () => {
        "'conversation.opened', 'conversation.first-response', 'conversation.resolved', 'conversation.reopened'"
    };
}

/// Of a state, the entity's newest event; of everything else, the delivery's own.
///
/// An entity is one row by all three of its key. Without statistics, which a new database has none of and a restored one
/// has lost, PostgreSQL holds the first two for as good, and reads every contact of the source for each head: it is asked
/// in a way that leaves no such choice.
static HEADS: Statement = Statement::new(
    &[Id],
    concat!(
        "WITH head(id) AS ({rows}) SELECT ",
        delivery_columns!(),
        ", d.was_claimed, d.priority, connections.source, \
         d.was_retried AND EXISTS (SELECT 1 FROM deliveries AS later WHERE later.contact = d.contact \
             AND later.connection = d.connection AND later.entity_kind = d.entity_kind \
             AND later.entity_id = d.entity_id \
             AND (later.occurred_at_us, later.sequence) > (d.occurred_at_us, d.sequence) \
             AND later.state = 'succeeded' AND d.kind IN (",
        transitions!(),
        ") \
             AND later.kind IN (",
        transitions!(),
        ")) AS is_overtaken, \
         COALESCE(newest.id, e.id) AS body_event, COALESCE(newest.contact, e.contact) AS body_contact, \
         COALESCE(newest.body, e.body) AS body, \
         COALESCE(person.identities <> '[]', false) AS contact_is_known, \
         told.id AS told_event, told.contact AS told_contact, told.body AS told_body \
         FROM head \
         JOIN deliveries AS d ON d.id = head.id \
         JOIN events AS e ON e.id = d.event \
         JOIN connections ON connections.id = d.connection \
         LEFT JOIN {postgres: LATERAL (SELECT * FROM }entities{postgres:  WHERE entities.source = connections.source \
                  AND entities.kind = d.entity_kind AND entities.id = d.entity_id LIMIT 1)} AS state \
              ON d.kind IN ('contact.changed', 'conversation.changed') \
              AND state.source = connections.source AND state.kind = d.entity_kind AND state.id = d.entity_id \
         LEFT JOIN events AS newest ON newest.id = state.newest_event \
         LEFT JOIN {postgres: LATERAL (SELECT * FROM }entities{postgres:  WHERE entities.source = connections.source \
                  AND entities.kind = 'contact' AND entities.id = d.contact LIMIT 1)} AS person \
              ON person.source = connections.source AND person.kind = 'contact' AND person.id = d.contact \
         LEFT JOIN events AS told ON d.lacks_identity AND person.identities <> '[]' \
              AND told.id = CASE WHEN person.newest_event > person.identified_event \
                                 THEN person.newest_event ELSE person.identified_event END"
    ),
);

/// Loads and opens the heads, in the order of the choices. One that does not open fails alone.
pub(super) async fn load(
    connection: &mut Connection,
    shared: &Shared,
    choices: &[Choice],
) -> Result<Vec<(Head, Result<Opened, Error>)>, Error> {
    let mut heads = find(connection, choices).await?;
    find_history(connection, &mut heads).await?;
    let keys = shared
        .keys
        .find(connection, heads.iter().flat_map(Head::owners))
        .await?;
    Ok(heads
        .into_iter()
        .map(|head| {
            let opened = head.open(&keys);
            (head, opened)
        })
        .collect())
}

async fn find(connection: &mut Connection, choices: &[Choice]) -> Result<Vec<Head>, Error> {
    let found = HEADS
        .fetch(
            connection,
            choices,
            |values, choice| {
                values.put(choice.head.uuid());
            },
            nothing,
        )
        .await?;
    let mut heads = found
        .iter()
        .map(|row| head(row).map(|head| (head.delivery.id, head)))
        .collect::<Result<HashMap<DeliveryId, Head>, Error>>()?;
    choices
        .iter()
        .map(|choice| {
            heads.remove(&choice.head).ok_or_else(|| {
                let cell = Cell {
                    table: "deliveries",
                    column: "event",
                    row: choice.head.to_string(),
                };
                cell.unreadable("its event or its connection is gone")
            })
        })
        .collect()
}

fn head(row: &Row) -> Result<Head, Error> {
    let source = SourceId::from_uuid(row.try_get("source")?);
    let contact_body = match rows::uuid_if_any(row, "told_event", EventId::from_uuid)? {
        None => None,
        Some(event) => Some(SealedBody {
            event,
            owner: KeyOwner {
                source,
                contact: row.try_get("told_contact")?,
            },
            sealed: row.try_get("told_body")?,
        }),
    };
    Ok(Head {
        delivery: rows::delivery(row)?,
        was_claimed: row.try_get("was_claimed")?,
        priority: rows::priority(row)?,
        is_overtaken: row.try_get("is_overtaken")?,
        contact_is_known: row.try_get("contact_is_known")?,
        source,
        body: SealedBody {
            event: EventId::from_uuid(row.try_get("body_event")?),
            owner: KeyOwner {
                source,
                contact: row.try_get("body_contact")?,
            },
            sealed: row.try_get("body")?,
        },
        contact_body,
        journalled: Vec::new(),
        unsettled_since: None,
    })
}

impl SealedBody {
    fn open(&self, keys: &DataKeys) -> Result<Vec<u8>, Error> {
        let packed = keys.open(
            &self.owner,
            body_cell(self.event.uuid().as_bytes()),
            &self.sealed,
        )?;
        packed::open_bytes(&packed).map_err(|error| {
            Cell {
                table: "events",
                column: "body",
                row: self.event.to_string(),
            }
            .unreadable(error)
        })
    }
}

static EFFECTS: Statement = Statement::new(
    &[Id],
    "WITH head(id) AS ({rows}) \
     SELECT effects.* FROM head JOIN effects ON effects.delivery = head.id ORDER BY effects.at, effects.id",
);

static UNSETTLED: Statement = Statement::new(
    &[Id],
    "WITH head(id) AS ({rows}) \
     SELECT attempts.delivery, MAX(attempts.started_at) AS started_at FROM head \
     JOIN attempts ON attempts.delivery = head.id AND attempts.settled_at IS NULL GROUP BY attempts.delivery",
);

/// Loads what earlier attempts did, of the heads that had any.
async fn find_history(connection: &mut Connection, heads: &mut [Head]) -> Result<(), Error> {
    let mut tried: HashMap<DeliveryId, &mut Head> = heads
        .iter_mut()
        .filter(|head| head.was_claimed)
        .map(|head| (head.delivery.id, head))
        .collect();
    let ids: Vec<DeliveryId> = tried.keys().copied().collect();
    let id = |values: &mut Values, id: &DeliveryId| {
        values.put(id.uuid());
    };
    for row in &EFFECTS.fetch(connection, &ids, id, nothing).await? {
        let delivery = DeliveryId::from_uuid(row.try_get("delivery")?);
        if let Some(head) = tried.get_mut(&delivery) {
            head.journalled
                .push((journalled(row, delivery)?, row.try_get("answer")?));
        }
    }
    for row in &UNSETTLED.fetch(connection, &ids, id, nothing).await? {
        let delivery = DeliveryId::from_uuid(row.try_get("delivery")?);
        if let Some(head) = tried.get_mut(&delivery) {
            head.unsettled_since = Some(rows::time(row, "started_at")?);
        }
    }
    Ok(())
}

/// An effect without its answer, which is sealed.
fn journalled(row: &Row, delivery: DeliveryId) -> Result<Journalled, Error> {
    let id = EffectId::from_uuid(row.try_get("id")?);
    let cell = |column| Cell {
        table: "effects",
        column,
        row: id.to_string(),
    };
    let mut names: Vec<String> = rows::json(row, || cell("keys"))?;
    let effect = match row.try_get("kind")? {
        "set" => Effect::Set(names.pop().unwrap_or_default()),
        _ => Effect::Once(names),
    };
    let digest: &[u8] = row.try_get("digest")?;
    Ok(Journalled {
        id,
        delivery,
        effect,
        digest: digest
            .try_into()
            .map_err(|_| cell("digest").unreadable("not 32 bytes"))?,
        verdict: rows::word(row, Verdict::parse, || cell("verdict"))?,
        at: rows::time(row, "at")?,
        answer: None,
    })
}

impl Head {
    /// Whose keys open what it needs.
    fn owners(&self) -> impl Iterator<Item = KeyOwner> + '_ {
        let bodies = std::iter::once(&self.body).chain(&self.contact_body);
        let own = (!self.journalled.is_empty()).then(|| self.owner());
        bodies.map(|body| body.owner.clone()).chain(own)
    }

    /// Whose key seals what its attempts recorded.
    fn owner(&self) -> KeyOwner {
        KeyOwner {
            source: self.source,
            contact: self.delivery.lane.clone(),
        }
    }

    fn open(&self, keys: &DataKeys) -> Result<Opened, Error> {
        let owner = self.owner();
        let journalled = self.journalled.iter().map(|(effect, sealed)| {
            let answer = sealed
                .as_ref()
                .map(|sealed| open_answer(keys, &owner, effect.id, sealed))
                .transpose()?;
            Ok(Journalled {
                answer,
                ..effect.clone()
            })
        });
        Ok(Opened {
            body: self.body.open(keys)?,
            contact_body: self
                .contact_body
                .as_ref()
                .map(|body| body.open(keys))
                .transpose()?,
            journalled: journalled.collect::<Result<_, Error>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&HEADS, &EFFECTS, &UNSETTLED];
        super::super::super::statement::check_plans(&statements).await;
    }
}
