//! What an operator asks of a connection before it runs: `check` and `discover`. Reads only; nothing is leased.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::attempt::{Attempt, Lease};
use gladhand_core::clock::Clock;
use gladhand_core::connection::Mode;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::{AttemptId, ConnectionId, DeliveryId, Ids, LeaseToken};
use gladhand_runtime::{Call, Check, Connector};
use serde_json::Value;

use crate::directory::Directory;

/// How long setup may take; there is no lane to hold.
const SETUP_TIME: Duration = Duration::from_mins(2);

/// Runs the connector's checks.
pub async fn check(
    directory: &Directory,
    connection: ConnectionId,
    clock: &dyn Clock,
    ids: &dyn Ids,
) -> Result<Vec<Check>, Failure> {
    let (connector, call) = prepare(directory, connection, clock, ids)?;
    connector.check(call).await
}

/// Asks the connector what the CRM offers for `what`.
pub async fn discover(
    directory: &Directory,
    connection: ConnectionId,
    what: &str,
    clock: &dyn Clock,
    ids: &dyn Ids,
) -> Result<Value, Failure> {
    let (connector, call) = prepare(directory, connection, clock, ids)?;
    let offered = &connector.descriptor().discovers;
    if !offered.iter().any(|offer| offer == what) {
        let message = format!(
            "there is nothing called `{what}` to discover; this connector offers {}",
            offered.join(", ")
        );
        return Err(Failure::new(FailureKind::Unsupported, message));
    }
    connector.discover(call, what).await
}

fn prepare(
    directory: &Directory,
    connection: ConnectionId,
    clock: &dyn Clock,
    ids: &dyn Ids,
) -> Result<(Arc<dyn Connector>, Call), Failure> {
    let refused = |message: String| Failure::new(FailureKind::VersionRefused, message);
    let entry = directory
        .connections
        .get(&connection)
        .ok_or_else(|| refused("there is no such connection".to_owned()))?;
    let no_version = || {
        refused(
            entry
                .problem
                .clone()
                .unwrap_or_else(|| "no version is loaded".to_owned()),
        )
    };
    let connector = directory.connector_of(connection).ok_or_else(no_version)?;
    let target = entry.target.as_ref().ok_or_else(no_version)?;
    let lease = Lease {
        token: LeaseToken::new(ids),
        connection,
        contact: String::new(),
        delivery: DeliveryId::new(ids),
        attempt: AttemptId::new(ids),
        until: (clock.monotonic() + SETUP_TIME).into(),
    };
    // Observing: a write ends the call, so that looking can change nothing.
    let mut attempt = Attempt::new(
        lease,
        entry.account.id,
        connector.descriptor().state,
        Mode::Observe,
        1,
        Vec::new(),
    );
    // Whoever asks wants to know how the CRM is, also while nothing else is sent to it.
    attempt.is_probe = true;
    let call = Call {
        attempt,
        target: target.clone(),
        connection: entry.connection.clone(),
        source: entry.source.clone(),
    };
    Ok((connector.clone(), call))
}
