//! Changes of contacts, no faster than they are allowed, sent to a host in a process of its own; and what that host and its
//! database use meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use gladhand_server::system::SystemClock;
use gladhand_tests::chatwoot::Sender;
use gladhand_tests::database::{Database, Kind, Work};
use gladhand_tests::host::{SECRET, SOURCE};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::process::Process;
use crate::report::Row;
use crate::{processor, statements, webhook};

const SENDERS: usize = 64;

/// Those who send.
pub struct Load {
    go: watch::Sender<usize>,
    senders: JoinSet<Result<()>>,
}

impl Load {
    /// Sends nothing yet, and `webhooks` in all, of so many contacts in turn.
    pub fn start(
        host: &Process,
        clock: &Arc<SystemClock>,
        webhooks: usize,
        contacts: usize,
    ) -> Self {
        let (go, _) = watch::channel(0);
        let mut senders = JoinSet::new();
        let next = Arc::new(AtomicUsize::new(0));
        for number in 0..SENDERS {
            let sending = Sending {
                authority: host.authority.clone(),
                clock: clock.clone(),
                next: next.clone(),
                allowed: go.subscribe(),
                webhooks,
                contacts,
            };
            senders.spawn(sending.send(number));
        }
        Self { go, senders }
    }

    /// So many may have been sent by now, over all senders.
    pub fn allow(&self, webhooks: usize) {
        self.go.send_replace(webhooks);
    }

    /// Waits until all have been sent.
    pub async fn end(mut self) -> Result<()> {
        while let Some(sent) = self.senders.join_next().await {
            sent??;
        }
        Ok(())
    }
}

/// One of those who send.
struct Sending {
    authority: String,
    clock: Arc<SystemClock>,
    next: Arc<AtomicUsize>,
    allowed: watch::Receiver<usize>,
    webhooks: usize,
    contacts: usize,
}

impl Sending {
    async fn send(mut self, number: usize) -> Result<()> {
        let run = format!("steady-{number}");
        let mut sender = Sender::new(&self.authority, SOURCE, SECRET, &run, &*self.clock);
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            if place >= self.webhooks {
                return Ok(());
            }
            self.allowed.wait_for(|allowed| place < *allowed).await?;
            let contact = i64::try_from(place % self.contacts)?;
            let time = i64::try_from(place / self.contacts)?;
            sender.send_bytes(webhook::changes(contact, time)).await?;
        }
    }
}

/// What a run has used so far.
pub struct Used {
    host_us: u64,
    database_us: Option<u64>,
    statements: Option<u64>,
    work: Work,
}

impl Used {
    /// Reads it; statements only where they are counted.
    pub async fn of(host: &Process, database: &Database, counts: bool) -> Result<Self> {
        let statements = if counts {
            Some(u64::try_from(statements::count(database).await?)?)
        } else {
            None
        };
        Ok(Self {
            host_us: host.processor_us()?,
            database_us: processor::of_server(database).await?,
            statements,
            work: database.work().await?,
        })
    }

    /// What each of so many deliveries used since `before`.
    pub fn since(&self, before: &Self, deliveries: usize, kind: Kind) -> Row {
        let of_each = |now: u64, before: u64| now.saturating_sub(before) as f64 / deliveries as f64;
        let of_each_if_any = |now: Option<u64>, before: Option<u64>| Some(of_each(now?, before?));
        let number = deliveries as u64;
        // What a host writes to a file of its own is not this process's to say.
        let is_server = kind == Kind::Postgres;
        let bytes = is_server.then(|| self.work.bytes_per(number, &before.work));
        Row {
            host_us_per_delivery: Some(of_each(self.host_us, before.host_us)),
            database_us_per_delivery: of_each_if_any(self.database_us, before.database_us),
            statements_per_delivery: of_each_if_any(self.statements, before.statements),
            commits_per_delivery: Some(self.work.commits_per(number, &before.work)),
            bytes_written_per_delivery: bytes,
            ..Row::default()
        }
    }
}
