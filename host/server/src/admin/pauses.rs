//! Why a connection does not run, in one sentence, whoever stopped it.

use gladhand_core::connection::{Account, Connection};
use gladhand_core::pause::{By, Paused};

use super::operations::Pauses;

/// Why nothing of a connection runs; `None` where it runs.
pub fn of_connection(
    connection: &Connection,
    account: &Account,
    pauses: &Pauses,
) -> Option<String> {
    if connection.is_paused {
        return Some("an operator paused it".to_owned());
    }
    let own = pauses
        .connections
        .iter()
        .find(|(id, _)| *id == connection.id)
        .map(|(_, pause)| stopped("it", pause));
    own.or_else(|| {
        of_account(account, pauses)
            .map(|pause| stopped(&format!("its account `{}`", account.name), pause))
    })
}

/// What stopped an account.
pub fn of_account<'p>(account: &Account, pauses: &'p Pauses) -> Option<&'p Paused> {
    let found = pauses.accounts.iter().find(|(id, _)| *id == account.id);
    found.map(|(_, pause)| pause)
}

/// `what` is paused for this reason, as a clause.
fn stopped(what: &str, pause: &Paused) -> String {
    match pause.by {
        By::Operator => format!("an operator paused {what}"),
        By::Host => format!("{what} paused itself: {}", pause.message),
    }
}
