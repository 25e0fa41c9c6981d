//! `gladhand sync …`

use clap::Subcommand;
use hyper::Method;

use super::endpoint::Endpoint;
use super::{Format, printer};
use crate::admin::queue::Synced;
use crate::client::Payload;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Queue a contact's newest state for every connection that takes it
    Contact {
        /// The contact, as the source numbers it
        id: String,
        /// Who knows the contact: a source's name
        #[arg(long, value_name = "NAME")]
        source: String,
        #[command(flatten)]
        format: Format,
    },
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let Command::Contact { id, source, format } = command;
    let path = ["sources", &source, "contacts", &id, "sync"];
    let answer = endpoint
        .client
        .send(Method::POST, &path, &[], Payload::None)
        .await?;
    let Synced { count } = serde_json::from_value(answer.clone())?;
    let sentence = match count {
        0 => format!("no connection of source `{source}` takes contact `{id}`; nothing was queued"),
        1 => format!("contact `{id}` was queued for 1 connection"),
        count => format!("contact `{id}` was queued for {count} connections"),
    };
    printer::changed(answer, &sentence, format)
}
