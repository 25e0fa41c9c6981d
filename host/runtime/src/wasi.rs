//! WASI 0.2, locked down: no directory, no environment, no argument, no socket, and the host's own clock.
//!
//! Components are linked against it because their languages' standard libraries are; it gives them nothing of the
//! machine. Whatever they could observe comes from here, so that it can be recorded in one place.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use gladhand_core::clock::Clock;
use tokio::io::AsyncWrite;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView};

use crate::capability::log::{SharedLog, Stream};

/// Handles that a component may have open. Its standard streams are three.
const MOST_RESOURCES: usize = 1_000;
/// Random bytes at a time; a seed takes sixteen.
const MOST_RANDOM_BYTES: u64 = 64 << 10;
/// What a stream takes at a time: the log keeps less of it anyway.
const WRITE_BYTES: usize = 64 << 10;
/// Time is told in whole milliseconds.
const RESOLUTION: Duration = Duration::from_millis(1);

/// What one instance sees of WASI.
pub struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
}

impl Wasi {
    /// Nothing but a clock, a log to write to, and random numbers.
    pub fn new(clock: &Arc<dyn Clock>, log: &SharedLog) -> Self {
        let stream = |stream| StreamToLog {
            log: log.clone(),
            stream,
        };
        let context = WasiCtx::builder()
            .stdout(stream(Stream::Out))
            .stderr(stream(Stream::Err))
            .wall_clock(WasiClock(Arc::clone(clock)))
            .monotonic_clock(WasiClock(Arc::clone(clock)))
            .max_random_size(MOST_RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(MOST_RESOURCES);
        Self { context, table }
    }

    /// As the linker wants it.
    pub fn view(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.context,
            table: &mut self.table,
        }
    }
}

struct WasiClock(Arc<dyn Clock>);

impl HostWallClock for WasiClock {
    fn resolution(&self) -> Duration {
        RESOLUTION
    }

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.now().0).unwrap_or(0))
    }
}

impl HostMonotonicClock for WasiClock {
    fn resolution(&self) -> u64 {
        nanos(RESOLUTION)
    }

    fn now(&self) -> u64 {
        let now = self.0.monotonic().as_millis();
        nanos(Duration::from_millis(
            u64::try_from(now).unwrap_or(u64::MAX),
        ))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A standard stream that ends in the call's log.
#[derive(Clone)]
struct StreamToLog {
    log: SharedLog,
    stream: Stream,
}

impl IsTerminal for StreamToLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StreamToLog {
    /// Only WASI 0.3 asks for this one, and it is not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for StreamToLog {
    async fn ready(&mut self) {}
}

impl OutputStream for StreamToLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.write_stream(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}
