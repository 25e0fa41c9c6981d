//! Writing a claim down: the lease on the lane, the delivery that runs, the attempt that begins. And taking it back.

use gladhand_core::attempt::{Lease, Unsettled};
use gladhand_core::clock::Timestamp;
use gladhand_core::connection::{OnDead, Policy};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::ConnectionId;

use super::super::Shared;
use super::super::database::Connection;
use super::super::leases::millis;
use super::super::query::Query;
use super::super::rows::{self, to_json};
use super::super::statement::{Script, Statement};
use super::super::value::Type::{Fact, Id, Integer, Text};
use super::head::{Head, Opened};
use super::queue::Choice;
use super::ready::ReadyLane;
use crate::Error;
use crate::deliveries::{ClaimRequest, Claimed};

/// A lane with what runs next in it, and the right to run it.
pub(super) struct Granted {
    pub(super) choice: Choice,
    pub(super) head: Head,
    pub(super) opened: Opened,
    pub(super) lease: Lease,
}

impl Granted {
    /// As the worker gets it; this attempt counts.
    pub(super) fn into_claimed(self) -> Claimed {
        let mut delivery = self.head.delivery;
        delivery.attempts += 1;
        delivery.state = DeliveryState::Running;
        delivery.not_before = None;
        let own = self.head.unsettled_since.map(|since| Unsettled {
            delivery: delivery.id,
            since,
        });
        let unsettled = own.into_iter().chain(self.choice.lane.unsettled).collect();
        Claimed {
            lease: self.lease,
            delivery,
            body: self.opened.body,
            contact_body: self.opened.contact_body,
            journalled: self.opened.journalled,
            unsettled,
            is_again: self.head.was_claimed,
            version: Some(self.choice.lane.version),
            priority: self.head.priority,
            is_overtaken: self.head.is_overtaken,
        }
    }
}

static LEASE: Statement = Statement::new(
    &[Id, Text, Id, Integer],
    "WITH leased(connection, contact, token, sole_sequence) AS ({rows}) \
     UPDATE lanes SET lease_token = leased.token, sole_sequence = leased.sole_sequence, lease_owner = ?, \
     leased_at = ?, lease_until = {clock} + ? \
     FROM leased WHERE lanes.connection = leased.connection AND lanes.contact = leased.contact",
);

static RUN: Statement = Statement::new(
    &[Id],
    "WITH head(id) AS ({rows}) \
     UPDATE deliveries SET state = 'running', attempts = deliveries.attempts + 1, was_claimed = true, not_before = NULL \
     FROM head WHERE deliveries.id = head.id",
);

static BEGIN: Statement = Statement::new(
    &[Id, Id, Integer, Fact, Text, Integer],
    "INSERT INTO attempts (id, delivery, number, contact_was_known, version, started_at) SELECT * FROM ({rows}) AS given WHERE column1 IS NOT NULL",
);

/// Leases the lanes, marks their heads running and begins their attempts.
pub(super) fn write(
    script: &mut Script,
    shared: &Shared,
    request: &ClaimRequest,
    granted: &[Granted],
) {
    script.add_with(
        &LEASE,
        granted,
        |values, Granted { choice, lease, .. }| {
            values
                .put(lease.connection.uuid())
                .put(lease.contact.as_str())
                .put(lease.token.uuid())
                .put(choice.is_sole.then_some(choice.lane.last_sequence));
        },
        |values| {
            values
                .put(shared.incarnation)
                .put(request.now.0)
                .put(millis(request.lease));
        },
    );
    script.add(&RUN, granted, |values, Granted { head, .. }| {
        values.put(head.delivery.id.uuid());
    });
    script.add(
        &BEGIN,
        granted,
        |values,
         Granted {
             choice,
             head,
             lease,
             ..
         }| {
            values
                .put(lease.attempt.uuid())
                .put(head.delivery.id.uuid())
                .put(head.delivery.attempts + 1)
                .put(head.contact_is_known)
                .put(choice.lane.version.as_str())
                .put(request.now.0);
        },
    );
}

