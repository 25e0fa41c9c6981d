//! `intake`: signed webhooks over HTTP, each on disk before it is acknowledged, as fast as 128 connections can.

use anyhow::Result;
use gladhand_core::clock::Clock as _;

use crate::bed::Bed;
use crate::load::{Acknowledged, Load};
use crate::report::{Row, line, percentile};
use crate::scale::Scale;
use gladhand_tests::database::Kind;

/// Measures for `scale.time`.
pub async fn run(scale: Scale, kind: Kind) -> Result<Row> {
    line("intake: signed webhooks, 128 connections, every one on disk …");
    acknowledged("intake", scale, kind, None).await
}

/// Sends at this rate, or as fast as answers come, to a host that only takes in.
pub async fn acknowledged(
    scenario: &'static str,
    scale: Scale,
    kind: Kind,
    rate: Option<u32>,
) -> Result<Row> {
    let bed = Bed::new(kind, Vec::new()).await?;
    let empty = bed.ground.database.bytes_kept().await?;
    let load = Load {
        authority: bed.host.authority(),
        time: scale.time,
        rate,
        first: 0,
    };
    let began = bed.clock.monotonic();
    let all = load.send(&bed.clock).await?;
    let took = bed.clock.monotonic().saturating_sub(began);
    let kept = bed.end().await?;
    let mut times: Vec<_> = all.iter().map(|one: &Acknowledged| one.took).collect();
    times.sort();
    Ok(Row {
        scenario,
        store: kind.name(),
        lanes: Some(times.len()),
        acks_per_second: Some(times.len() as f64 / took.as_secs_f64()),
        ack_p50_ms: Some(percentile(&times, 0.50)),
        ack_p99_ms: Some(percentile(&times, 0.99)),
        disk_bytes_per_event: Some(kept.saturating_sub(empty) as f64 / times.len() as f64),
        ..Row::default()
    })
}
