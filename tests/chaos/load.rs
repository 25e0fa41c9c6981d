//! The load: webhooks at a bounded rate, each contact's in order, as Chatwoot sends them, and what was answered.
//!
//! Acknowledged is what a 2xx was read for, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use gladhand_core::clock::Clock;
use gladhand_tests::chatwoot::sender::sign;
use gladhand_tests::host::{SECRET, SOURCE};
use gladhand_tests::http::Client;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::fleet::Fleet;
use crate::options::Options;
use crate::script::{Line, Says, Script};

/// Contacts are spread over so many senders.
const SENDERS: usize = 8;
/// A sender that is behind holds up what comes.
const QUEUE: usize = 64;
/// Chatwoot waits for 5 s.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of webhooks, how many are sent again until they are acknowledged, as by a proxy that retries; Chatwoot never does.
const SENT_AGAIN: f64 = 0.7;
/// Sent again so often, this far apart: longer than any fault lasts.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// What became of a webhook, as its sender knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Acknowledged, as this event.
    Stored(String),
    /// Acknowledged: it had been stored by an earlier try that was not answered.
    Duplicate,
    /// Not acknowledged. It may be stored or not.
    None,
}

/// A webhook and what became of it.
#[derive(Debug, Clone)]
pub struct Told {
    pub contact: i64,
    pub says: Says,
    pub answer: Answer,
}

impl Told {
    /// Whether its sender has a 2xx for it.
    pub fn is_acknowledged(&self) -> bool {
        self.answer != Answer::None
    }
}

struct Task {
    number: u64,
    line: Line,
    is_sent_again: bool,
}

/// Sends until `stop`; gives back everything that was sent, each contact's in order.
pub async fn drive(
    options: &Options,
    fleet: Arc<Fleet>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<Vec<Told>> {
    let mut queues = Vec::new();
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        let (queue, tasks) = mpsc::channel(QUEUE);
        queues.push(queue);
        let (fleet, clock, stop) = (fleet.clone(), clock.clone(), stop.clone());
        senders.push(tokio::spawn(send_all(tasks, fleet, clock, stop)));
    }
    let mut script = Script::new(options.seed, options.contacts, clock.now().0);
    let mut chance = StdRng::seed_from_u64(options.seed.wrapping_add(1));
    let mut pace = interval(Duration::from_secs(1) / options.rate);
    let mut number = 0;
    'sending: loop {
        for line in script.next() {
            tokio::select! {
                () = stop.cancelled() => break 'sending,
                _ = pace.tick() => {}
            }
            number += 1;
            let sender = usize::try_from(line.contact)? % SENDERS;
            let is_sent_again = chance.random_bool(SENT_AGAIN);
            let task = Task {
                number,
                line,
                is_sent_again,
            };
            tokio::select! {
                () = stop.cancelled() => break 'sending,
                sent = queues[sender].send(task) => sent?,
            }
        }
    }
    drop(queues);
    let mut told = Vec::new();
    for sender in senders {
        told.append(&mut sender.await?);
    }
    Ok(told)
}

async fn send_all(
    mut tasks: mpsc::Receiver<Task>,
    fleet: Arc<Fleet>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Vec<Told> {
    let mut told = Vec::new();
    let mut connection: Option<(String, Client)> = None;
    while let Some(task) = tasks.recv().await {
        if stop.is_cancelled() {
            // What is still in the queue was never sent: hosts that are down would make a long end of it.
            continue;
        }
        let tries = if task.is_sent_again { TRIES } else { 1 };
        let body = task.line.webhook.body.to_string().into_bytes();
        let mut answer = Answer::None;
        for tried in 0..tries {
            if tried > 0 {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
            // Any of the hosts will do; a dead one's place is empty or refuses.
            let Some(authority) =
                fleet.authority(usize::try_from(task.number).unwrap_or(0) + tried as usize)
            else {
                continue;
            };
            let (_, client) = match connection.take().filter(|(known, _)| *known == authority) {
                Some(same) => connection.insert(same),
                None => connection.insert((authority.clone(), Client::new(&authority))),
            };
            match timeout(PATIENCE, send(client, task.number, &*clock, body.clone())).await {
                Ok(Ok(Some(acknowledged))) => {
                    answer = acknowledged;
                    break;
                }
                Ok(Ok(None)) => {}
                Ok(Err(_)) | Err(_) => connection = None,
            }
        }
        told.push(Told {
            contact: task.line.contact,
            says: task.line.says,
            answer,
        });
    }
    told
}

/// None where the host answered that it did not take it.
async fn send(
    client: &mut Client,
    number: u64,
    clock: &dyn Clock,
    body: Vec<u8>,
) -> Result<Option<Answer>> {
    let timestamp = (clock.now().0 / 1_000).to_string();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("x-chatwoot-delivery", format!("chaos-{number}")),
        ("x-chatwoot-signature", sign(SECRET, &timestamp, &body)),
        ("x-chatwoot-timestamp", timestamp),
    ];
    let answer = client
        .post(&format!("/hooks/chatwoot/{SOURCE}"), &headers, body)
        .await?;
    if !(200..300).contains(&answer.status) {
        return Ok(None);
    }
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok(Some(match said["event"].as_str() {
        Some(event) if said["result"] == "stored" => Answer::Stored(event.to_owned()),
        _ => Answer::Duplicate,
    }))
}
