//! Files that are no connectors, each refused with a text that says what to do.

use gladhand_runtime::LoadError;

use crate::world::World;

#[track_caller]
fn check<T>(loaded: Result<T, LoadError>, expect: &str) {
    let Err(refusal) = loaded else {
        panic!("it was loaded");
    };
    assert_eq!(refusal.to_string(), expect);
}

#[tokio::test]
async fn a_text_file_is_refused() {
    let loaded = World::new()
        .runtime
        .load(b"#!/bin/sh\necho I am a connector\n")
        .await;
    check(
        loaded,
        "this is no WebAssembly file: hand over the `.wasm` file that `cargo build --target wasm32-wasip2` makes",
    );
}

#[tokio::test]
async fn an_empty_file_is_refused() {
    let loaded = World::new().runtime.load(b"").await;
    check(
        loaded,
        "this is no WebAssembly file: hand over the `.wasm` file that `cargo build --target wasm32-wasip2` makes",
    );
}

#[tokio::test]
async fn a_core_module_is_refused_with_the_way_to_a_component() {
    let loaded = World::new().runtime.load(b"\0asm\x01\0\0\0").await;
    check(
        loaded,
        "this is a core WebAssembly module and not a component: build it with `cargo build --target wasm32-wasip2`, or turn it into a component with `wasm-tools component new`",
    );
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_looked_at() {
    let loaded = World::new().runtime.load(&vec![0; (64 << 20) + 1]).await;
    check(
        loaded,
        "the file has 67108865 bytes and a component may have at most 67108864: leave out debug information (`strip = true`) and data that it can fetch",
    );
}

#[tokio::test]
async fn a_damaged_component_is_refused() {
    let mut damaged = crate::built::component("golden");
    damaged.truncate(damaged.len() / 2);
    check(
        World::new().runtime.load(&damaged).await,
        "the component cannot be compiled: build it again with the current tools",
    );
}

#[tokio::test]
async fn a_component_that_is_no_connector_is_refused() {
    // The smallest component there is: nothing in it.
    let loaded = World::new().runtime.load(b"\0asm\x0d\0\x01\0").await;
    check(
        loaded,
        "the component is no connector for gladhand:connector 0.1.0, build it against the contract of this host: no exported instance named `gladhand:connector/connector@0.1.0`",
    );
}

#[tokio::test]
pub async fn wide_import() {
    check(
        World::new().try_load("wide_import").await,
        "the component imports what this host does not offer: `log.metric`, which gladhand:connector 0.1.0 does not have; `wasi:http/outgoing@0.2.0`: requests go through gladhand:connector/http, which knows what they do",
    );
}

#[tokio::test]
pub async fn other_major() {
    check(
        World::new().try_load("other_major").await,
        "the component was built for gladhand:connector 2.0.0 and this host speaks 0.1.0: build it against the contract of this host",
    );
}

#[tokio::test]
pub async fn bad_descriptor() {
    check(
        World::new().try_load("bad_descriptor").await,
        "the component's descriptor is not valid at `budgets[0].limit`: invalid type: string \"sixty\", expected u32",
    );
}
