//! What becomes of a lane whose attempt has ended: it goes on, waits, or is empty.

use super::super::statement::{Script, Statement};
use super::super::value::Type::{Fact, Id, Integer, Text};
use super::super::value::Values;
use super::Held;

static NEXT_TURN: Statement = Statement::new(
    &[Id, Text, Integer],
    "WITH returned(connection, contact, turn) AS ({rows}) \
     UPDATE lanes SET turn = returned.turn \
     FROM returned WHERE lanes.connection = returned.connection AND lanes.contact = returned.contact",
);

/// That a lane is empty is told by its own row alone: nothing was put in since the claim found nothing else waiting.
/// A lane that a person holds already is held since then, and by the dead delivery, too.
static RELEASE: Statement = Statement::new(
    &[Id, Text, Integer, Fact, Id, Integer, Id, Integer],
    "WITH released(connection, contact, ready_at, is_over, holder, at, unsettled, since) AS ({rows}) \
     UPDATE lanes SET ready_at = released.ready_at, unsettled_delivery = released.unsettled, \
     unsettled_since = released.since, lease_token = NULL, lease_owner = NULL, leased_at = NULL, \
     lease_until = NULL, sole_sequence = NULL, \
     is_empty = released.is_over AND lanes.last_sequence IS NOT DISTINCT FROM lanes.sole_sequence \
                AND lanes.revive_turn IS NULL AND NOT lanes.is_held, \
     is_held = lanes.is_held OR released.holder IS NOT NULL, \
     held_by = COALESCE(CASE WHEN lanes.is_held THEN lanes.held_by END, released.holder), \
     held_at = CASE WHEN lanes.is_held THEN lanes.held_at WHEN released.holder IS NOT NULL THEN released.at END \
     FROM released WHERE lanes.connection = released.connection AND lanes.contact = released.contact",
);

/// The leases were found to hold in this transaction, so the lane's key is enough.
pub(super) fn release(script: &mut Script, held: &[Held<'_>]) {
    let lane = |values: &mut Values, held: &&Held<'_>| {
        values
            .put(held.lease().connection.uuid())
            .put(held.lease().contact.as_str());
    };
    let returned: Vec<&Held<'_>> = held
        .iter()
        .filter(|held| held.returns_at.is_some())
        .collect();
    script.add(&NEXT_TURN, &returned, |values, held| {
        lane(values, held);
        values.put(held.returns_at);
    });
    let all: Vec<&Held<'_>> = held.iter().collect();
    script.add(&RELEASE, &all, |values, held| {
        let unsettled = held.settle.settlement.unsettled;
        lane(values, held);
        values
            .put(held.ready_at())
            // What comes later must find the lane held, also where nothing waits in it now.
            .put(held.state().is_settled() && held.holder().is_none())
            .put(held.holder())
            .put(held.settle.settlement.at.0)
            .put(unsettled.map(|unsettled| unsettled.delivery.uuid()))
            .put(unsettled.map(|unsettled| unsettled.since.0));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&NEXT_TURN, &RELEASE];
        super::super::super::statement::check_plans(&statements).await;
    }
}
