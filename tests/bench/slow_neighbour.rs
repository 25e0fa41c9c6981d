//! `slow-neighbour`: a connection whose CRM takes seconds for a call and has a backlog, beside one whose CRM is fast.
//!
//! Both take every event. Looked at is the fast one's time from when a webhook was due to the call of its CRM, with the
//! slow one and without it, in turn. Each figure is the median of all pairs', the ratio is that of the pairs' ratios.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gladhand_server::system::SystemClock;

use crate::bed::{ATTEMPTS, Bed, Ground};
use crate::crm::{Crm, Manner};
use crate::fill::fill;
use crate::load::Load;
use crate::report::{Row, line, median, percentile};
use crate::scale::Scale;
use gladhand_tests::database::Kind;

const PAIRS: usize = 5;
/// Far below what the host can deliver: what is looked at is not the queue of the fast one itself.
const RATE: u32 = 100;
/// What each account may have under way.
const CONCURRENCY: u32 = ATTEMPTS / 2;
/// Whatever is not delivered by then is lost, or the neighbours are not independent at all.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measures `PAIRS` times each.
pub async fn run(scale: Scale, kind: Kind) -> Result<Vec<Row>> {
    let mut pairs = Vec::new();
    for pair in 1..=PAIRS {
        line(&format!("slow-neighbour: pair {pair} of {PAIRS} …"));
        let alone = times(scale, kind, false).await?;
        let beside = times(scale, kind, true).await?;
        line(&format!(
            "  p99 alone {:.1} ms, beside {:.1} ms",
            alone.1, beside.1
        ));
        pairs.push((alone, beside));
    }
    let of = |figure: fn(&(Times, Times)) -> f64| median(pairs.iter().map(figure).collect());
    let row = |case, p50, p99, ratio| Row {
        scenario: "slow-neighbour",
        store: kind.name(),
        case: Some(case),
        backlog: Some(scale.slow_pending),
        delivery_p50_ms: Some(p50),
        delivery_p99_ms: Some(p99),
        ratio,
        ..Row::default()
    };
    let ratio = of(|(alone, beside)| beside.1 / alone.1);
    Ok(vec![
        row(
            "alone",
            of(|(alone, _)| alone.0),
            of(|(alone, _)| alone.1),
            None,
        ),
        row(
            "beside",
            of(|(_, beside)| beside.0),
            of(|(_, beside)| beside.1),
            Some(ratio),
        ),
    ])
}

/// Median and 99th percentile of the fast one, in milliseconds.
type Times = (f64, f64);

async fn times(scale: Scale, kind: Kind, is_beside: bool) -> Result<Times> {
    let clock: Arc<SystemClock> = Arc::default();
    let manner = Manner {
        remembers: true,
        ..Manner::default()
    };
    let fast = Crm::start(clock.clone(), manner).await?;
    let manner = Manner {
        delay: scale.slow_call,
        ..Manner::default()
    };
    let slow = Crm::start(clock.clone(), manner).await?;
    let mut joined = vec![fast.joined("fast", 1, CONCURRENCY)];
    if is_beside {
        joined.push(slow.joined("slow", 1, CONCURRENCY));
    }
    let bed = Bed::on(Ground::new(kind, joined).await?).await?;
    fill(&bed.host, scale.slow_pending, scale.slow_pending).await?;
    let filled = u64::try_from(scale.slow_pending)?;
    ensure!(
        fast.has_had(filled, PATIENCE).await,
        "the fast one has {} of {filled}",
        fast.requests()
    );

    let load = Load {
        authority: bed.host.authority(),
        time: scale.slow_time,
        rate: Some(RATE),
        first: i64::try_from(scale.slow_pending)?,
    };
    let sent = load.send(&clock).await?;
    let all = filled + u64::try_from(sent.len())?;
    ensure!(
        fast.has_had(all, PATIENCE).await,
        "the fast one has {} of {all}",
        fast.requests()
    );
    ensure!(
        (slow.requests() > 0) == is_beside && slow.requests() < all,
        "the slow one has had {} of {all}: it was no neighbour",
        slow.requests()
    );
    let heard = fast.heard();
    let mut times = Vec::new();
    for webhook in sent {
        let heard = heard.get(&webhook.contact).context("the CRM knows it")?;
        times.push(heard.saturating_sub(webhook.due));
    }
    times.sort();
    // Its requests end with it, so that nobody waits for them.
    drop(slow);
    bed.end().await?;
    Ok((percentile(&times, 0.50), percentile(&times, 0.99)))
}
