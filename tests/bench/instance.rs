//! `instance`: what a fresh instance costs, beside a bare one of wasmtime: the same component, the same engine settings,
//! no host behind its imports.

use std::time::Duration;

use anyhow::{Context as _, Result};
use gladhand_core::attempt::{Attempt, Lease};
use gladhand_core::clock::Clock;
use gladhand_core::connection::Mode;
use gladhand_core::event::{Event, EventKind};
use gladhand_core::ids::{AttemptId, DeliveryId, LeaseToken};
use gladhand_runtime::Call;
use gladhand_server::system::{SystemClock, SystemIds};
use gladhand_tests::host::{Joined, Setup, TestHost, built_connectors};
use tempfile::TempDir;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};

use crate::report::{Row, line};
use crate::scale::Scale;

/// Measures `scale.instances` of each, one after the other.
pub async fn run(scale: Scale) -> Result<Row> {
    line(&format!(
        "instance: {} of ours, {} bare ones …",
        scale.instances, scale.instances
    ));
    let (instance, guest) = ours(scale.instances).await?;
    let bare = bare(scale.instances).await?;
    Ok(Row {
        scenario: "instance",
        store: "sqlite",
        instance_us: Some(instance),
        guest_us: Some(guest),
        bare_instance_us: Some(bare),
        ..Row::default()
    })
}

/// The runtime's own: instantiating and dropping, and the guest's time for an event that it has nothing to do with.
async fn ours(count: u32) -> Result<(f64, f64)> {
    let dir = TempDir::new()?;
    let nobody_asks_for_it = "token".to_owned();
    let joined = Joined::krayin("krayin-main", "http://127.0.0.1:9", nobody_asks_for_it);
    let host = TestHost::start(&Setup::new(dir.path(), vec![joined])).await?;
    let directory = host.host.engine.directory();
    let (id, entry) = directory
        .connections
        .iter()
        .next()
        .context("the connection is there")?;
    let connector = directory
        .connector_of(*id)
        .context("its connector is loaded")?;
    let target = entry.target.clone().context("it has a target")?;
    let event = Event {
        id: "bench".to_owned(),
        kind: EventKind::ContactChanged,
        occurred_at: SystemClock::default().now(),
        contact: None,
        conversation: None,
        messages: Vec::new(),
        changed: Vec::new(),
        attributes: serde_json::Map::new(),
    };
    let (mut instance_us, mut guest_us) = (0, 0);
    for _ in 0..count {
        let lease = Lease {
            token: LeaseToken::new(&SystemIds),
            connection: *id,
            contact: String::new(),
            delivery: DeliveryId::new(&SystemIds),
            attempt: AttemptId::new(&SystemIds),
            until: Duration::MAX.into(),
        };
        let call = Call {
            attempt: Attempt::new(lease, entry.account.id, 1, Mode::Live, 1, Vec::new()),
            target: target.clone(),
            connection: entry.connection.clone(),
            source: entry.source.clone(),
        };
        let report = connector.handle(call, &event).await;
        instance_us += report.cost.instance_us;
        guest_us += report.cost.guest_us;
    }
    host.stop().await;
    Ok((
        instance_us as f64 / f64::from(count),
        guest_us as f64 / f64::from(count),
    ))
}

async fn bare(count: u32) -> Result<f64> {
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto)
        .total_component_instances(40)
        .total_memories(40)
        .total_tables(40)
        .total_core_instances(200)
        .total_stacks(40)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling))
        .epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, built_connectors().join("krayin.wasm"))?;
    let mut linker = Linker::<()>::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let ready = linker.instantiate_pre(&component)?;
    let clock = SystemClock::default();
    let began = clock.monotonic();
    for _ in 0..count {
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1_000_000);
        ready.instantiate_async(&mut store).await?;
    }
    let took = clock.monotonic().saturating_sub(began);
    Ok(took.as_secs_f64() * 1e6 / f64::from(count))
}
