//! Removing what is too old, table by table, a few rows at a time.

mod removed;

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::Verdict;
use gladhand_core::ids::EventId;
use uuid::Uuid;

use super::Store;
use super::database::Connection;
use super::query::Query;
use super::rows::{self, Cell};
use super::statement::{Script, Statement};
use super::value::Type::{Id, Integer, Text};
use super::value::Values;
use crate::Error;
use crate::retention::{Keep, Retention, Swept};

/// Where the sweep is; it goes round and round.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Broom {
    stage: usize,
    /// The last row that was looked at, where a stage looks at rows that may stay: none is looked at twice in a round.
    behind: (i64, Uuid),
    /// When it began to look for what removed connections had.
    began: Timestamp,
}

/// In which order tables are swept.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Cache,
    Lanes,
    Exchanges,
    Events,
    LinkHistory,
    Audit,
    RemovedDeliveries,
    RemovedEvents,
    RemovedRest,
}

const STAGES: [Stage; 9] = [
    Stage::Cache,
    Stage::Lanes,
    Stage::Exchanges,
    Stage::Events,
    Stage::LinkHistory,
    Stage::Audit,
    Stage::RemovedDeliveries,
    Stage::RemovedEvents,
    Stage::RemovedRest,
];

/// How long a lane stays in which nothing waits any more. Removed with its last delivery it would cost a write where its
/// contact's name stands; most who write once write again within the hour, and find it there.
const EMPTY_LANES_KEPT: Duration = Duration::from_hours(1);

#[async_trait]
impl Retention for Store {
    async fn sweep(&self, keep: &Keep, rows: u32, now: Timestamp) -> Result<Swept, Error> {
        const NO_PANIC: &str = "nobody panics holding it";
        let mut broom = *self.shared.broom.lock().expect(NO_PANIC);
        let keep = keep.clone();
        let (broom, swept) = self
            .write(move |database| {
                Box::pin(async move {
                    let swept = step(database, &mut broom, &keep, rows, now).await?;
                    Ok((broom, swept))
                })
            })
            .await?;
        *self.shared.broom.lock().expect(NO_PANIC) = broom;
        Ok(swept)
    }
}

async fn step(
    connection: &mut Connection,
    broom: &mut Broom,
    keep: &Keep,
    rows: u32,
    now: Timestamp,
) -> Result<Swept, Error> {
    let before = |kept: Duration| now.0.saturating_sub(super::leases::millis(kept));
    let (swept, looked_at) = match STAGES[broom.stage] {
        Stage::Cache => plain(connection, CACHE, now.0, rows).await?,
        Stage::Lanes => plain(connection, LANES, before(EMPTY_LANES_KEPT), rows).await?,
        Stage::Exchanges => plain(connection, EXCHANGES, before(keep.exchanges), rows).await?,
        Stage::LinkHistory => {
            plain(connection, LINK_HISTORY, before(keep.link_history), rows).await?
        }
        Stage::Audit => plain(connection, AUDIT, before(keep.audit), rows).await?,
        stage @ (Stage::RemovedDeliveries | Stage::RemovedEvents) => {
            let removed = removed::removals(connection).await?;
            match stage {
                _ if removed.is_empty() => (0, 0),
                Stage::RemovedEvents => {
                    removed::events(connection, &removed, &mut broom.behind, rows).await?
                }
                _ => {
                    if broom.behind == Default::default() {
                        broom.began = now;
                    }
                    removed::deliveries(connection, &removed, &mut broom.behind, rows).await?
                }
            }
        }
        Stage::RemovedRest => removed::rest(connection, rows, broom.began).await?,
        Stage::Events => {
            let limits = Limits {
                read: before(keep.events),
                unreadable: before(keep.unreadable.min(keep.events)),
                dead: before(keep.dead),
            };
            sweep_events(connection, &mut broom.behind, &limits, rows).await?
        }
    };
    let is_last = broom.stage + 1 == STAGES.len();
    let is_over = looked_at < u64::from(rows);
    if is_over {
        *broom = Broom {
            stage: (broom.stage + 1) % STAGES.len(),
            behind: Default::default(),
            began: broom.began,
        };
    }
    Ok(Swept {
        rows: swept,
        is_table_done: is_over,
        is_done: is_over && is_last,
    })
}

const CACHE: &str = "DELETE FROM cache WHERE (connection, state, key) IN \
     (SELECT connection, state, key FROM cache WHERE expires_at < ? ORDER BY expires_at LIMIT ?)";

