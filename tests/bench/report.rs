//! What was measured, as people and programs read it.

use std::time::Duration;

use serde::Serialize;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Of a load that runs for a time.
    pub time: Duration,
    /// Of a backlog that is worked off.
    pub deliveries: usize,
    /// Of instances.
    pub instances: u32,
}

impl Scale {
    /// Half a minute in all.
    pub const QUICK: Self = Self {
        time: Duration::from_secs(5),
        deliveries: 4_000,
        instances: 5_000,
    };
    /// Some minutes.
    pub const FULL: Self = Self {
        time: Duration::from_secs(30),
        deliveries: 30_000,
        instances: 50_000,
    };
}

/// One scenario's figures; what it does not measure is absent.
#[derive(Debug, Default, Serialize)]
pub struct Row {
    pub scenario: &'static str,
    pub store: &'static str,
    /// component or native
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lanes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acks_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare_instance_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_us: Option<f64>,
    /// Deliveries per second of the component over those of the same connector compiled natively.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_mb: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_bytes_per_event: Option<f64>,
}

/// Prints a line.
#[expect(clippy::disallowed_macros, reason = "the benchmark is what it prints")]
pub fn line(text: &str) {
    println!("{text}");
}

/// Prints the rows as a Markdown table, a column for what any of them measured.
pub fn table(rows: &[Row]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| serde_json::to_value(row).expect("figures are JSON"))
        .collect();
    for row in &rows {
        let row = row.as_object().expect("a row is an object");
        let name = row["scenario"].as_str().unwrap_or_default();
        let connector = row
            .get("connector")
            .and_then(|connector| connector.as_str())
            .unwrap_or_default();
        line(&format!(
            "\n### {name} {connector}\n\n| figure | value |\n|---|---|"
        ));
        for (figure, value) in row {
            match value.as_f64() {
                Some(value) if value.fract() != 0.0 => line(&format!("| {figure} | {value:.2} |")),
                Some(value) => line(&format!("| {figure} | {value:.0} |")),
                None => line(&format!(
                    "| {figure} | {} |",
                    value.as_str().unwrap_or_default()
                )),
            }
        }
    }
}

/// The value below which `share` of the sorted values lie.
pub fn percentile(sorted: &[Duration], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is a place in it"
    )]
    let place = ((sorted.len() as f64 - 1.0) * share).max(0.0) as usize;
    sorted
        .get(place)
        .map_or(0.0, |value| value.as_secs_f64() * 1_000.0)
}

/// Resident memory of this process, host, simulator and load together.
pub fn rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1_024.0)
}
