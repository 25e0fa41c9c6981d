//! Why a connection does not run, in one sentence, whoever stopped it.

use std::collections::HashMap;

use gladhand_core::connection::{Account, Connection};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::ids::ConnectionId;
use gladhand_core::pause::{By, Paused};

use super::operations::Pauses;
use super::{Admin, Error};

/// A connection, as far as its deliveries tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionNote {
    /// Its name.
    pub name: String,
    /// Why nothing of it runs; absent where it runs.
    pub paused_because: Option<String>,
}

impl ConnectionNote {
    /// Why a delivery in this state does not run, where that is because of a pause.
    pub fn holds_back(&self, state: DeliveryState) -> Option<&str> {
        let because = self.paused_because.as_deref();
        because.filter(|_| state.waits())
    }
}

impl Admin {
    /// Every connection.
    pub(super) async fn connection_notes(
        &self,
    ) -> Result<HashMap<ConnectionId, ConnectionNote>, Error> {
        let accounts = self.parts.settings.accounts().await?;
        let accounts: HashMap<_, _> = accounts
            .into_iter()
            .map(|account| (account.id, account))
            .collect();
        let pauses = self.parts.operations.pauses().await;
        let connections = self.parts.settings.connections().await?;
        let note = |connection: Connection| {
            // The account is gone only while somebody removes the connection, too.
            let account = accounts.get(&connection.account);
            let paused_because =
                account.and_then(|account| of_connection(&connection, account, &pauses));
            let note = ConnectionNote {
                name: connection.name,
                paused_because,
            };
            (connection.id, note)
        };
        Ok(connections.into_iter().map(note).collect())
    }
}

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
