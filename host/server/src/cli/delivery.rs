//! `gladhand delivery …`

use chrono::DateTime;
use clap::Subcommand;
use gladhand_core::clock::{Clock, Timestamp};
use serde_json::Value;

use super::arguments::Since;
use super::endpoint::Endpoint;
use super::{Format, arguments, printer};
use crate::admin::DeliveryView;
use crate::system::SystemClock;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List them, newest first
    List {
        /// Of this connection
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
        /// In this state: pending, running, waiting, succeeded, skipped, dead, superseded, paused
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Of this contact
        #[arg(long, value_name = "ID")]
        contact: Option<String>,
        /// Received since 2026-11-20T12:00:00Z, since 2026-11-20, or in the last 15m, 2h, 7d
        #[arg(long, value_name = "TIME", value_parser = arguments::since)]
        since: Option<Since>,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        format: Format,
    },
    /// Print everything about one, as JSON: attempts, requests and answers, effects, links
    Show {
        /// Its id
        id: String,
    },
}

/// As many as the API gives at once.
const PAGE: usize = 1_000;

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    match command {
        Command::List {
            connection,
            state,
            contact,
            since,
            limit,
            format,
        } => {
            let since = since.map(|since| since.before(SystemClock::new().now()).to_string());
            let told = [
                ("connection", connection),
                ("state", state),
                ("contact", contact),
                ("since", since),
            ];
            let mut query: Vec<(&str, String)> = told
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            query.push(("limit", limit.clamp(1, PAGE).to_string()));
            list(
                endpoint
                    .client
                    .list(&["deliveries"], &query, Some(limit))
                    .await?,
                format,
            )
        }
        Command::Show { id } => {
            printer::json(&endpoint.client.get(&["deliveries", &id], &[]).await?)
        }
    }
}

/// `2026-11-20 12:00:00`, in UTC.
pub fn moment(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.0).map_or_else(
        || at.to_string(),
        |at| at.format("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let delivery: DeliveryView = serde_json::from_value(item)?;
        let why = match (delivery.code, delivery.message) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (code, message) => code.or(message).unwrap_or_default(),
        };
        anyhow::Ok([
            moment(delivery.received_at),
            delivery.id.to_string(),
            delivery.connection,
            delivery.lane,
            delivery.kind,
            delivery.state.to_string(),
            delivery.attempts.to_string(),
            why,
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    printer::table(
        [
            "RECEIVED (UTC)",
            "ID",
            "CONNECTION",
            "CONTACT",
            "KIND",
            "STATE",
            "ATTEMPTS",
            "WHY",
        ],
        &rows,
    )
}
