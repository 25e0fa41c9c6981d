//! `gladhand effect …`

use clap::{ArgGroup, Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::limit::Limit;
use super::moment::moment;
use super::{Format, arguments, printer};
use crate::admin::EffectView;
use crate::client::Payload;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the writes that must not happen twice, newest first
    List {
        /// Of this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Only those of which nobody knows whether they were done
        #[arg(long)]
        in_doubt: bool,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        format: Format,
    },
    /// Say what you found in the CRM about a write that is in doubt
    Conclude(Conclude),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("word").required(true).args(["done", "not_done"]))]
pub struct Conclude {
    /// One of its keys, as `effect list` shows them
    key: String,
    /// The account's name
    #[arg(long, value_name = "NAME")]
    account: String,
    /// The record is there, with this id, which no command corrects later; it is linked, and not made again
    #[arg(long, value_name = "REMOTE_ID", value_parser = arguments::record_id)]
    done: Option<String>,
    /// The record is not there; the next attempt makes it
    #[arg(long)]
    not_done: bool,
    #[command(flatten)]
    format: Format,
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let client = &endpoint.client;
    match command {
        Command::List {
            account,
            in_doubt,
            limit,
            format,
        } => {
            let told = [
                ("account", account),
                ("in_doubt", Some(in_doubt.to_string())),
                ("limit", Some(limit.page())),
            ];
            let query = arguments::query(told);
            let (found, rest) = limit.first(client, &["effects"], &query).await?;
            let nothing = if in_doubt {
                "no write is in doubt"
            } else {
                "no writes are kept"
            };
            list(found, nothing, format)?;
            rest.tell();
            Ok(())
        }
        Command::Conclude(conclude) => {
            let body = json!({
                "account": conclude.account,
                "key": conclude.key,
                "done": conclude.done,
                "not_done": conclude.not_done,
            });
            let path = ["effects", "conclude"];
            let concluded = client
                .send(Method::POST, &path, &[], Payload::Json(body))
                .await?;
            let effect: EffectView = serde_json::from_value(concluded.clone())?;
            let record = conclude.done.map(|id| format!(", as record `{id}`"));
            let record = record.unwrap_or_default();
            let sentence = format!(
                "the write of {} is {} now{record}; its delivery is `{}`",
                effect.keys.join(", "),
                effect.verdict,
                effect.delivery
            );
            printer::changed(concluded, &sentence, conclude.format)
        }
    }
}

fn list(items: Vec<Value>, nothing: &str, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let effect: EffectView = serde_json::from_value(item)?;
        anyhow::Ok([
            moment(effect.at),
            effect.account,
            effect.verdict.to_string(),
            effect.delivery.to_string(),
            effect.keys.join(", "),
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let header = ["AT (UTC)", "ACCOUNT", "VERDICT", "DELIVERY", "KEYS"];
    printer::table(header, &rows, nothing)
}
