//! How attempts ended, many in one transaction: their changes, the delivery, the attempt, its locks and its lane.

mod lanes;

use std::collections::{HashMap, HashSet};

use gladhand_core::attempt::{Changes, Lease};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::ids::{AccountId, LeaseToken, SourceId};
use gladhand_core::outcome::{Outcome, SkipCode};
use uuid::Uuid;

use super::changes::Found;
use super::database::Connection;
use super::keys::DataKeys;
use super::leases::Asked;
use super::locks;
use super::rows::to_json;
use super::statement::{Script, Statement, nothing};
use super::value::Type::{Bytes, Id, Integer, Text};
use crate::crypter::Cell;
use crate::deliveries::Settlement;
use crate::{Error, packed};

/// A settle on its way to the writer.
pub(super) struct Settle {
    found: Found,
    /// Boxed, because it is far larger than what else is queued.
    settlement: Box<Settlement>,
    /// The log lines, packed.
    log: Option<Vec<u8>>,
}

impl Settle {
    pub(super) fn new(
        lease: &Lease,
        account: AccountId,
        state: u32,
        changes: Changes,
        settlement: Settlement,
    ) -> Self {
        Self {
            found: Found::new(lease, account, state, changes),
            log: packed::log(&settlement.log),
            settlement: Box::new(settlement),
        }
    }

    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    /// The contact that could not be found by anything, where that is why nothing was written.
    pub(super) fn unidentified(&self) -> Option<String> {
        match self.settlement.outcome {
            Some(Outcome::Skipped {
                code: SkipCode::NoIdentity,
                ..
            }) => Some(self.found.lease.contact.clone()),
            _ => None,
        }
    }
}

/// A settle whose lease holds.
struct Held<'s> {
    source: SourceId,
    settle: &'s Settle,
    /// The contact can be found meanwhile: the delivery goes back to pending, with this turn.
    returns_at: Option<i64>,
}

/// Settles what was asked under leases that hold.
pub(super) async fn run(
    script: &mut Script,
    connection: &mut Connection,
    keys: &DataKeys,
    settles: &[Asked<'_, Settle>],
) -> Result<Vec<Result<(), Error>>, Error> {
    let mut held: Vec<Held<'_>> = settles
        .iter()
        .filter_map(|(source, settle)| {
            Some(Held {
                source: (*source)?,
                settle,
                returns_at: None,
            })
        })
        .collect();
    find_returning(connection, &mut held).await?;
    let settled = find_settled(connection, settles).await?;
    update_deliveries(script, &held);
    update_attempts(script, keys, &held);
    let tokens: Vec<LeaseToken> = held.iter().map(|held| held.lease().token).collect();
    locks::free(script, &tokens);
    lanes::release(script, &held);
    let answer = |(place, (source, _)): (i64, &Asked<'_, Settle>)| {
        let counts = source.is_some() || settled.contains(&place);
        counts.then_some(()).ok_or(Error::LeaseLost)
    };
    Ok((0..).zip(settles).map(answer).collect())
}

impl Held<'_> {
    fn lease(&self) -> &Lease {
        &self.settle.found.lease
    }

    fn state(&self) -> DeliveryState {
        match self.returns_at {
            Some(_) => DeliveryState::Pending,
            None => self.settle.settlement.state,
        }
    }

    /// How it ended well, unless it has not ended.
    fn outcome(&self) -> Option<&Outcome> {
        match self.returns_at {
            Some(_) => None,
            None => self.settle.settlement.outcome.as_ref(),
        }
    }

    fn skip_code(&self) -> Option<SkipCode> {
        match self.outcome()? {
            Outcome::Skipped { code, .. } => Some(*code),
            Outcome::Synced { .. } => None,
        }
    }

    /// The delivery, where it is dead and its connection lets nothing behind it run.
    fn holder(&self) -> Option<Uuid> {
        let holds = self.settle.settlement.holds_lane;
        holds.then(|| self.lease().delivery.uuid())
    }

    /// When the lane may be claimed again: a delivery that waits holds it.
    fn ready_at(&self) -> i64 {
        let settlement = &self.settle.settlement;
        match settlement.not_before {
            Some(not_before) if !self.state().is_settled() => not_before.0,
            _ => settlement.at.0,
        }
    }
}

static RETURNING: Statement = Statement::new(
    &[Integer, Id, Id, Text, Id, Id],
    "WITH skipped(place, source, connection, contact, delivery, attempt) AS ({rows}) \
     SELECT skipped.place, lanes.turn + 1 AS turn \
     FROM skipped \
     JOIN attempts ON attempts.delivery = skipped.delivery AND attempts.id = skipped.attempt \
     AND NOT attempts.contact_was_known \
     JOIN entities ON entities.source = skipped.source AND entities.kind = 'contact' \
                  AND entities.id = skipped.contact AND entities.identities <> '[]' \
     JOIN lanes ON lanes.connection = skipped.connection AND lanes.contact = skipped.contact",
);

