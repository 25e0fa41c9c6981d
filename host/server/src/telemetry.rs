//! Logs to stderr, metrics for Prometheus on a listener of their own.

pub mod catalogue;

pub mod backlog;

use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use self::backlog::Backlog;
use crate::happening;

/// In seconds: from one request to a CRM that is near to an attempt's deadline.
const BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

/// In seconds: from one commit on a disk that is idle to when Chatwoot has given up; also of what keeps webhooks waiting.
const WEBHOOK_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0,
];

const FOLD_AGAIN: Duration = Duration::from_secs(5);

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Sends logs to stderr; `filter` as in `info,gladhand_engine=debug`. A second call changes nothing.
pub fn start_logs(filter: &str, format: LogFormat) {
    let filter = EnvFilter::builder().parse_lossy(filter);
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // It would say on stderr that nothing can be said on stderr, and panic: a full disk below a log must not end a host.
        .log_internal_errors(false);
    // A host that is started in a test finds the test's own subscriber.
    let _already_started = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
}

/// Counts from here on; what happened before is in no metric. A second call changes nothing.
pub fn start_metrics() {
    recorder();
}

/// The routes of the metrics listener.
pub fn metrics_routes(backlog: Backlog) -> Router {
    let (recorder, backlog) = (recorder(), Arc::new(backlog));
    let read = move || {
        let backlog = backlog.clone();
        async move {
            backlog.tell().await;
            recorder.render()
        }
    };
    Router::new().route("/metrics", get(read))
}

/// Folds what histograms were told into their buckets, until `stop`: they keep every sample until somebody does, and
/// nobody needs to read the metrics.
pub async fn fold(stop: CancellationToken) {
    let recorder = recorder();
    let again = || tokio::time::sleep(FOLD_AGAIN);
    while stop.run_until_cancelled(again()).await.is_some() {
        recorder.run_upkeep();
    }
}

/// The process's one recorder: the metrics facade allows no second.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let webhooks = Matcher::Full("gladhand_webhook_duration_seconds".to_owned());
        let steps = Matcher::Full("gladhand_retention_step_seconds".to_owned());
        let builder = PrometheusBuilder::new()
            .set_buckets(BUCKETS)
            .and_then(|builder| builder.set_buckets_for_metric(webhooks, WEBHOOK_BUCKETS))
            .and_then(|builder| builder.set_buckets_for_metric(steps, WEBHOOK_BUCKETS))
            .expect("the lists of buckets are not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Only a test that installed its own recorder makes this fail; its numbers go there then.
        let _other = metrics::set_global_recorder(recorder);
        catalogue::describe();
        happening::begin();
        handle
    })
}
