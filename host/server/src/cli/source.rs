//! `gladhand source …`

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::{Format, arguments, declared, printer};
use crate::admin::SourceView;
use crate::client::Payload;
use crate::config::Environment;
use crate::config::secret::Place;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add one, and print the webhook URL to enter in Chatwoot
    Add(Box<Add>),
    /// List all
    List(Format),
    /// Show one, with its webhook URL
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Remove one that no connection uses
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub struct Add {
    /// Part of the webhook's URL: lower case, digits, hyphens
    name: String,
    /// Signs its events; without it the webhook's URL carries a token
    #[arg(long, value_name = "env:NAME|file:PATH", value_parser = arguments::secret)]
    webhook_secret: Option<Place>,
    /// Where Chatwoot is
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Chatwoot's number for the account
    #[arg(long, value_name = "NUMBER")]
    account_id: Option<i64>,
    /// For Chatwoot's own API
    #[arg(long, value_name = "env:NAME|file:PATH", value_parser = arguments::secret)]
    api_token: Option<Place>,
    /// Let requests to Chatwoot go to private addresses
    #[arg(long)]
    allow_private_network: bool,
    /// Let requests to Chatwoot go without TLS
    #[arg(long)]
    allow_http: bool,
    #[command(flatten)]
    format: Format,
}

pub async fn run(
    command: Command,
    endpoint: &Endpoint,
    environment: &Environment,
) -> anyhow::Result<()> {
    let client = &endpoint.client;
    match command {
        Command::Add(add) => {
            let open = |place: &Option<Place>| {
                place
                    .as_ref()
                    .map(|place| arguments::open(place, environment))
                    .transpose()
            };
            let body = json!({
                "name": add.name,
                "webhook_secret": open(&add.webhook_secret)?,
                "base_url": add.base_url,
                "account_id": add.account_id,
                "api_token": open(&add.api_token)?,
                "allow_private_network": add.allow_private_network,
                "allow_http": add.allow_http,
            });
            let added = client
                .send(Method::POST, &["sources"], &[], Payload::Json(body))
                .await?;
            show(&added, add.format)
        }
        Command::List(format) => list(client.list(&["sources"], &[], None).await?, format),
        Command::Show { name, format } => {
            show(&client.get(&["sources", &name], &[]).await?, format)
        }
        Command::Remove { name, format } => {
            let path = ["sources", &name];
            let shown = client.get(&path, &[]).await?;
            client
                .send(Method::DELETE, &path, &[], Payload::None)
                .await?;
            let removed = json!({ "source": name, "removed": true });
            printer::changed(removed, &format!("source `{name}` is removed"), format)?;
            declared::tell("source", &shown, "adds it again; take it out there, too");
            Ok(())
        }
    }
}

fn show(source: &Value, format: Format) -> anyhow::Result<()> {
    if format.json {
        printer::json_lines(std::slice::from_ref(source))
    } else {
        printer::fields(source)
    }
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let source: SourceView = serde_json::from_value(item)?;
        let signed = if source.signed { "signed" } else { "unsigned" };
        anyhow::Ok([
            source.name,
            source.kind,
            signed.to_owned(),
            source.base_url.unwrap_or_default(),
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let nothing = "no sources yet; add one with `gladhand source add NAME`";
    printer::table(["NAME", "KIND", "EVENTS", "BASE URL"], &rows, nothing)
}