/// A lane into which something is being put at this moment is passed over.
const LANES: &str = "DELETE FROM lanes WHERE (connection, contact) IN \
     (SELECT connection, contact FROM lanes WHERE is_empty AND ready_at < ? ORDER BY ready_at LIMIT ?\
      {postgres:  FOR UPDATE SKIP LOCKED})";

const EXCHANGES: &str = "DELETE FROM exchanges WHERE (attempt, sequence) IN \
     (SELECT attempt, sequence FROM exchanges WHERE at < ? ORDER BY at LIMIT ?)";

const LINK_HISTORY: &str = "DELETE FROM link_history WHERE id IN \
     (SELECT id FROM link_history WHERE replaced_at < ? ORDER BY replaced_at LIMIT ?)";

const AUDIT: &str =
    "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT ?)";

/// Removes rows that nothing else needs; how many, twice: what was removed is what was looked at.
async fn plain(
    connection: &mut Connection,
    text: &'static str,
    before: i64,
    rows: u32,
) -> Result<(u64, u64), Error> {
    let removed = Query::new(text)
        .bind(before)
        .bind(rows)
        .execute(connection)
        .await?;
    Ok((removed, removed))
}

/// What came in before these times may go.
struct Limits {
    read: i64,
    unreadable: i64,
    dead: i64,
}

/// Of the given events those that nothing needs: whose deliveries are settled and hold no lane, and that are not the newest
/// word about their contact or conversation.
static NEEDLESS: Statement = Statement::new(
    &[Id],
    "WITH given(event) AS ({rows}) \
     SELECT events.id FROM given JOIN events ON events.id = given.event \
     WHERE events.received_at < CASE WHEN events.contact = '' THEN ? ELSE ? END \
     AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event = given.event \
         AND (deliveries.settled_at IS NULL OR (deliveries.state = 'dead' AND deliveries.settled_at >= ?))) \
     AND NOT EXISTS (SELECT 1 FROM deliveries JOIN lanes ON lanes.connection = deliveries.connection \
         AND lanes.contact = deliveries.contact AND lanes.held_by = deliveries.id WHERE deliveries.event = given.event) \
     AND NOT EXISTS (SELECT 1 FROM entities WHERE entities.source = events.source AND entities.kind = 'contact' \
         AND entities.id = events.contact \
         AND (entities.newest_event = events.id OR entities.identified_event = events.id)) \
     AND NOT EXISTS (SELECT 1 FROM deliveries JOIN entities ON entities.source = events.source \
         AND entities.kind = deliveries.entity_kind AND entities.id = deliveries.entity_id \
         AND entities.newest_event = events.id WHERE deliveries.event = given.event)",
);

/// Looks at the next events; how many were removed and how many looked at.
async fn sweep_events(
    connection: &mut Connection,
    behind: &mut (i64, Uuid),
    limits: &Limits,
    rows: u32,
) -> Result<(u64, u64), Error> {
    let found = Query::new(
        "SELECT id, received_at FROM events WHERE (received_at, id) > (?, ?) AND received_at < ? \
         ORDER BY received_at, id LIMIT ?",
    )
    .bind(behind.0)
    .bind(behind.1)
    .bind(limits.read.max(limits.unreadable))
    .bind(rows)
    .fetch_all(connection)
    .await?;
    let mut candidates = Vec::with_capacity(found.len());
    for row in &found {
        *behind = (row.try_get("received_at")?, row.try_get("id")?);
        candidates.push(EventId::from_uuid(behind.1));
    }
    let needless = NEEDLESS
        .fetch(connection, &candidates, event, |values| {
            values
                .put(limits.unreadable)
                .put(limits.read)
                .put(limits.dead);
        })
        .await?;
    let needless = needless
        .iter()
        .map(|row| Ok(EventId::from_uuid(row.try_get("id")?)))
        .collect::<Result<Vec<_>, Error>>()?;
    remove(connection, &needless).await?;
    Ok((needless.len() as u64, found.len() as u64))
}

fn event(values: &mut Values, event: &EventId) {
    values.put(event.uuid());
}

static EFFECTS: Statement = Statement::new(
    &[Id],
    "WITH given(delivery) AS ({rows}) \
     SELECT effects.id, effects.account, effects.state, effects.keys, effects.verdict FROM given \
     JOIN effects ON effects.delivery = given.delivery",
);

