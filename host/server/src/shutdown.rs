//! Stopping: a signal or a dead task asks everything to finish, a second signal or the limit ends it.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long what runs may take to finish.
const DRAIN: Duration = Duration::from_secs(40);

/// The tasks of a running host, which stop together.
pub struct Tasks {
    soft: CancellationToken,
    tasks: JoinSet<&'static str>,
}

impl Tasks {
    /// None yet.
    pub fn new() -> Self {
        Self {
            soft: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Cancelled when everything is to finish.
    pub fn stop(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Adds a task that ends by itself once `stop` is cancelled.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            name
        });
    }

    /// Runs until a signal comes or a task ends; true where it was a signal and all tasks finished in time.
    pub async fn until_signalled(mut self) -> std::io::Result<bool> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let asked = tokio::select! {
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            ended = self.tasks.join_next() => {
                report(ended);
                false
            }
        };
        tracing::info!(limit_ms = 40_000, "stopping: what runs may finish");
        self.soft.cancel();
        let drained = tokio::select! {
            () = drain(&mut self.tasks) => true,
            () = tokio::time::sleep(DRAIN) => false,
            _ = interrupt.recv() => false,
            _ = terminate.recv() => false,
        };
        if !drained {
            tracing::warn!(
                "stopped before everything had finished; what was interrupted is taken up at the next start"
            );
        }
        Ok(asked && drained)
    }

    /// Asks everything to finish and waits for it.
    pub async fn finish(mut self) {
        self.soft.cancel();
        drain(&mut self.tasks).await;
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

async fn drain(tasks: &mut JoinSet<&'static str>) {
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err() {
            report(Some(ended));
        }
    }
}

fn report(ended: Option<Result<&'static str, tokio::task::JoinError>>) {
    match ended {
        Some(Ok(task)) => tracing::error!(task, "a task of the host ended by itself"),
        Some(Err(error)) => tracing::error!(
            error = &error as &dyn std::error::Error,
            "a task of the host died"
        ),
        None => {}
    }
}
