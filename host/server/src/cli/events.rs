//! `gladhand events …`

use std::time::Duration;

use clap::{Args, Subcommand};
use gladhand_core::ids::{ConnectionId, SourceId};
use serde_json::Value;

use super::endpoint::Endpoint;
use super::limit::PAGE;
use super::moment::moment;
use super::printer::table::{Columns, cut};
use super::{Format, printer};
use crate::admin::EventView;
use crate::client::Client;

/// Soon enough for eyes, seldom enough for the store.
const POLL: Duration = Duration::from_secs(1);

/// As much of an id as says when it was made, to the millisecond.
const ID_COLUMNS: usize = 17;

/// A table of which more rows come later is as wide as this from the start.
const USUAL: [&str; 5] = [
    "2026-11-20 12:00:00",
    "support",
    "conversation_status_changed",
    "1234567",
    "",
];

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the events that came in last, oldest first, and what became of each
    Tail(Tail),
}

#[derive(Debug, Args)]
pub struct Tail {
    /// Go on with those that come in, until it is interrupted
    #[arg(long, short)]
    follow: bool,
    /// Begin with so many
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    #[command(flatten)]
    format: Format,
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let Command::Tail(Tail {
        follow,
        limit,
        format,
    }) = command;
    let first = Page::get(&endpoint.client, None, limit).await?;
    let printer = Printer::of(&first.items, format)?;
    if first.items.is_empty() && !format.json {
        printer::note(if follow {
            "no events yet; waiting for the first"
        } else {
            "no events yet"
        });
    }
    if follow || !first.items.is_empty() {
        printer.begin()?;
    }
    if printer.go_on(&first.items)? && follow {
        let print = |items: &[Value]| printer.go_on(items);
        watch(&endpoint.client, first.next, print).await?;
    }
    Ok(())
}

/// Events, and where those go on that come later.
struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

impl Page {
    async fn get(client: &Client, after: Option<&str>, limit: u32) -> anyhow::Result<Self> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(after.map(|after| ("cursor", after.to_owned())));
        let mut answer = client.get(&["events"], &query).await?;
        let next = answer["next"].as_str().map(str::to_owned);
        let items = match answer["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        Ok(Self { items, next })
    }
}

/// Prints what comes in behind `after` until `print` says that nobody reads it any more.
async fn watch(
    client: &Client,
    mut after: Option<String>,
    print: impl Fn(&[Value]) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
    loop {
        let page = Page::get(client, after.as_deref(), limit).await?;
        if !print(&page.items)? {
            return Ok(());
        }
        let is_full = page.items.len() == PAGE;
        after = page.next.or(after);
        if !is_full {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// How events are printed while more of them come.
enum Printer {
    Json,
    Table(Columns<5>),
}

impl Printer {
    fn of(items: &[Value], format: Format) -> anyhow::Result<Self> {
        if format.json {
            return Ok(Self::Json);
        }
        let mut rows = items.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        rows.push(USUAL.map(str::to_owned));
        let header = ["RECEIVED (UTC)", "SOURCE", "EVENT", "CONTACT", "BECAME"];
        Ok(Self::Table(Columns::of(header, &rows)))
    }

    fn begin(&self) -> anyhow::Result<()> {
        match self {
            Self::Json => Ok(()),
            Self::Table(columns) => printer::text(&columns.header()),
        }
    }

    /// False where nobody reads it any more.
    fn go_on(&self, items: &[Value]) -> anyhow::Result<bool> {
        let line = |item: &Value| match self {
            Self::Json => Ok(format!("{item}\n")),
            Self::Table(columns) => row(item).map(|row| columns.line(&row)),
        };
        let lines = items.iter().map(line).collect::<Result<String, _>>()?;
        printer::text_while_read(&lines)
    }
}

fn row(item: &Value) -> anyhow::Result<[String; 5]> {
    let event: EventView = serde_json::from_value(item.clone())?;
    let deliveries = event.deliveries.iter().map(|delivery| {
        let kind = delivery
            .kind
            .map_or("nothing to tell", |kind| kind.as_str());
        let connection = name(&delivery.connection);
        format!("{connection}: {kind}, {}", delivery.state)
    });
    let became: Vec<String> = deliveries.collect();
    Ok([
        moment(event.received_at),
        name(&event.source),
        event.name,
        event.contact.unwrap_or_default(),
        became.join("; "),
    ])
}

/// What was removed has no name any more, and is called by its id.
fn name(name: &str) -> String {
    let is_removed = name.parse::<ConnectionId>().is_ok() || name.parse::<SourceId>().is_ok();
    if is_removed {
        format!("(removed) {}", cut(name, ID_COLUMNS))
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests;
