//! The wasmtime engine: what a component may be made of, how instances are pooled, and the tick that slices guests.

use std::num::NonZeroUsize;
use std::time::Duration;

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::{Limits, TABLE_ELEMENTS};

/// How long a guest computes before others have their turn. Two milliseconds are a twentieth of what a CRM takes to
/// answer, and five hundred wake-ups a second are not to be seen in a load average.
const SLICE: Duration = Duration::from_millis(2);

/// Core instances of one component: a Rust component has 4, `CPython` about 30.
const CORE_INSTANCES: u32 = 40;
/// Memories of one component. One is its own, one may be an adapter's.
const MEMORIES: u32 = 2;
/// Tables of one component.
const TABLES: u32 = 8;

/// An engine whose epoch advances every slice for as long as the engine lives.
///
/// `instances` is how many calls can run at once.
pub fn engine(limits: &Limits, instances: u32) -> wasmtime::Result<wasmtime::Engine> {
    let engine = wasmtime::Engine::new(&config(limits, instances))?;
    let ticking = engine.weak();
    std::thread::Builder::new()
        .name("gladhand-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(SLICE);
            }
        })?;
    Ok(engine)
}

fn config(limits: &Limits, instances: u32) -> Config {
    // Teardown is the largest part of an instance's cost: what stays resident is cleared in place instead of being given
    // back to the kernel and faulted in again.
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances.saturating_mul(MEMORIES))
        .total_tables(instances.saturating_mul(TABLES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memory_size(limits.memory_bytes)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);

    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .wasm_component_model(true)
        .epoch_interruption(true)
        // Determinism: the same version on the same recording decides the same, on any processor.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .wasm_backtrace_max_frames(NonZeroUsize::new(8));
    config
}
