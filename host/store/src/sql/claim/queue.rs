//! What waits in a lane: what comes back into it, what a newer state replaces, and what runs next.

use std::collections::HashMap;
use std::time::Duration;

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::ids::{ConnectionId, DeliveryId};
use gladhand_core::lane::{self, Waiting};

use super::super::database::{Connection, Row};
use super::super::query::Query;
use super::super::rows::{self, Cell};
use super::super::statement::{Script, Statement};
use super::super::value::Type::{Id, Integer, Text};
use super::ready::ReadyLane;
use crate::Error;

/// A lane and what runs next in it.
pub(super) struct Choice {
    pub(super) lane: ReadyLane,
    pub(super) head: DeliveryId,
    pub(super) superseded: Vec<DeliveryId>,
    /// Nothing else waits in the lane.
    pub(super) is_sole: bool,
}

/// A lane in which nothing can run now.
pub(super) struct Idle {
    lane: ReadyLane,
    /// Its head's time; absent where the lane is empty.
    until: Option<Timestamp>,
}

/// What waits in a lane, in order.
#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// The time of each, where it has one.
    times: Vec<Option<Timestamp>>,
    /// Nothing waits behind these.
    is_whole: bool,
}

type LaneKey = (ConnectionId, String);

/// How many deliveries of a lane a claim looks at: enough for most lanes, and for most that are longer.
const NEAR: i64 = 8;

/// How many where the nearest do not tell what runs next; a lane that is longer is worked off window by window.
const FAR: i64 = 256;

/// How long a delivery that was skipped for want of an identity can come back.
const REVIVABLE: Duration = Duration::from_hours(30 * 24);

/// How many come back in one claim; the others follow with the lane's next claims.
const REVIVED_PER_CLAIM: u64 = 200;

