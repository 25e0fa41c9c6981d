//! Signed webhooks over HTTP: as many as are answered, or so many a second whether they are answered or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use gladhand_core::clock::Clock as _;
use gladhand_server::system::SystemClock;
use gladhand_tests::chatwoot::Sender;
use gladhand_tests::host::{SECRET, SOURCE};
use tokio::task::JoinSet;

use crate::webhook;

/// Chatwoot's own workers: many, each waiting for its answer.
pub const CONNECTIONS: u32 = 128;

/// What to send.
#[derive(Debug, Clone)]
pub struct Load {
    /// To whom: `host:port`.
    pub authority: String,
    /// For how long.
    pub time: Duration,
    /// So many a second; `None` for each connection's next as soon as its last is answered.
    pub rate: Option<u32>,
    /// The id of the first contact that appears; the next has the next.
    pub first: i64,
}

/// An acknowledged webhook.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledged {
    /// Whose.
    pub contact: i64,
    /// When it was to be sent, on the clock of the load.
    pub due: Duration,
    /// From then until it was acknowledged: a sender that is late makes the host late.
    pub took: Duration,
}

impl Load {
    /// Sends; what was acknowledged, in no order.
    pub async fn send(&self, clock: &Arc<SystemClock>) -> Result<Vec<Acknowledged>> {
        let began = clock.monotonic();
        let next = Arc::new(AtomicU64::new(0));
        let mut connections = JoinSet::new();
        for number in 0..CONNECTIONS {
            let (load, clock, next) = (self.clone(), clock.clone(), next.clone());
            connections.spawn(async move { load.connection(number, began, &clock, &next).await });
        }
        let mut all = Vec::new();
        while let Some(acknowledged) = connections.join_next().await {
            all.extend(acknowledged??);
        }
        ensure!(!all.is_empty(), "nothing was acknowledged");
        Ok(all)
    }

    async fn connection(
        &self,
        number: u32,
        began: Duration,
        clock: &SystemClock,
        next: &AtomicU64,
    ) -> Result<Vec<Acknowledged>> {
        let run = format!("load-{}-{number}", self.first);
        let mut sender = Sender::new(&self.authority, SOURCE, SECRET, &run, clock);
        let mut acknowledged = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let due = match self.rate {
                Some(rate) => began + Duration::from_secs(place) / rate,
                None => clock.monotonic(),
            };
            if due >= began + self.time {
                return Ok(acknowledged);
            }
            tokio::time::sleep(due.saturating_sub(clock.monotonic())).await;
            let contact = self.first + i64::try_from(place)?;
            let body = webhook::appears(contact);
            // The body is the sender's own work where nothing is due at a time.
            let due = self.rate.map_or_else(|| clock.monotonic(), |_| due);
            sender.send_bytes(body).await?;
            acknowledged.push(Acknowledged {
                contact,
                due,
                took: clock.monotonic().saturating_sub(due),
            });
        }
    }
}
