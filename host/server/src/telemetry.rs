//! Logs to stderr, metrics for Prometheus on a listener of their own.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

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
        .with_writer(std::io::stderr);
    // A host that is started in a test finds the test's own subscriber.
    let _already_started = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
}

/// The routes of the metrics listener.
pub fn metrics_routes() -> Router {
    let recorder = recorder();
    Router::new().route(
        "/metrics",
        get(move || std::future::ready(recorder.render())),
    )
}

/// The process's one recorder: the metrics facade allows no second.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets(&[
                0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
            ])
            .expect("the list of buckets is not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Only a test that installed its own recorder makes this fail; its numbers go there then.
        let _other = metrics::set_global_recorder(recorder);
        handle
    })
}
