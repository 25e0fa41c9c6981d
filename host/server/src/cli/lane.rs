//! `gladhand lane …`

use clap::{Args, Subcommand};
use gladhand_core::ids::DeliveryId;
use hyper::Method;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::moment::moment;
use super::{Format, arguments, printer};
use crate::admin::queue::{HeldBy, HeldView, LaneView};
use crate::client::Payload;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List those that are held, by whom and since when
    List(List),
    /// Let nothing of a contact run until it is released
    Hold(Lane),
    /// Let a contact's deliveries run again, in their order, whoever held them
    Release(Lane),
}

#[derive(Debug, Args)]
pub struct List {
    /// Of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub struct Lane {
    /// The connection's name
    #[arg(long, value_name = "NAME")]
    connection: String,
    /// The contact, as the source numbers it
    #[arg(long, value_name = "ID")]
    contact: String,
    #[command(flatten)]
    format: Format,
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let (lane, verb) = match command {
        Command::List(List { connection, format }) => {
            let query = arguments::query([("connection", connection)]);
            let held = endpoint.client.list(&["lanes"], &query, None).await?;
            return list(held, format);
        }
        Command::Hold(lane) => (lane, "hold"),
        Command::Release(lane) => (lane, "release"),
    };
    let Lane {
        connection,
        contact,
        format,
    } = lane;
    let path = ["connections", &connection, "lanes", &contact, verb];
    let client = &endpoint.client;
    let answer = client.send(Method::POST, &path, &[], Payload::None).await?;
    let lane: LaneView = serde_json::from_value(answer.clone())?;
    let now = match (lane.held, lane.was_held) {
        (true, _) => "is held",
        (false, true) => "runs again",
        (false, false) => "was not held",
    };
    let sentence = format!("contact `{contact}` {now} in connection `{connection}`");
    printer::changed(answer, &sentence, format)
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let lane: HeldView = serde_json::from_value(item)?;
        anyhow::Ok([
            moment(lane.held_since),
            lane.connection,
            lane.contact,
            holder(lane.delivery),
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let header = ["SINCE (UTC)", "CONNECTION", "CONTACT", "HELD BY"];
    printer::table(header, &rows, "no lane is held")
}

/// Who holds it, and since when, as much as a listing has room for.
pub fn hold_in_short(held: &HeldView) -> String {
    let holder = match held.held_by {
        HeldBy::Operator => "an operator",
        HeldBy::DeadDelivery => "a dead delivery",
    };
    format!("held since {} by {holder}", moment(held.held_since))
}

/// Who holds the lane of this delivery, since when, and what lets it go on, as a sentence.
pub fn hold_on(delivery: DeliveryId, held: &HeldView) -> String {
    let holder = if held.delivery == Some(delivery) {
        "it".to_owned()
    } else {
        holder(held.delivery)
    };
    format!(
        "{holder} holds its lane since {}; `gladhand lane release --connection {} --contact {}` lets it go on",
        moment(held.held_since),
        held.connection,
        held.contact
    )
}

fn holder(delivery: Option<DeliveryId>) -> String {
    delivery.map_or_else(
        || "an operator".to_owned(),
        |delivery| format!("{delivery}, which is dead"),
    )
}
