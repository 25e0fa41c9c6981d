//! What was measured, as people and programs read it.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

/// One scenario's figures; what it does not measure is absent.
#[derive(Debug, Default, Serialize)]
pub struct Row {
    pub scenario: &'static str,
    pub store: &'static str,
    /// What this row is of, where a scenario has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<&'static str>,
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
    /// From when a webhook was due to when the CRM was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_p99_ms: Option<f64>,
    /// What the scenario holds against each other: the figure of this row over that of its undisturbed or smallest case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare_instance_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_us: Option<f64>,
    /// Deliveries per second of the component over those of the same connector compiled natively.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_ratio: Option<f64>,
    /// Of a host in a process of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_mb: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_bytes_per_event: Option<f64>,
    /// Of the database, at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_mb: Option<f64>,
    /// Resident memory and database at the end over those at a quarter of the run: 1 is flat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_ratio: Option<f64>,
    /// Commits that wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commits_per_delivery: Option<f64>,
    /// Of `PostgreSQL`'s log, or by the process to its disk where the database is a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_written_per_delivery: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statements_per_delivery: Option<f64>,
    /// How long retention kept the writer at most, and in all but one of a hundred steps, waiting for it included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_step_p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_step_max_ms: Option<f64>,
    /// Processor time of the host and of a database that is a process of its own, for a delivery with all that belongs to
    /// it: its webhook, its attempt, and its removal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_us_per_delivery: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_us_per_delivery: Option<f64>,
    /// Processes on one database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<usize>,
}

/// Prints a line.
#[expect(clippy::disallowed_macros, reason = "the benchmark is what it prints")]
pub fn line(text: &str) {
    println!("{text}");
}

/// Prints the rows as Markdown, one table per scenario with a column for what any of its rows measured.
pub fn tables(rows: &[Row]) {
    for rows in rows.chunk_by(|one, next| one.scenario == next.scenario) {
        table(rows);
    }
}

fn table(rows: &[Row]) {
    let name = rows.first().map_or("", |row| row.scenario);
    let rows: Vec<Map<String, Value>> = rows
        .iter()
        .map(|row| match serde_json::to_value(row) {
            Ok(Value::Object(row)) => row,
            _ => unreachable!("a row is an object"),
        })
        .collect();
    let mut figures: Vec<&String> = Vec::new();
    for figure in rows.iter().flat_map(Map::keys) {
        if figure != "scenario" && !figures.contains(&figure) {
            figures.push(figure);
        }
    }
    let cells = |cells: Vec<String>| line(&format!("| {} |", cells.join(" | ")));
    line(&format!("\n### {name}\n"));
    cells(
        figures
            .iter()
            .map(|figure| figure.replace('_', " "))
            .collect(),
    );
    cells(figures.iter().map(|_| "---".to_owned()).collect());
    for row in &rows {
        let shown = |figure: &&String| row.get(*figure).map(cell).unwrap_or_default();
        cells(figures.iter().map(shown).collect());
    }
}

fn cell(value: &Value) -> String {
    match (value.as_str(), value.as_f64()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(value)) if value.fract() != 0.0 && value.abs() < 1_000.0 => {
            format!("{value:.2}")
        }
        (None, Some(value)) => format!("{value:.0}"),
        (None, None) => value.to_string(),
    }
}

/// The middle one; of an even number the higher of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Thousands of thousands of bytes.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
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

/// Resident memory of a process; `None` where it has ended.
pub fn rss_mb(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1_024.0)
}
