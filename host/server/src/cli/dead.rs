//! `gladhand dead …`

use clap::{ArgGroup, Args, Subcommand};
use gladhand_core::clock::Clock as _;
use gladhand_core::failure::FailureKind;
use hyper::Method;
use serde_json::{Value, json};

use super::arguments::Since;
use super::endpoint::Endpoint;
use super::limit::{Limit, PAGE};
use super::moment::moment_if_any;
use super::{Format, arguments, delivery, printer};
use crate::admin::DeliveryView;
use crate::admin::dead::DeadDone;
use crate::client::Payload;
use crate::system::SystemClock;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the deliveries that need a person, those of the newest events first
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        format: Format,
    },
    /// Queue them again; each runs on its record's newest state
    #[command(group = choice())]
    Retry {
        #[command(flatten)]
        filter: Filter,
        /// All there are; must be said where nothing else chooses them
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Settle them as skipped; writes that are in doubt stay in doubt
    #[command(group = choice())]
    Discard {
        #[command(flatten)]
        filter: Filter,
        /// All there are; must be said where nothing else chooses them
        #[arg(long)]
        all: bool,
        /// Why, for whoever asks later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        format: Format,
    },
}

/// What is done to dead letters is never done to all of them by omission.
fn choice() -> ArgGroup {
    let choices = ["connection", "code", "since", "until", "all"];
    ArgGroup::new("choice")
        .required(true)
        .multiple(true)
        .args(choices)
}

/// Said where none is found.
const NOTHING: &str = "no dead letters like these";

/// Which dead letters.
#[derive(Debug, Args)]
pub struct Filter {
    /// Of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// That failed this way: invalid, unavailable, conflict and the like
    #[arg(long, alias = "kind", value_name = "CODE", value_parser = arguments::failure_kind)]
    code: Option<FailureKind>,
    /// That died since then, or in the last 2h, 3d
    #[arg(long, value_name = "TIME", value_parser = arguments::since)]
    since: Option<Since>,
    /// That died before then, or more than 2h, 3d ago
    #[arg(long, value_name = "TIME", value_parser = arguments::since)]
    until: Option<Since>,
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    match command {
        Command::List {
            filter,
            limit,
            format,
        } => {
            let told = [
                ("connection", filter.connection),
                ("code", filter.code.map(|code| code.to_string())),
                ("since", filter.since.map(Since::query)),
                ("until", filter.until.map(Since::query)),
                ("limit", Some(PAGE.to_string())),
            ];
            let query = arguments::query(told);
            let (found, rest) = limit.first(&endpoint.client, &["dead"], &query).await?;
            list(found, format)?;
            rest.tell();
            Ok(())
        }
        Command::Retry {
            filter,
            all,
            format,
        } => {
            let wish = filter.wish(all, None);
            let count = repeat(endpoint, "retry", wish).await?;
            say(count, "queued again", format)
        }
        Command::Discard {
            filter,
            all,
            reason,
            format,
        } => {
            let wish = filter.wish(all, reason);
            let count = repeat(endpoint, "discard", wish).await?;
            say(count, "discarded", format)
        }
    }
}

impl Filter {
    fn wish(&self, all: bool, reason: Option<String>) -> Value {
        let now = SystemClock::new().now();
        let mut wish = json!({
            "connection": self.connection,
            "code": self.code,
            "since": self.since.map(|since| since.before(now)),
            "until": self.until.map(|until| until.before(now)),
            "all": all,
        });
        if let Some(reason) = reason {
            wish["reason"] = reason.into();
        }
        wish
    }
}

/// Asks until there are no more of them; how many it were.
async fn repeat(endpoint: &Endpoint, verb: &str, mut wish: Value) -> anyhow::Result<u64> {
    let mut count = 0;
    loop {
        let body = Payload::Json(wish.clone());
        let path = ["dead", verb];
        let answer = endpoint.client.send(Method::POST, &path, &[], body).await?;
        let done: DeadDone = serde_json::from_value(answer)?;
        count += done.count;
        if !done.more {
            return Ok(count);
        }
        printer::note(&format!("{count} so far"));
        wish["until"] = done.until.0.into();
    }
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let delivery: DeliveryView = serde_json::from_value(item)?;
        let why = delivery::why(&delivery);
        anyhow::Ok([
            moment_if_any(delivery.settled_at),
            delivery.id.to_string(),
            delivery.connection,
            delivery.lane,
            delivery.kind,
            delivery.attempts.to_string(),
            why,
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let header = [
        "DIED (UTC)",
        "ID",
        "CONNECTION",
        "CONTACT",
        "KIND",
        "ATTEMPTS",
        "WHY",
    ];
    printer::table(header, &rows, NOTHING)
}

fn say(count: u64, verb: &str, format: Format) -> anyhow::Result<()> {
    let sentence = match count {
        0 => NOTHING.to_owned(),
        1 => format!("1 dead letter was {verb}"),
        count => format!("{count} dead letters were {verb}"),
    };
    printer::changed(json!({ "count": count }), &sentence, format)
}