static REMOVE_EXCHANGES: Statement = Statement::new(
    &[Id],
    "WITH given(delivery) AS ({rows}) DELETE FROM exchanges WHERE attempt IN \
     (SELECT attempts.id FROM given JOIN attempts ON attempts.delivery = given.delivery)",
);

static REMOVE_ATTEMPTS: Statement =
    Statement::new(&[Id], "DELETE FROM attempts WHERE delivery IN ({rows})");

static REMOVE_KEYS: Statement = Statement::new(
    &[Id, Integer, Text, Id],
    "DELETE FROM effect_keys WHERE (account, state, key, effect) IN ({rows})",
);

static REMOVE_EFFECTS: Statement =
    Statement::new(&[Id], "DELETE FROM effects WHERE id IN ({rows})");

static REMOVE_DELIVERIES: Statement =
    Statement::new(&[Id], "DELETE FROM deliveries WHERE id IN ({rows})");

static REMOVE_EVENTS: Statement = Statement::new(&[Id], "DELETE FROM events WHERE id IN ({rows})");

/// Who retries one of these deliveries waits until they are gone; what was retried before is found unsettled.
static LOCK: Statement = Statement::new(
    &[Id],
    "WITH given(event) AS ({rows}) SELECT deliveries.event, deliveries.id, deliveries.settled_at FROM given \
     JOIN deliveries ON deliveries.event = given.event{postgres:  ORDER BY deliveries.sequence FOR UPDATE OF deliveries}",
);

/// Removes events with everything that they became, but for those of which something runs again.
async fn remove(connection: &mut Connection, events: &[EventId]) -> Result<(), Error> {
    let mut runs_again = HashSet::new();
    let mut deliveries = Vec::new();
    for row in &LOCK
        .fetch(connection, events, event, super::statement::nothing)
        .await?
    {
        let event = EventId::from_uuid(row.try_get("event")?);
        if row.try_get::<Option<i64>>("settled_at")?.is_none() {
            runs_again.insert(event);
        }
        deliveries.push((event, row.try_get::<Uuid>("id")?));
    }
    let stays = |event: &EventId| runs_again.contains(event);
    let deliveries: Vec<Uuid> = deliveries
        .into_iter()
        .filter_map(|(event, id)| (!stays(&event)).then_some(id))
        .collect();
    let mut events = events.to_vec();
    events.retain(|event| !stays(event));
    let mut script = Script::default();
    remove_deliveries(&mut script, connection, &deliveries).await?;
    script.add(&REMOVE_EVENTS, &events, event);
    script.run(connection).await?;
    Ok(())
}

/// Removes deliveries with everything that they became, but for writes in doubt: those are remembered whatever their age.
async fn remove_deliveries(
    script: &mut Script,
    connection: &mut Connection,
    deliveries: &[Uuid],
) -> Result<(), Error> {
    let id = |values: &mut Values, id: &Uuid| {
        values.put(*id);
    };
    let mut effects = Vec::new();
    let mut keys = Vec::new();
    for row in &EFFECTS
        .fetch(connection, deliveries, id, super::statement::nothing)
        .await?
    {
        let id: Uuid = row.try_get("id")?;
        let cell = |column| Cell {
            table: "effects",
            column,
            row: id.to_string(),
        };
        let verdict = rows::word(row, Verdict::parse, || cell("verdict"))?;
        if verdict.is_in_doubt() {
            continue;
        }
        let account: Uuid = row.try_get("account")?;
        let state: i64 = row.try_get("state")?;
        let names: Vec<String> = rows::json(row, || cell("keys"))?;
        keys.extend(names.into_iter().map(|key| (account, state, key, id)));
        effects.push(id);
    }
    script.add(&REMOVE_EXCHANGES, deliveries, id);
    script.add(&REMOVE_ATTEMPTS, deliveries, id);
    script.add(&REMOVE_KEYS, &keys, |values, (account, state, key, id)| {
        values.put(*account).put(*state).put(key).put(*id);
    });
    script.add(&REMOVE_EFFECTS, &effects, id);
    script.add(&REMOVE_DELIVERIES, deliveries, id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [
            &NEEDLESS,
            &EFFECTS,
            &REMOVE_EXCHANGES,
            &REMOVE_ATTEMPTS,
            &REMOVE_KEYS,
            &REMOVE_EFFECTS,
            &REMOVE_DELIVERIES,
            &LOCK,
            &REMOVE_EVENTS,
        ];
        super::super::statement::check_plans(&statements).await;
    }
}
