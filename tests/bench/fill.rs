//! A backlog, put into the store as the intake would but for HTTP: a million of them must not take an hour.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use gladhand_chatwoot::Context;
use gladhand_core::clock::Clock as _;
use gladhand_core::ids::{EventId, SourceId};
use gladhand_core::intake::IncomingEvent;
use gladhand_server::system::{SystemClock, SystemIds};
use gladhand_store::Intake as _;
use gladhand_tests::host::{SOURCE, TestHost};

use crate::webhook;

/// Calls at once: what one commit can carry, twice, so that the next one fills while one is written.
const AT_ONCE: usize = 512;

/// Takes in `deliveries` over so many contacts, round and round: each contact's first is the contact itself, the others
/// are its messages, which nothing supersedes.
pub async fn fill(host: &TestHost, contacts: usize, deliveries: usize) -> Result<()> {
    // The contacts first: a message of an unknown contact would bring it along, and be two deliveries.
    take(host, 0, contacts.min(deliveries), contacts).await?;
    take(host, contacts.min(deliveries), deliveries, contacts).await
}

async fn take(host: &TestHost, from: usize, until: usize, contacts: usize) -> Result<()> {
    let directory = host.host.engine.directory();
    let source = &directory.sources.get(SOURCE).context("the source")?.source;
    let context = Context {
        base_url: source.base_url.clone(),
        account_id: source.account_id,
    };
    let next = Arc::new(AtomicUsize::new(from));
    let mut taking = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE.min(until.saturating_sub(from)) {
        let (next, store, id) = (next.clone(), host.host.store.clone(), source.id);
        let context = context.clone();
        taking.spawn(async move {
            let clock = SystemClock::default();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= until {
                    return anyhow::Ok(());
                }
                let contact = i64::try_from(place % contacts)?;
                let body = if place < contacts {
                    webhook::appears(contact)
                } else {
                    webhook::writes(contact, i64::try_from(place)?)
                };
                let event = incoming(&context, id, body, place, &clock);
                store.take(event).await?;
            }
        });
    }
    while let Some(taken) = taking.join_next().await {
        taken??;
    }
    Ok(())
}

fn incoming(
    context: &Context,
    source: SourceId,
    body: Vec<u8>,
    place: usize,
    clock: &SystemClock,
) -> IncomingEvent {
    let read = gladhand_chatwoot::read(context, &body);
    IncomingEvent {
        id: EventId::new(&SystemIds),
        source,
        name: read.name,
        delivery_key: Some(format!("fill-{place}")),
        semantic_key: read.semantic_key,
        received_at: clock.now(),
        body,
        reading: read.reading,
    }
}
