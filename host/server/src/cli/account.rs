//! `gladhand account …`

use clap::Subcommand;
use gladhand_core::pause::{By, Paused};
use hyper::Method;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::moment::{moment, moment_if_any};
use super::{Format, printer};
use crate::admin::AccountView;
use crate::client::Payload;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List all, with the connections that share each
    List(Format),
    /// Show one
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Send nothing to it, whatever the connection, until it is resumed
    Pause {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Let it run again, also where it paused itself
    Resume {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let client = &endpoint.client;
    match command {
        Command::List(format) => list(client.list(&["accounts"], &[], None).await?, format),
        Command::Show { name, format } => {
            let mut account = client.get(&["accounts", &name], &[]).await?;
            if format.json {
                return printer::json_lines(&[account]);
            }
            let pause: Option<Paused> = serde_json::from_value(account["pause"].take())?;
            account["pause"] = pause.as_ref().map(sentence).into();
            printer::fields(&account)
        }
        Command::Pause { name, format } => {
            let path = ["accounts", &name, "pause"];
            let paused = client.send(Method::POST, &path, &[], Payload::None).await?;
            printer::changed(paused, &format!("account `{name}` is paused"), format)
        }
        Command::Resume { name, format } => {
            let path = ["accounts", &name, "resume"];
            let resumed = client.send(Method::POST, &path, &[], Payload::None).await?;
            printer::changed(resumed, &format!("account `{name}` runs"), format)
        }
    }
}

/// Who stopped it, when, why, and when it goes on.
fn sentence(pause: &Paused) -> String {
    let since = moment(pause.since);
    let who = match pause.by {
        By::Operator => format!("an operator paused it at {since}"),
        By::Host => format!("it paused itself at {since}: {}", pause.message),
    };
    match pause.next_test {
        Some(at) => format!("{who}; it is tested again at {}", moment(at)),
        None => who,
    }
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let account: AccountView = serde_json::from_value(item)?;
        let state = if account.paused { "paused" } else { "runs" };
        let (why, next) = match account.pause {
            Some(pause) => (pause.message, pause.next_test),
            None => (String::new(), None),
        };
        anyhow::Ok([
            account.name,
            account.connector,
            account.base_url.unwrap_or_default(),
            account.connections.join(", "),
            account.concurrency.to_string(),
            state.to_owned(),
            why,
            moment_if_any(next),
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let header = [
        "NAME",
        "CONNECTOR",
        "BASE URL",
        "CONNECTIONS",
        "AT ONCE",
        "STATE",
        "WHY",
        "NEXT TEST (UTC)",
    ];
    let nothing = "no accounts yet; the first comes with `gladhand connection add`";
    printer::table(header, &rows, nothing)
}