/// Brings back what was skipped in lanes whose contact can be found by now.
pub(super) async fn revive(
    connection: &mut Connection,
    lanes: &[ReadyLane],
    now: Timestamp,
) -> Result<(), Error> {
    let since = now
        .0
        .saturating_sub(i64::try_from(REVIVABLE.as_millis()).unwrap_or(i64::MAX));
    for lane in lanes {
        let Some(turn) = lane.revive_turn else {
            continue;
        };
        let revived = Query::new(
            "UPDATE deliveries SET state = 'pending', code = NULL, outcome = NULL, settled_at = NULL, \
             not_before = NULL, queued_at = ?, lane = ?, turn = ? \
             WHERE sequence IN (SELECT sequence FROM deliveries \
                 WHERE contact = ? AND connection = ? AND code = 'no-identity' AND kind <> 'contact.changed' \
                 AND received_at >= ? ORDER BY occurred_at_us, sequence LIMIT ?)",
        )
        .bind(now.0)
        .bind(lane.number)
        .bind(turn)
        .bind(&lane.contact)
        .bind(lane.connection.uuid())
        .bind(since)
        .bind(i64::try_from(REVIVED_PER_CLAIM).unwrap_or(i64::MAX))
        .execute(&mut *connection)
        .await?;
        if revived < REVIVED_PER_CLAIM {
            Query::new("UPDATE lanes SET revive_turn = NULL WHERE connection = ? AND contact = ?")
                .bind(lane.connection.uuid())
                .bind(&lane.contact)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// A number tells where a lane's queue lies; whose queue it is, its connection and contact do.
static WAITING: Statement = Statement::of(
    &[Integer, Id, Text],
    "WITH lane(number, connection, contact) AS ({rows}) \
     SELECT waiting.connection, waiting.contact, waiting.id, waiting.kind, waiting.entity_kind, waiting.entity_id, \
     waiting.was_claimed, waiting.not_before \
     FROM lane \
     JOIN deliveries AS waiting ON waiting.sequence IN ( \
         SELECT first.sequence FROM deliveries AS first \
         WHERE first.lane = lane.number AND first.settled_at IS NULL \
         AND first.connection = lane.connection AND first.contact = lane.contact \
         ORDER BY first.turn, first.occurred_at_us, first.sequence LIMIT ?) \
     ORDER BY waiting.turn, waiting.occurred_at_us, waiting.sequence",
    "WITH lane(number, connection, contact) AS ({rows}) \
     SELECT waiting.connection, waiting.contact, waiting.id, waiting.kind, waiting.entity_kind, waiting.entity_id, \
     waiting.was_claimed, waiting.not_before \
     FROM lane \
     CROSS JOIN LATERAL ( \
         SELECT * FROM deliveries AS first \
         WHERE first.lane = lane.number AND first.settled_at IS NULL \
         AND first.connection = lane.connection AND first.contact = lane.contact \
         ORDER BY first.turn, first.occurred_at_us, first.sequence LIMIT ?) AS waiting \
     ORDER BY waiting.turn, waiting.occurred_at_us, waiting.sequence",
);

/// Chooses the head of each lane.
pub(super) async fn choose(
    connection: &mut Connection,
    lanes: Vec<ReadyLane>,
    now: Timestamp,
) -> Result<(Vec<Choice>, Vec<Idle>), Error> {
    let all: Vec<&ReadyLane> = lanes.iter().collect();
    let mut queues = look(connection, &all, NEAR).await?;
    let unclear: Vec<&ReadyLane> = all
        .into_iter()
        .filter(|lane| queues.get(&lane.key()).is_some_and(Queue::is_unclear))
        .collect();
    if !unclear.is_empty() {
        queues.extend(look(connection, &unclear, FAR).await?);
    }
    let mut runnable = Vec::new();
    let mut idle = Vec::new();
    for lane in lanes {
        let queue = queues.remove(&lane.key()).unwrap_or_default();
        let plan = lane::plan(&queue.waiting);
        let Some(head) = plan.head else {
            idle.push(Idle { lane, until: None });
            continue;
        };
        let not_before = queue
            .waiting
            .iter()
            .zip(&queue.times)
            .find_map(|(waiting, time)| (waiting.id == head).then_some(*time)?)
            .filter(|time| *time > now);
        if not_before.is_some() {
            idle.push(Idle {
                lane,
                until: not_before,
            });
            continue;
        }
        runnable.push(Choice {
            is_sole: queue.is_whole && queue.waiting.len() == plan.superseded.len() + 1,
            lane,
            head,
            superseded: plan.superseded,
        });
    }
    Ok((runnable, idle))
}

/// What waits in each of the lanes, up to so many.
async fn look(
    connection: &mut Connection,
    lanes: &[&ReadyLane],
    window: i64,
) -> Result<HashMap<LaneKey, Queue>, Error> {
    let found = WAITING
        .fetch(
            connection,
            lanes,
            |values, lane| {
                values
                    .put(lane.number)
                    .put(lane.connection.uuid())
                    .put(lane.contact.as_str());
            },
            |values| {
                values.put(window);
            },
        )
        .await?;
    let mut queues: HashMap<LaneKey, Queue> = HashMap::new();
    for row in &found {
        let lane = (
            ConnectionId::from_uuid(row.try_get("connection")?),
            row.try_get("contact")?,
        );
        let queue = queues.entry(lane).or_default();
        let (waiting, time) = waiting(row)?;
        queue.waiting.push(waiting);
        queue.times.push(time);
    }
    let window = usize::try_from(window).unwrap_or(usize::MAX);
    for queue in queues.values_mut() {
        queue.is_whole = queue.waiting.len() < window;
    }
    Ok(queues)
}

impl Queue {
    /// What seems to run next is a state, which something further behind may replace.
    fn is_unclear(&self) -> bool {
        let head = lane::plan(&self.waiting).head;
        let head = self.waiting.iter().find(|waiting| Some(waiting.id) == head);
        !self.is_whole && head.is_some_and(|head| head.kind.is_state() && !head.was_claimed)
    }
}

fn waiting(row: &Row) -> Result<(Waiting, Option<Timestamp>), Error> {
    let id = DeliveryId::from_uuid(row.try_get("id")?);
    let cell = || Cell {
        table: "deliveries",
        column: "kind",
        row: id.to_string(),
    };
    let kind = rows::kind(row, cell)?
        .ok_or_else(|| cell().unreadable("a delivery that waits has a kind"))?;
    let entity = (
        row.try_get::<Option<String>>("entity_kind")?
            .unwrap_or_default(),
        row.try_get::<Option<String>>("entity_id")?
            .unwrap_or_default(),
    );
    let waiting = Waiting {
        id,
        kind,
        entity,
        was_claimed: row.try_get("was_claimed")?,
    };
    Ok((waiting, rows::time_if_any(row, "not_before")?))
}

static PARK: Statement = Statement::new(
    &[Id, Text, Integer],
    "WITH parked(connection, contact, until) AS ({rows}) \
     UPDATE lanes SET ready_at = parked.until \
     FROM parked WHERE lanes.connection = parked.connection AND lanes.contact = parked.contact",
);

static MARK_EMPTY: Statement = Statement::new(
    &[Id, Text],
    "WITH empty(connection, contact) AS ({rows}) \
     UPDATE lanes SET is_empty = true, ready_at = ? \
     FROM empty WHERE lanes.connection = empty.connection AND lanes.contact = empty.contact",
);

/// Parks lanes whose head waits for its time, and marks those that were found empty in this transaction.
pub(super) fn rest(script: &mut Script, idle: &[Idle], now: Timestamp) {
    let (parked, empty): (Vec<&Idle>, Vec<&Idle>) =
        idle.iter().partition(|idle| idle.until.is_some());
    script.add(&PARK, &parked, |values, idle| {
        values
            .put(idle.lane.connection.uuid())
            .put(idle.lane.contact.as_str())
            .put(idle.until.map(|until| until.0));
    });
    script.add_with(
        &MARK_EMPTY,
        &empty,
        |values, idle| {
            values
                .put(idle.lane.connection.uuid())
                .put(idle.lane.contact.as_str());
        },
        |values| {
            values.put(now.0);
        },
    );
}

static SUPERSEDE: Statement = Statement::new(
    &[Id],
    "WITH superseded(id) AS ({rows}) \
     UPDATE deliveries SET state = ?, settled_at = ? FROM superseded WHERE deliveries.id = superseded.id",
);

/// Settles what a newer state of the same entity replaces.
pub(super) fn supersede(script: &mut Script, choices: &[Choice], now: Timestamp) {
    let superseded: Vec<DeliveryId> = choices
        .iter()
        .flat_map(|choice| choice.superseded.iter().copied())
        .collect();
    script.add_with(
        &SUPERSEDE,
        &superseded,
        |values, id| {
            values.put(id.uuid());
        },
        |values| {
            values.put(DeliveryState::Superseded.as_str()).put(now.0);
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&WAITING, &PARK, &MARK_EMPTY, &SUPERSEDE];
        super::super::super::statement::check_plans(&statements).await;
    }
}
