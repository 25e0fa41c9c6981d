//! `gladhand connector …`

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use hyper::Method;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::{Format, printer};
use crate::admin::ConnectorView;
use crate::client::Payload;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a component
    Add {
        /// A `.wasm` file
        file: PathBuf,
        #[command(flatten)]
        format: Format,
    },
    /// List all versions
    List(Format),
    /// Show one, with its settings and everything else that it says of itself
    Show {
        /// NAME, NAME@VERSION or a digest
        name: String,
    },
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let client = &endpoint.client;
    match command {
        Command::Add { file, format } => {
            let component =
                std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            let added = client
                .send(
                    Method::POST,
                    &["connectors"],
                    &[],
                    Payload::Component(component),
                )
                .await?;
            list(vec![added], format)
        }
        Command::List(format) => list(client.list(&["connectors"], &[], None).await?, format),
        Command::Show { name } => printer::json(&client.get(&["connectors", &name], &[]).await?),
    }
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let connector: ConnectorView = serde_json::from_value(item)?;
        let added_at = super::moment::moment(connector.added_at);
        anyhow::Ok([
            connector.name,
            connector.version,
            connector.size.to_string(),
            added_at,
            connector.digest,
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let header = ["NAME", "VERSION", "BYTES", "ADDED (UTC)", "SHA-256"];
    let nothing = "no connectors yet; add one with `gladhand connector add FILE`";
    printer::table(header, &rows, nothing)
}
