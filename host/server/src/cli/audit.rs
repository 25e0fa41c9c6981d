//! `gladhand audit …`

use clap::Subcommand;
use gladhand_store::audit::AuditEntry;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::limit::Limit;
use super::moment::moment;
use super::{Format, printer};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List who did what, newest first
    List {
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        format: Format,
    },
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let Command::List { limit, format } = command;
    let query = [("limit", limit.page())];
    let (found, rest) = limit.first(&endpoint.client, &["audit"], &query).await?;
    list(found, format)?;
    rest.tell();
    Ok(())
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let entry: AuditEntry = serde_json::from_value(item)?;
        anyhow::Ok([
            moment(entry.at),
            entry.actor,
            entry.action,
            entry.subject,
            entry.detail,
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let header = ["AT (UTC)", "WHO", "WHAT", "TO", "DETAIL"];
    printer::table(header, &rows, "nobody has done anything yet")
}
