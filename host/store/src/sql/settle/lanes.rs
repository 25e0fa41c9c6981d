//! What becomes of a lane whose attempt has ended: it goes on, waits, or is removed.

use super::super::statement::{Script, Statement};
use super::super::value::Type::{Id, Integer, Text};
use super::super::value::Values;
use super::Held;

static NEXT_TURN: Statement = Statement::new(
    &[Id, Text, Integer],
    "WITH returned(connection, contact, turn) AS ({rows}) \
     UPDATE lanes SET turn = returned.turn \
     FROM returned WHERE lanes.connection = returned.connection AND lanes.contact = returned.contact",
);

/// A lane is removed only by what its own row says: nothing was put in since the claim found nothing else waiting.
static REMOVE_EMPTY: Statement = Statement::new(
    &[Id, Text],
    "DELETE FROM lanes WHERE (connection, contact) IN ({rows}) AND last_sequence = sole_sequence AND revive_turn IS NULL \
     AND NOT is_held",
);

/// A lane that a person holds already stays his.
static RELEASE: Statement = Statement::new(
    &[Id, Text, Integer, Id, Integer],
    "WITH released(connection, contact, ready_at, holder, at) AS ({rows}) \
     UPDATE lanes SET ready_at = released.ready_at, lease_token = NULL, lease_owner = NULL, leased_at = NULL, \
     lease_until = NULL, sole_sequence = NULL, is_held = lanes.is_held OR released.holder IS NOT NULL, \
     held_by = CASE WHEN lanes.is_held THEN lanes.held_by ELSE released.holder END, \
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
    // What comes later must find the lane held, also where nothing waits in it now.
    let ended: Vec<&Held<'_>> = held
        .iter()
        .filter(|held| held.state().is_settled() && held.holder().is_none())
        .collect();
    script.add(&REMOVE_EMPTY, &ended, lane);
    let all: Vec<&Held<'_>> = held.iter().collect();
    script.add(&RELEASE, &all, |values, held| {
        lane(values, held);
        values
            .put(held.ready_at())
            .put(held.holder())
            .put(held.settle.settlement.at.0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let statements = [&NEXT_TURN, &REMOVE_EMPTY, &RELEASE];
        super::super::super::statement::check_plans(&statements).await;
    }
}
