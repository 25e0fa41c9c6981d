//! What one call costs beside the guest's own work, against a bare wasmtime instance of the same component.
//!
//! `cargo run --release -p gladhand-runtime --example instance_cost`. Both run in one process and in turns, so that
//! their ratio holds on any machine; the microseconds are this machine's.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gladhand_core::attempt::Attempt;
use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::connection::Mode;
use gladhand_core::event::{Event, EventKind};
use gladhand_runtime::{Call, Component, Config, Connector, Limits, Runtime};
use wasmtime::component::{self, InstancePre, Linker, ResourceTable};
use wasmtime::{Enabled, Engine, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

#[path = "../tests/it/doubles.rs"]
mod doubles;

const ROUNDS: u32 = 20;
const CALLS: u32 = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/guests/golden/connector-0.1.0.wasm"
    );
    let golden = std::fs::read(golden)?;
    let clock = Arc::new(SystemClock(now()));
    let bare = Bare::new(&golden)?;
    let config = Config {
        limits: Limits::STANDARD,
        instances: 8,
        artefacts: None,
    };
    let stored = Arc::default();
    let runtime = Runtime::new(config, doubles::services(&stored, clock))?;
    let ours = runtime.load(&golden).await?;

    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((bare.round().await?, round(&ours).await));
    }
    let mut out = std::io::stdout();
    let bare = median(rounds.iter().map(|(bare, _)| *bare));
    writeln!(out, "bare instance and drop   {bare:>6.1} µs")?;
    for (name, part) in [
        ("our instance and drop", 0),
        ("guest's own work", 1),
        ("the whole call", 2),
    ] {
        let cost = median(rounds.iter().map(|(_, ours)| ours[part]));
        writeln!(out, "{name:<24} {cost:>6.1} µs  × {:.2}", cost / bare)?;
    }
    Ok(())
}

/// Instance, guest and whole call in microseconds, each the mean of a round.
async fn round(component: &Component) -> [f64; 3] {
    let event = event();
    let shared = doubles::call("http://127.0.0.1:9", component.descriptor().clone());
    let (lease, account) = (shared.attempt.lease, shared.attempt.account);
    let (mut instance, mut guest) = (0, 0);
    let started = now();
    for _ in 0..CALLS {
        let call = Call {
            attempt: Attempt::new(lease.clone(), account, 1, Mode::Live, 1, Vec::new()),
            target: shared.target.clone(),
            connection: shared.connection.clone(),
            source: shared.source.clone(),
        };
        let cost = component.handle(call, &event).await.cost;
        instance += cost.instance_us;
        guest += cost.guest_us;
    }
    let whole = started.elapsed();
    [instance as f64, guest as f64, whole.as_secs_f64() * 1e6].map(|us| us / f64::from(CALLS))
}

/// An event that the golden component answers without asking its host for anything.
fn event() -> Event {
    Event {
        id: "dlv_1".to_owned(),
        kind: EventKind::ContactChanged,
        occurred_at: Timestamp(1_700_000_000_000),
        contact: None,
        conversation: None,
        messages: Vec::new(),
        changed: Vec::new(),
        attributes: serde_json::Map::new(),
    }
}

/// The component in wasmtime with nothing of ours: the same pool, no limits, no clock, no meter.
struct Bare {
    engine: Engine,
    linked: InstancePre<Wasi>,
}

#[derive(Default)]
struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.context,
            table: &mut self.table,
        }
    }
}

impl Bare {
    fn new(bytes: &[u8]) -> wasmtime::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(1 << 20)
            .table_keep_resident(64 << 10)
            .pagemap_scan(Enabled::Auto);
        let engine = Engine::new(wasmtime::Config::new().allocation_strategy(pool))?;
        let component = component::Component::from_binary(&engine, bytes)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        linker.define_unknown_imports_as_traps(&component)?;
        let linked = linker.instantiate_pre(&component)?;
        Ok(Self { engine, linked })
    }

    async fn round(&self) -> wasmtime::Result<f64> {
        let started = now();
        for _ in 0..CALLS {
            let mut store = Store::new(&self.engine, Wasi::default());
            self.linked.instantiate_async(&mut store).await?;
        }
        Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::disallowed_methods, reason = "this is what measures")]
fn now() -> Instant {
    Instant::now()
}

#[derive(Debug)]
struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}
