//! `memory`: what `gladhand serve` keeps resident with four connectors of Krayin's size, at rest and under full load.
//!
//! It is the Krayin connector four times: copies that differ in a section which means nothing are versions of their own,
//! compiled and loaded like any other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gladhand_core::clock::Clock as _;
use gladhand_server::system::SystemClock;
use gladhand_tests::host::{Joined, built_connectors};
use gladhand_tests::krayin::Krayin;
use sha2::{Digest as _, Sha256};

use crate::bed::Ground;
use crate::deliver_krayin::quick_krayin;
use crate::load::Load;
use crate::process::{Process, Program};
use crate::report::{Row, line};
use crate::scale::Scale;
use gladhand_tests::database::Kind;

const CONNECTORS: u8 = 4;
/// What a host that has just started gives back by then, it gives back.
const SETTLE: Duration = Duration::from_secs(3);
/// Whatever does nothing by then does not work.
const PATIENCE: Duration = Duration::from_mins(1);
const SAMPLE: Duration = Duration::from_millis(100);

/// Starts twice: the second start finds its connectors compiled, as every usual one does.
pub async fn run(scale: Scale, kind: Kind) -> Result<Vec<Row>> {
    line("memory: a host of its own, four connectors …");
    let components = copies()?;
    let mut crms = Vec::new();
    let mut joined = Vec::new();
    for (number, (digest, _)) in components.iter().enumerate() {
        let crm = quick_krayin()?;
        joined.push(Joined {
            connector: format!("krayin@sha256:{digest}"),
            ..Joined::krayin(&format!("krayin-{number}"), crm.base_url(), crm.token())
        });
        crms.push(crm);
    }
    let mut ground = Ground::new(kind, joined).await?;
    ground.setup.connectors = ground.dir.path().join("krayins");
    std::fs::create_dir_all(&ground.setup.connectors)?;
    for (number, (_, component)) in components.iter().enumerate() {
        std::fs::write(
            ground.setup.connectors.join(format!("{number}.wasm")),
            component,
        )?;
    }

    let row = |case, rss_mb| Row {
        scenario: "memory",
        store: kind.name(),
        case: Some(case),
        rss_mb: Some(rss_mb),
        ..Row::default()
    };
    let mut rows = Vec::new();
    let first = Process::start(&ground.setup, Program::Serve).await?;
    tokio::time::sleep(SETTLE).await;
    ensure!(
        first.connectors().await? == components.len(),
        "not all connectors were accepted:\n{}",
        std::fs::read_to_string(ground.dir.path().join("host.log"))?
    );
    rows.push(row("at rest, after compiling", first.rss_mb()?));
    first.stop().await?;

    let host = Process::start(&ground.setup, Program::Serve).await?;
    tokio::time::sleep(SETTLE).await;
    rows.push(row("at rest", host.rss_mb()?));
    let most = under_load(scale, &host, &crms).await?;
    rows.push(row("under load, at most", most));
    drop(host);
    ground.database.remove().await?;
    Ok(rows)
}

/// The most that it has while webhooks come as fast as it takes them, each delivered four times, and until every
/// connector has been at work.
async fn under_load(scale: Scale, host: &Process, crms: &[Krayin]) -> Result<f64> {
    let clock: Arc<SystemClock> = Arc::default();
    let load = Load {
        authority: host.authority.clone(),
        time: scale.time,
        rate: None,
        first: 0,
    };
    let until = clock.monotonic() + scale.time + PATIENCE;
    let sending = tokio::spawn({
        let clock = clock.clone();
        async move { load.send(&clock).await }
    });
    let mut most = 0.0_f64;
    while !sending.is_finished() || crms.iter().any(|crm| crm.request_count() == 0) {
        most = most.max(host.rss_mb()?);
        tokio::time::sleep(SAMPLE).await;
        ensure!(
            clock.monotonic() < until,
            "not every connector has sent a request"
        );
    }
    sending.await??;
    Ok(most)
}

/// The component, each time with another custom section behind it, and the digest that names each.
fn copies() -> Result<Vec<(String, Vec<u8>)>> {
    let path = built_connectors().join("krayin.wasm");
    let component = std::fs::read(&path)
        .with_context(|| format!("reading {}: run `cargo xtask connectors`", path.display()))?;
    let copies = (0..CONNECTORS).map(|number| {
        // Section 0, two bytes long: a name of one byte, and nothing behind it.
        let copy = [component.as_slice(), &[0, 2, 1, b'a' + number]].concat();
        (hex::encode(Sha256::digest(&copy)), copy)
    });
    Ok(copies.collect())
}
