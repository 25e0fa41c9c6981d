//! Running one delivery: its event in the words of the contract, its attempt, its connector.

use std::sync::Arc;

use gladhand_chatwoot::Context;
use gladhand_core::attempt::Attempt;
use gladhand_core::connection::Source;
use gladhand_core::event::{Contact, Event, EventKind};
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::intake::{Reading, Snapshot, Subject};
use gladhand_runtime::{Call, Connector, Ended, Report};
use gladhand_store::deliveries::Claimed;

use crate::directory::{ConnectionEntry, Directory};

/// Runs what was claimed, to whatever end. `is_probe` where it finds out whether its account works again.
pub async fn run(directory: &Directory, claimed: &Claimed, is_probe: bool) -> Report {
    match prepare(directory, claimed) {
        Ok((connector, mut call, event)) => {
            call.attempt.is_probe = is_probe;
            connector.handle(call, &event).await
        }
        Err(refused) => report(refused.attempt, Ended::Failure(refused.failure)),
    }
}

/// The report of an attempt that ended before its connector was asked.
pub fn not_run(directory: &Directory, claimed: &Claimed, ended: Ended) -> Report {
    let entry = directory.connections.get(&claimed.lease.connection);
    let connector = claimed
        .version
        .as_ref()
        .and_then(|version| directory.connectors.get(version));
    let attempt = attempt(claimed, entry.map(Arc::as_ref), connector.map(Arc::as_ref));
    report(attempt, ended)
}

fn report(attempt: Attempt, ended: Ended) -> Report {
    Report {
        ended,
        attempt,
        cost: gladhand_core::attempt::Cost::default(),
        log: Vec::new(),
    }
}

/// How the source's words are read: what its links begin with.
pub fn context(source: &Source) -> Context {
    Context {
        base_url: source.base_url.clone(),
        account_id: source.account_id,
    }
}

type Prepared = (Arc<dyn Connector>, Call, Event);

/// What cannot even begin.
struct Refused {
    attempt: Attempt,
    failure: Failure,
}

fn prepare(directory: &Directory, claimed: &Claimed) -> Result<Prepared, Box<Refused>> {
    let id = claimed.lease.connection;
    let entry = directory.connections.get(&id);
    let connector = claimed
        .version
        .as_ref()
        .and_then(|version| directory.connectors.get(version));
    let attempt = attempt(claimed, entry.map(Arc::as_ref), connector.map(Arc::as_ref));
    let refused = |attempt: Attempt, kind: FailureKind, message: String| {
        Err(Box::new(Refused {
            attempt,
            failure: Failure::new(kind, message),
        }))
    };
    let (Some(entry), Some(connector)) = (entry, connector) else {
        let message = "the version that this connection runs is not loaded on this host";
        return refused(attempt, FailureKind::VersionRefused, message.to_owned());
    };
    let Some(target) = &entry.target else {
        let problem = entry.problem.clone().unwrap_or_default();
        return refused(attempt, FailureKind::VersionRefused, problem);
    };
    match event(&entry.source, claimed) {
        Ok(event) => {
            let call = Call {
                attempt,
                target: target.clone(),
                connection: entry.connection.clone(),
                source: entry.source.clone(),
            };
            Ok((connector.clone(), call, event))
        }
        Err(reason) => refused(attempt, FailureKind::Internal, reason),
    }
}

fn attempt(
    claimed: &Claimed,
    entry: Option<&ConnectionEntry>,
    connector: Option<&dyn Connector>,
) -> Attempt {
    let mut attempt = Attempt::new(
        claimed.lease.clone(),
        // Without an entry nothing is sent: the account names nothing then.
        entry.map_or(
            gladhand_core::ids::AccountId::from_uuid(claimed.lease.connection.uuid()),
            |entry| entry.account.id,
        ),
        connector.map_or(0, |connector| connector.descriptor().state),
        entry.map_or(gladhand_core::connection::Mode::Observe, |entry| {
            entry.connection.mode
        }),
        claimed.delivery.attempts,
        claimed.journalled.clone(),
    );
    attempt.unsettled.clone_from(&claimed.unsettled);
    attempt.is_again = claimed.is_again;
    attempt.priority = claimed.priority;
    attempt
}

/// The delivery's event, read afresh from the bytes that came in.
fn event(source: &Source, claimed: &Claimed) -> Result<Event, String> {
    let kind = claimed
        .delivery
        .kind
        .ok_or("the delivery has no kind that a connector handles")?;
    let mut snapshot = snapshot(source, &claimed.body)?;
    if kind == EventKind::ContactChanged && snapshot.subject != Subject::Contact {
        // A sync of somebody whom only a conversation has named: it is not the conversation that is told.
        snapshot.conversation = None;
        snapshot.messages.clear();
        snapshot.changed.clear();
    }
    if let Some(newer) = claimed
        .contact_body
        .as_deref()
        .map(|body| contact(source, body))
        .transpose()?
        .flatten()
    {
        snapshot.contact = Some(newer);
    }
    let occurred_at = match kind {
        EventKind::MessageCreated => snapshot.messages.first().map(|message| message.created_at),
        _ => snapshot.occurred_at,
    };
    Ok(Event {
        id: claimed.delivery.id.to_string(),
        kind,
        occurred_at: occurred_at.unwrap_or(claimed.delivery.received_at),
        contact: snapshot.contact,
        conversation: snapshot.conversation,
        messages: snapshot.messages,
        changed: snapshot.changed,
        attributes: serde_json::Map::new(),
    })
}

fn contact(source: &Source, body: &[u8]) -> Result<Option<Contact>, String> {
    Ok(snapshot(source, body)?.contact)
}

fn snapshot(source: &Source, body: &[u8]) -> Result<Snapshot, String> {
    match gladhand_chatwoot::read(&context(source), body).reading {
        Reading::Snapshot(snapshot) => Ok(*snapshot),
        Reading::Ignored { reason, .. } | Reading::Unreadable { reason } => Err(format!(
            "the stored event cannot be read any more: {reason}"
        )),
    }
}
