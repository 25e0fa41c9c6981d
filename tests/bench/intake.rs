//! `intake`: signed webhooks over HTTP, each on disk before it is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use gladhand_core::clock::Clock;
use gladhand_server::system::SystemClock;
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::chatwoot::{Account, sender};
use gladhand_tests::host::{SECRET, SOURCE, Setup, TestHost};
use gladhand_tests::http::Client;
use tempfile::TempDir;

use crate::report::{Row, Scale, line, percentile, rss_mb};

/// Chatwoot's own workers: many, each waiting for its answer.
const CONNECTIONS: u32 = 128;

/// Measures for `scale.time`.
pub async fn run(scale: Scale) -> Result<Row> {
    line("intake: signed webhooks, 128 connections, every one on disk …");
    let dir = TempDir::new()?;
    let host = TestHost::start(&Setup::new(dir.path(), Vec::new())).await?;
    let clock: Arc<SystemClock> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let began = clock.monotonic();
    let load: Vec<_> = (0..CONNECTIONS)
        .map(|number| tokio::spawn(send(host.authority(), number, clock.clone(), stop.clone())))
        .collect();
    tokio::time::sleep(scale.time).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for connection in load {
        times.extend(connection.await??);
    }
    let took = clock.monotonic().saturating_sub(began);
    host.stop().await;
    times.sort();
    let bytes: u64 = ["gladhand.db", "gladhand.db-wal"]
        .iter()
        .filter_map(|name| Some(std::fs::metadata(dir.path().join(name)).ok()?.len()))
        .sum();
    Ok(Row {
        scenario: "intake",
        store: "sqlite",
        lanes: Some(times.len()),
        acks_per_second: Some(times.len() as f64 / took.as_secs_f64()),
        ack_p50_ms: Some(percentile(&times, 0.50)),
        ack_p99_ms: Some(percentile(&times, 0.99)),
        rss_mb: rss_mb(),
        disk_bytes_per_event: Some(bytes as f64 / times.len() as f64),
        ..Row::default()
    })
}

async fn send(
    authority: String,
    number: u32,
    clock: Arc<SystemClock>,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let mut client = Client::new(&authority);
    let mut account = Account::new(1_781_690_400_000);
    let path = format!("/hooks/chatwoot/{SOURCE}");
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let id = i64::from(number) * 10_000_000 + i64::try_from(times.len())?;
        account.meets(contact(id));
        let body = account
            .webhooks
            .pop()
            .expect("a contact was met")
            .body
            .to_string()
            .into_bytes();
        let timestamp = (clock.now().0 / 1_000).to_string();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-chatwoot-delivery", format!("{number}-{id}")),
            (
                "x-chatwoot-signature",
                sender::sign(SECRET, &timestamp, &body),
            ),
            ("x-chatwoot-timestamp", timestamp),
        ];
        let began = clock.monotonic();
        let answer = client.post(&path, &headers, body).await?;
        times.push(clock.monotonic().saturating_sub(began));
        if answer.status != 200 {
            bail!(
                "the host answered {}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        account.contacts.clear();
    }
    Ok(times)
}

/// A contact that can be found by an address and a number of its own.
pub fn contact(id: i64) -> Contact {
    Contact {
        id,
        name: format!("Visitor {id}"),
        email: Some(format!("visitor-{id}@example.com")),
        phone: Some(format!("+4930{:08}", id % 100_000_000)),
        company: None,
    }
}
