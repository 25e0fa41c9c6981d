//! `gladhand connection …`

mod options;

use clap::Subcommand;
use gladhand_runtime::Check;
use hyper::Method;
use serde_json::{Value, json};

use self::options::{Add, Set};
use super::endpoint::Endpoint;
use super::{Format, arguments, declared, printer};
use crate::admin::{ConnectionView, also_changed};
use crate::client::{Client, Payload};
use crate::config::Environment;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add one
    Add(Box<Add>),
    /// List all
    List(Format),
    /// Show one
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Look whether the CRM accepts it, and what to do where it does not
    Check {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Print what the CRM offers, as JSON: pipelines, owners and the like
    Discover {
        /// Its name
        name: String,
        /// What to look for; `gladhand connector show` lists what there is
        what: String,
    },
    /// Change one
    Set(Box<Set>),
    /// Let nothing of it run until it is resumed
    Pause {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Let it run again
    Resume {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Remove one; retention then takes its deliveries and links, in small steps
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
}

/// False where a check failed.
pub async fn run(
    command: Command,
    endpoint: &Endpoint,
    environment: &Environment,
) -> anyhow::Result<bool> {
    let client = &endpoint.client;
    match command {
        Command::Add(add) => {
            let add = *add;
            let mut body = add.common.body(environment)?;
            body.extend([
                ("name".to_owned(), add.name.into()),
                ("source".to_owned(), add.source.into()),
                ("connector".to_owned(), add.connector.into()),
                ("base_url".to_owned(), json!(add.base_url)),
                ("account".to_owned(), json!(add.account)),
                (
                    "settings".to_owned(),
                    arguments::object(add.settings).into(),
                ),
                (
                    "allow_private_network".to_owned(),
                    add.allow_private_network.into(),
                ),
                ("allow_http".to_owned(), add.allow_http.into()),
            ]);
            let added = client
                .send(
                    Method::POST,
                    &["connections"],
                    &[],
                    Payload::Json(body.into()),
                )
                .await?;
            show(&added, add.format)?;
            tell_also_changed(&added)?;
        }
        Command::List(format) => list(client.list(&["connections"], &[], None).await?, format)?,
        Command::Show { name, format } => {
            show(&client.get(&["connections", &name], &[]).await?, format)?;
        }
        Command::Check { name, format } => return check(client, &name, format).await,
        Command::Discover { name, what } => printer::json(
            &client
                .get(&["connections", &name, "discover", &what], &[])
                .await?,
        )?,
        Command::Set(set) => {
            let set = *set;
            let mut body = set.common.body(environment)?;
            body.insert(
                "settings".to_owned(),
                arguments::object(set.settings).into(),
            );
            if set.all_inboxes {
                body.insert("inboxes".to_owned(), json!([]));
            }
            if set.no_time_zone {
                body.insert("time_zone".to_owned(), json!(""));
            }
            let changed = client
                .send(
                    Method::PATCH,
                    &["connections", &set.name],
                    &[],
                    Payload::Json(body.into()),
                )
                .await?;
            show(&changed, set.format)?;
            tell_also_changed(&changed)?;
            let undoes = "sets it as it is written there; make the change there, too";
            declared::tell("connection", &changed, undoes);
        }
        Command::Pause { name, format } => {
            let path = ["connections", &name, "pause"];
            let paused = client.send(Method::POST, &path, &[], Payload::None).await?;
            printer::changed(paused, &format!("connection `{name}` is paused"), format)?;
        }
        Command::Resume { name, format } => {
            let path = ["connections", &name, "resume"];
            let resumed = client.send(Method::POST, &path, &[], Payload::None).await?;
            printer::changed(resumed, &format!("connection `{name}` runs"), format)?;
        }
        Command::Remove { name, format } => {
            let path = ["connections", &name];
            let shown = client.get(&path, &[]).await?;
            client
                .send(Method::DELETE, &path, &[], Payload::None)
                .await?;
            let removed = json!({ "connection": name, "removed": true });
            printer::changed(removed, &format!("connection `{name}` is removed"), format)?;
            declared::tell(
                "connection",
                &shown,
                "adds it again; take it out there, too",
            );
        }
    }
    Ok(true)
}

async fn check(client: &Client, name: &str, format: Format) -> anyhow::Result<bool> {
    let answer = client
        .send(
            Method::POST,
            &["connections", name, "check"],
            &[],
            Payload::None,
        )
        .await?;
    let checks: Vec<Check> = serde_json::from_value(answer["items"].clone())?;
    if format.json {
        printer::json_lines(answer["items"].as_array().map_or(&[], Vec::as_slice))?;
    } else {
        let row = |check: &Check| {
            let hint = check
                .hint
                .as_ref()
                .map_or(String::new(), |hint| format!("; {hint}"));
            [
                check.name.clone(),
                check.state.clone(),
                format!("{}{hint}", check.message),
            ]
        };
        printer::table(
            ["CHECK", "STATE", "WHAT"],
            &checks.iter().map(row).collect::<Vec<_>>(),
            "this connector checks nothing",
        )?;
    }
    Ok(!checks
        .iter()
        .any(|check| check.state == "failed" && check.severity == "error"))
}

fn show(connection: &Value, format: Format) -> anyhow::Result<()> {
    if format.json {
        printer::json_lines(std::slice::from_ref(connection))
    } else {
        printer::fields(connection)
    }
}

/// Says on stderr which other connections have another credential now, too.
fn tell_also_changed(connection: &Value) -> anyhow::Result<()> {
    let shown: ConnectionView = serde_json::from_value(connection.clone())?;
    if let Some(reach) = also_changed(&shown.account, &shown.also_changed) {
        printer::note(&reach);
    }
    Ok(())
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item: Value| {
        let mode = item["mode"].as_str().unwrap_or_default().to_owned();
        let connection: ConnectionView = serde_json::from_value(item)?;
        let state = if connection.paused { "paused" } else { "runs" };
        let why = connection.paused_because.unwrap_or_default();
        let version = connection.version.unwrap_or_else(|| "none".to_owned());
        let base_url = connection.base_url.unwrap_or_default();
        anyhow::Ok([
            connection.name,
            connection.source,
            connection.connector,
            version,
            connection.account,
            mode,
            state.to_owned(),
            base_url,
            why,
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    printer::table(
        [
            "NAME",
            "SOURCE",
            "CONNECTOR",
            "VERSION",
            "ACCOUNT",
            "MODE",
            "STATE",
            "BASE URL",
            "WHY",
        ],
        &rows,
        "no connections yet; add one with `gladhand connection add`",
    )
}