/// Settles a delivery whose body does not open: a person must look, and its lane goes on without it unless the connection
/// says otherwise.
pub(super) async fn bury(
    connection: &mut Connection,
    choice: &Choice,
    head: &Head,
    error: &Error,
    now: Timestamp,
) -> Result<(), Error> {
    tracing::error!(%error, delivery = %head.delivery.id, "a stored body cannot be handed over");
    let message = format!("what was stored cannot be handed over: {error}");
    Query::new("UPDATE deliveries SET state = ?, failure = ?, settled_at = ? WHERE id = ?")
        .bind(DeliveryState::Dead.as_str())
        .bind(to_json(&Failure::new(FailureKind::Internal, message)))
        .bind(now.0)
        .bind(head.delivery.id.uuid())
        .execute(&mut *connection)
        .await?;
    let ReadyLane {
        connection: of,
        contact,
        ..
    } = &choice.lane;
    if lets_dead_hold(connection, *of).await? {
        Query::new(
            "UPDATE lanes SET is_held = true, held_by = ?, held_at = ? WHERE connection = ? AND contact = ?",
        )
        .bind(head.delivery.id.uuid())
        .bind(now.0)
        .bind(of.uuid())
        .bind(contact)
        .execute(connection)
        .await?;
    } else if choice.is_sole {
        Query::new(
            "UPDATE lanes SET is_empty = true, ready_at = ? \
             WHERE connection = ? AND contact = ? AND revive_turn IS NULL",
        )
        .bind(now.0)
        .bind(of.uuid())
        .bind(contact)
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Whether a dead delivery of the connection holds its lane.
async fn lets_dead_hold(connection: &mut Connection, of: ConnectionId) -> Result<bool, Error> {
    let found = Query::new("SELECT policy FROM connections WHERE id = ?")
        .bind(of.uuid())
        .fetch_optional(connection)
        .await?;
    let Some(row) = found else {
        return Ok(false);
    };
    let policy: Policy = rows::json(&row, || rows::Cell {
        table: "connections",
        column: "policy",
        row: of.to_string(),
    })?;
    Ok(policy.on_dead == OnDead::Hold)
}

static UNLEASE: Statement = Statement::new(
    &[Id, Text, Id],
    "WITH unclaimed(connection, contact, token) AS ({rows}) \
     UPDATE lanes SET lease_token = NULL, lease_owner = NULL, leased_at = NULL, lease_until = NULL, \
     sole_sequence = NULL \
     FROM unclaimed WHERE lanes.connection = unclaimed.connection AND lanes.contact = unclaimed.contact \
     AND lanes.lease_token = unclaimed.token",
);

/// Whoever has the lane by now runs the delivery.
static UNRUN: Statement = Statement::new(
    &[Id, Id],
    "WITH head(id, token) AS ({rows}) \
     UPDATE deliveries SET state = 'pending', attempts = deliveries.attempts - 1 \
     FROM head, lanes WHERE deliveries.id = head.id AND lanes.connection = deliveries.connection \
     AND lanes.contact = deliveries.contact AND lanes.lease_token = head.token",
);

static UNBEGIN: Statement = Statement::new(
    &[Id, Id],
    "DELETE FROM attempts WHERE (delivery, id) IN ({rows})",
);

/// Undoes claims that nobody waited for: their attempts never began.
pub(in super::super) async fn give_back(
    connection: &mut Connection,
    claimed: &[Claimed],
) -> Result<(), Error> {
    let mut script = Script::default();
    script.add(&UNRUN, claimed, |values, claimed| {
        values
            .put(claimed.delivery.id.uuid())
            .put(claimed.lease.token.uuid());
    });
    script.add(&UNBEGIN, claimed, |values, claimed| {
        values
            .put(claimed.delivery.id.uuid())
            .put(claimed.lease.attempt.uuid());
    });
    script.add(&UNLEASE, claimed, |values, claimed| {
        values
            .put(claimed.lease.connection.uuid())
            .put(claimed.lease.contact.as_str())
            .put(claimed.lease.token.uuid());
    });
    script.run(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&LEASE, &RUN, &BEGIN, &UNLEASE, &UNRUN, &UNBEGIN];
        super::super::super::statement::check_plans(&statements).await;
    }
}