/// Of those skipped for want of an identity, finds the ones whose contact gained one since the attempt began.
async fn find_returning(connection: &mut Connection, held: &mut [Held<'_>]) -> Result<(), Error> {
    let skipped: Vec<(i64, &Held<'_>)> = (0..)
        .zip(&*held)
        .filter(|(_, held)| held.skip_code() == Some(SkipCode::NoIdentity))
        .collect();
    let returning = RETURNING
        .fetch(
            connection,
            &skipped,
            |values, (place, held)| {
                values
                    .put(*place)
                    .put(held.source.uuid())
                    .put(held.lease().connection.uuid())
                    .put(held.lease().contact.as_str())
                    .put(held.lease().delivery.uuid())
                    .put(held.lease().attempt.uuid());
            },
            nothing,
        )
        .await?;
    let turns: HashMap<i64, i64> = returning
        .iter()
        .map(|row| Ok((row.try_get("place")?, row.try_get("turn")?)))
        .collect::<Result<_, sqlx::Error>>()?;
    for (place, held) in (0..).zip(held) {
        held.returns_at = turns.get(&place).copied();
    }
    Ok(())
}

static SETTLED: Statement = Statement::new(
    &[Integer, Id, Id],
    "WITH asked(place, delivery, attempt) AS ({rows}) \
     SELECT asked.place FROM asked \
     JOIN attempts ON attempts.delivery = asked.delivery AND attempts.id = asked.attempt \
     AND attempts.settled_at IS NOT NULL",
);

/// Of those whose lease is gone, finds the ones that were settled before: by themselves, for nobody else settles an
/// attempt. Their commit was not heard of, and nothing of them is done again.
async fn find_settled(
    connection: &mut Connection,
    settles: &[Asked<'_, Settle>],
) -> Result<HashSet<i64>, Error> {
    let gone: Vec<(i64, &Lease)> = (0..)
        .zip(settles)
        .filter(|(_, (source, _))| source.is_none())
        .map(|(place, (_, settle))| (place, &settle.found.lease))
        .collect();
    let found = SETTLED
        .fetch(
            connection,
            &gone,
            |values, (place, lease)| {
                values
                    .put(*place)
                    .put(lease.delivery.uuid())
                    .put(lease.attempt.uuid());
            },
            nothing,
        )
        .await?;
    let places = found.iter().map(|row| row.try_get("place"));
    Ok(places.collect::<Result<_, sqlx::Error>>()?)
}

static UPDATE_DELIVERIES: Statement = Statement::new(
    &[
        Id, Text, Integer, Text, Text, Text, Integer, Integer, Integer, Text, Integer,
    ],
    "WITH ended(id, state, uncounted, outcome, code, failure, not_before, queued_at, settled_at, version, turn) \
     AS ({rows}) \
     UPDATE deliveries SET state = ended.state, attempts = deliveries.attempts - ended.uncounted, \
     outcome = ended.outcome, code = ended.code, failure = ended.failure, not_before = ended.not_before, \
     queued_at = COALESCE(ended.queued_at, deliveries.queued_at), settled_at = ended.settled_at, \
     version = COALESCE(ended.version, deliveries.version), turn = COALESCE(ended.turn, deliveries.turn) \
     FROM ended WHERE deliveries.id = ended.id",
);

fn update_deliveries(script: &mut Script, held: &[Held<'_>]) {
    script.add(&UPDATE_DELIVERIES, held, |values, held| {
        let Settlement {
            failure,
            not_before,
            is_attempt,
            at,
            version,
            ..
        } = &*held.settle.settlement;
        let is_settled = held.state().is_settled();
        values
            .put(held.lease().delivery.uuid())
            .put(held.state().as_str())
            .put(i64::from(!is_attempt))
            .put(held.outcome().map(to_json))
            .put(held.skip_code().map(SkipCode::as_str))
            .put(failure.as_ref().map(to_json))
            .put(not_before.filter(|_| !is_settled).map(|time| time.0))
            .put(held.returns_at.map(|_| at.0))
            .put(is_settled.then_some(at.0))
            .put(version.as_deref())
            .put(held.returns_at);
    });
}

static UPDATE_ATTEMPTS: Statement = Statement::new(
    &[Id, Id, Text, Integer, Text, Text, Text, Bytes],
    "WITH ended(delivery, id, version, settled_at, outcome, failure, cost, log) AS ({rows}) \
     UPDATE attempts SET version = COALESCE(ended.version, attempts.version), settled_at = ended.settled_at, \
     outcome = ended.outcome, failure = ended.failure, cost = ended.cost, log = ended.log \
     FROM ended WHERE attempts.delivery = ended.delivery AND attempts.id = ended.id",
);

fn update_attempts(script: &mut Script, keys: &DataKeys, held: &[Held<'_>]) {
    script.add(&UPDATE_ATTEMPTS, held, |values, held| {
        let settlement = &held.settle.settlement;
        let attempt = held.lease().attempt.uuid();
        let owner = held.settle.found.owner(held.source);
        let log = held.settle.log.as_deref();
        values
            .put(held.lease().delivery.uuid())
            .put(attempt)
            .put(settlement.version.as_deref())
            .put(settlement.at.0)
            .put(settlement.outcome.as_ref().map(to_json))
            .put(settlement.failure.as_ref().map(to_json))
            .put(to_json(&settlement.cost))
            .put(log.map(|log| keys.seal(&owner, log_cell(attempt.as_bytes()), log)));
    });
}

/// Where an attempt's log stands.
pub(super) fn log_cell(attempt: &[u8; 16]) -> Cell<'_> {
    Cell {
        table: "attempts",
        row: attempt,
        column: "log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&RETURNING, &SETTLED, &UPDATE_DELIVERIES, &UPDATE_ATTEMPTS];
        super::super::statement::check_plans(&statements).await;
    }
}
