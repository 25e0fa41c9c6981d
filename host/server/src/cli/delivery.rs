//! `gladhand delivery …`

use clap::{Args, Subcommand};
use gladhand_core::delivery::DeliveryState;
use hyper::Method;
use serde_json::{Value, json};

use super::arguments::Since;
use super::endpoint::Endpoint;
use super::limit::Limit;
use super::moment::{moment, moment_if_any};
use super::printer::table::cut;
use super::{Format, arguments, lane, printer, story};
use crate::admin::explain::ExplainedDelivery;
use crate::admin::queue::HeldView;
use crate::admin::{ConnectionNote, DeliveryView, ShownDelivery};
use crate::client::Payload;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List them, newest first
    List(List),
    /// Show everything about one: attempts, requests and answers, what is in doubt, the CRM's records
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Queue one again that has settled, or let one run now that waits; it runs on the newest state
    Retry {
        /// Its id
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Settle one as skipped that waits or is dead; what is behind it in its lane goes on
    Skip {
        /// Its id
        id: String,
        /// Why, for whoever asks later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub struct List {
    /// Of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// In this state: pending, running, waiting, succeeded, skipped, dead, superseded, paused
    #[arg(long, value_name = "STATE", value_parser = arguments::state)]
    state: Option<DeliveryState>,
    /// Of this contact
    #[arg(long, value_name = "ID")]
    contact: Option<String>,
    /// Received since 2026-11-20T12:00:00Z, since 2026-11-20, or in the last 15m, 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = arguments::since)]
    since: Option<Since>,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    format: Format,
}

/// How much of a reason a listing shows, in columns; `delivery show` has it whole.
const WHY_COLUMNS: usize = 60;

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let client = &endpoint.client;
    match command {
        Command::List(List {
            connection,
            state,
            contact,
            since,
            limit,
            format,
        }) => {
            let told = [
                ("connection", connection),
                ("state", state.map(|state| state.to_string())),
                ("contact", contact),
                ("since", since.map(Since::query)),
                ("limit", Some(limit.page())),
            ];
            let query = arguments::query(told);
            let (found, rest) = limit.first(client, &["deliveries"], &query).await?;
            list(found, format)?;
            rest.tell();
            Ok(())
        }
        Command::Show { id, format } => {
            let shown = client.get(&["deliveries", &id], &[]).await?;
            if format.json {
                return printer::json_lines(&[shown]);
            }
            printer::text(&tell(serde_json::from_value(shown)?))
        }
        Command::Retry { id, format } => {
            let path = ["deliveries", &id, "retry"];
            let retried = client.send(Method::POST, &path, &[], Payload::None).await?;
            let sentence = format!(
                "delivery `{id}` is queued again; `gladhand delivery show {id}` says what becomes of it"
            );
            printer::changed(retried, &sentence, format)
        }
        Command::Skip { id, reason, format } => {
            let path = ["deliveries", &id, "skip"];
            let body = Payload::Json(json!({ "reason": reason }));
            let skipped = client.send(Method::POST, &path, &[], body).await?;
            let sentence = format!("delivery `{id}` is skipped");
            printer::changed(skipped, &sentence, format)
        }
    }
}

fn tell(shown: ShownDelivery) -> String {
    let ShownDelivery {
        delivery,
        connection,
        paused_because,
        held,
        attempts,
        effects,
        links,
    } = shown;
    let connection = ConnectionNote {
        name: connection,
        paused_because,
    };
    let explained = ExplainedDelivery::of(delivery, &connection, held, attempts, effects);
    let mut told = story::of_delivery(&explained);
    for link in links {
        let url = link.url.unwrap_or_default();
        let line = format!("the CRM has {} {}  {url}", link.object, link.remote_id);
        told.extend(["  ", printer::plain(line.trim_end()).as_str(), "\n"]);
    }
    told
}

/// What holds it back, why it was skipped or what went wrong, as much as a listing has room for.
pub fn why(delivery: &DeliveryView) -> String {
    let failed = || story::why(delivery.code.as_deref(), delivery.message.as_deref());
    let why = holding(delivery).map(lane::hold_in_short).or_else(failed);
    cut(&printer::plain(&why.unwrap_or_default()), WHY_COLUMNS)
}

/// What holds it back, where that is its lane and no pause.
fn holding(delivery: &DeliveryView) -> Option<&HeldView> {
    let would_run = matches!(
        delivery.state,
        DeliveryState::Pending | DeliveryState::Waiting
    );
    delivery.held.as_ref().filter(|_| would_run)
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let read = serde_json::from_value::<DeliveryView>;
    let deliveries = items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let any_held = deliveries
        .iter()
        .any(|delivery| holding(delivery).is_some());
    let row = |delivery: DeliveryView| {
        let why = why(&delivery);
        [
            moment(delivery.received_at),
            delivery.id.to_string(),
            delivery.connection,
            delivery.lane,
            delivery.kind,
            delivery.state.to_string(),
            delivery.attempts.to_string(),
            moment_if_any(delivery.not_before),
            why,
        ]
    };
    let rows: Vec<_> = deliveries.into_iter().map(row).collect();
    let header = [
        "RECEIVED (UTC)",
        "ID",
        "CONNECTION",
        "CONTACT",
        "KIND",
        "STATE",
        "ATTEMPTS",
        "NEXT TRY (UTC)",
        "WHY",
    ];
    printer::table(header, &rows, "no deliveries like these")?;
    if any_held {
        printer::note(
            "what is held runs once its lane is released: `gladhand lane release --connection NAME --contact ID`",
        );
    }
    Ok(())
}
