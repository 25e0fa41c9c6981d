//! `gladhand lane …`

use clap::{Args, Subcommand};
use hyper::Method;

use super::endpoint::Endpoint;
use super::printer;
use crate::client::Payload;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Let nothing of a contact run until it is released
    Hold(Lane),
    /// Let a contact's deliveries run again, in their order
    Release(Lane),
}

#[derive(Debug, Args)]
pub struct Lane {
    /// The connection's name
    #[arg(long, value_name = "NAME")]
    connection: String,
    /// The contact, as the source numbers it
    #[arg(long, value_name = "ID")]
    contact: String,
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let (lane, verb, now) = match command {
        Command::Hold(lane) => (lane, "hold", "is held"),
        Command::Release(lane) => (lane, "release", "runs again"),
    };
    let Lane {
        connection,
        contact,
    } = lane;
    let path = ["connections", &connection, "lanes", &contact, verb];
    endpoint
        .client
        .send(Method::POST, &path, &[], Payload::None)
        .await?;
    printer::note(&format!(
        "contact `{contact}` {now} in connection `{connection}`"
    ));
    Ok(())
}
