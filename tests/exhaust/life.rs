//! One life of a host: the real one, in a tokio runtime of its own, so that all of it can be stopped in whatever it does.
//!
//! A kill drops every task at the await where it stands: nothing is settled, nothing is said goodbye to. What was handed to
//! the database's own thread before is all that still happens, as with a process that dies.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_core::clock::ManualClock;
use gladhand_core::delivery::Delivery;
use gladhand_store::Catalog as _;
use gladhand_tests::host::{Setup, TestHost};
use tokio::runtime::{Builder, Runtime};

use crate::watch::Watch;

/// A running host; dropping it kills it.
pub struct Life {
    /// What it reads the time from.
    pub watch: Arc<Watch>,
    body: Body,
    host: TestHost,
}

/// What a host runs in.
struct Body {
    /// Taken when the host is killed.
    runtime: Option<Runtime>,
    watch: Arc<Watch>,
}

/// The host was to be killed while it was asked something.
#[derive(Debug)]
pub struct Dying;

impl Life {
    /// Starts on what lies in the setup's folder.
    pub async fn begin(setup: &Setup, time: &Arc<ManualClock>) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("making a runtime for a host")?;
        let watch = Arc::new(Watch::new(time.clone()));
        let (setup, clock) = (setup.clone(), watch.clone());
        let starting = runtime.spawn(async move { TestHost::start_at(&setup, clock).await });
        let body = Body {
            runtime: Some(runtime),
            watch: watch.clone(),
        };
        let host = starting.await?.context("starting a host")?;
        Ok(Self { watch, body, host })
    }

    /// `host:port`
    pub fn authority(&self) -> String {
        self.host.authority()
    }

    /// All deliveries, oldest first.
    pub async fn deliveries(&self) -> Result<Vec<Delivery>> {
        self.host.deliveries().await
    }

    /// Has the host look at the clock: without an event it would sleep for up to a second of real time.
    pub async fn nudge(&self) -> Result<()> {
        let store = &self.host.host.store;
        // Any write wakes it, and this one changes nothing.
        for (connection, digest) in store.routes().await? {
            store.set_route(connection, &digest).await?;
        }
        Ok(())
    }

    /// What `asked` answers, unless the host is to be killed before.
    pub async fn alive<T>(&self, asked: impl Future<Output = T>) -> Result<T, Dying> {
        tokio::select! {
            biased;
            () = self.watch.dying() => Err(Dying),
            answer = asked => Ok(answer),
        }
    }

    /// Lets it finish and settle.
    pub async fn end(self) -> Result<()> {
        let Self { host, body, .. } = self;
        if let Some(runtime) = &body.runtime {
            runtime.spawn(host.stop()).await?;
        }
        Ok(())
    }

    /// Stops it where it stands, and returns when its files are free.
    pub async fn kill(self, setup: &Setup) -> Result<()> {
        drop(self);
        until_free(&setup.dir.join("gladhand.db.lock")).await
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        // Only now: what stood still may finish its step, but no task takes another.
        self.watch.release();
    }
}

async fn until_free(lock: &Path) -> Result<()> {
    const TRIES: u32 = 5_000;
    for _ in 0..TRIES {
        let file = File::open(lock).with_context(|| format!("opening {}", lock.display()))?;
        if file.try_lock().is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bail!("a killed host holds {} still", lock.display())
}
