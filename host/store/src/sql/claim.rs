//! Claiming: which lanes are ready, what runs next in each, and everything that running it needs. One transaction.

mod ready;

mod queue;

mod head;

mod grant;

pub(super) use self::grant::give_back;

use std::time::Duration;

use gladhand_core::attempt::Lease;
use gladhand_core::ids::{AttemptId, LeaseToken};

use self::grant::Granted;
use self::head::Head;
use self::queue::Choice;
use self::ready::ReadyLane;
use super::database::{Connection, Dialect};
use super::statement::Script;
use super::{Shared, leases};
use crate::Error;
use crate::deliveries::{ClaimRequest, Claimed, Claims};

/// How soon lanes are asked for again that another host was about to take.
const GUARDED_AGAIN: Duration = Duration::from_millis(20);

/// Claims one after the other: each sees what the one before took.
pub(super) async fn run(
    connection: &mut Connection,
    shared: &Shared,
    requests: &[&ClaimRequest],
) -> Result<Vec<Result<Claims, Error>>, Error> {
    let mut answers = Vec::with_capacity(requests.len());
    if requests.is_empty() {
        return Ok(answers);
    }
    if connection.dialect() == Dialect::Sqlite {
        for request in requests {
            answers.push(Ok(claim(connection, shared, request).await?));
        }
        return Ok(answers);
    }
    let asked = requests.iter().flat_map(|request| &request.connections);
    let taken = leases::begin_claim(connection, asked.map(|wanted| wanted.connection)).await?;
    for request in requests {
        let mut own = ClaimRequest::clone(request);
        own.connections
            .retain(|wanted| !taken.contains(&wanted.connection));
        let mut claims = claim(connection, shared, &own).await?;
        if own.connections.len() < request.connections.len() {
            let again = request.now.after(GUARDED_AGAIN);
            claims.next_ready = Some(claims.next_ready.map_or(again, |next| next.min(again)));
        }
        answers.push(Ok(claims));
    }
    Ok(answers)
}

async fn claim(
    connection: &mut Connection,
    shared: &Shared,
    request: &ClaimRequest,
) -> Result<Claims, Error> {
    let mut claimed: Vec<Claimed> = Vec::new();
    // A lane that brought nothing is no longer ready, so the rounds end.
    loop {
        let lanes = ready::find(connection, request, &claimed).await?;
        let found = lanes.len();
        let mut taken = take(connection, shared, request, lanes).await?;
        let is_complete = taken.len() == found;
        claimed.append(&mut taken);
        if is_complete {
            break;
        }
    }
    // Whoever got all that was asked for has no use for more before one of these is settled.
    let next_ready = if claimed.len() < usize::try_from(request.lanes).unwrap_or(usize::MAX) {
        ready::next(connection, request).await?
    } else {
        None
    };
    Ok(Claims {
        claimed,
        next_ready,
    })
}

/// Takes the head of each lane that has one to run; the others are parked or marked as empty.
async fn take(
    connection: &mut Connection,
    shared: &Shared,
    request: &ClaimRequest,
    lanes: Vec<ReadyLane>,
) -> Result<Vec<Claimed>, Error> {
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    queue::revive(connection, &lanes, request.now).await?;
    let (runnable, idle) = queue::choose(connection, lanes, request.now).await?;
    let mut script = Script::default();
    queue::rest(&mut script, &idle, request.now);
    queue::supersede(&mut script, &runnable, request.now);

    let heads = head::load(connection, shared, &runnable).await?;
    let mut granted = Vec::with_capacity(runnable.len());
    for (choice, (head, opened)) in runnable.into_iter().zip(heads) {
        match opened {
            Ok(opened) => {
                let lease = lease(shared, request, &choice, &head);
                granted.push(Granted {
                    choice,
                    head,
                    opened,
                    lease,
                });
            }
            Err(error) => grant::bury(connection, &choice, &head, &error, request.now).await?,
        }
    }
    grant::write(&mut script, shared, request, &granted);
    script.run(connection).await?;
    Ok(granted.into_iter().map(Granted::into_claimed).collect())
}

fn lease(shared: &Shared, request: &ClaimRequest, choice: &Choice, head: &Head) -> Lease {
    Lease {
        token: LeaseToken::new(&*shared.ids),
        connection: choice.lane.connection,
        contact: choice.lane.contact.clone(),
        delivery: head.delivery.id,
        attempt: AttemptId::new(&*shared.ids),
        until: (request.monotonic + request.lease).into(),
    }
}
