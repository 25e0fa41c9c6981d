//! `gladhand link …`

mod import;

mod replaced;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use gladhand_core::attempt::Entity;
use gladhand_store::link_book::LinkRecord;
use hyper::Method;
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::limit::{Limit, PAGE};
use super::moment::moment;
use super::printer::counted;
use super::{Format, arguments, printer};
use crate::admin::ConnectionView;
use crate::admin::links::LARGEST_IMPORT;
use crate::client::{Client, Payload};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List which records of the CRM belong to what of the source
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        format: Format,
    },
    /// Take over links from an export or from another integration; all of a file or nothing
    #[command(long_about = IMPORT_HELP)]
    Import {
        /// The file; `-` reads from stdin
        file: PathBuf,
        /// The connection's name
        #[arg(long, value_name = "NAME")]
        connection: String,
        /// Only look whether all of it fits
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Print every link as one JSON object per line, as `link import` reads it
    Export {
        /// The connection's name
        #[arg(long, value_name = "NAME")]
        connection: String,
    },
    /// Forget that something of the source is a record of the CRM; the record itself stays as it is
    Remove {
        /// The connection's name
        #[arg(long, value_name = "NAME")]
        connection: String,
        #[command(flatten)]
        whose: Whose,
        /// The CRM's kind of record
        #[arg(long, value_name = "OBJECT")]
        object: String,
        #[command(flatten)]
        format: Format,
    },
}

const IMPORT_HELP: &str = "\
Take over links from an export or from another integration; all of a file or nothing.

Every line is one of:

  {\"entity\": {\"kind\": \"contact\", \"id\": \"7\"}, \"link\": {\"object\": \"person\", \"remote_id\": \"41\"}}
      as `gladhand link export` writes it
  {\"contact\": \"7\", \"external_id\": \"PROVIDER:person:41|PROVIDER:lead:12\"}
      the text in which integrations keep their ids at a contact
  7,PROVIDER:person:41|PROVIDER:lead:12
      the same, separated by a comma, a semicolon or a tab; a first line with the names of the columns is left out

PROVIDER must be the connection's connector; ids of other providers are left out, and counted.";

#[derive(Debug, Args)]
pub struct Filter {
    /// The connection's name
    #[arg(long, value_name = "NAME")]
    connection: String,
    /// Of this contact
    #[arg(long, value_name = "ID")]
    contact: Option<String>,
    /// Of something else, like conversation:12
    #[arg(long, value_name = "KIND:ID", value_parser = arguments::entity, conflicts_with = "contact")]
    entity: Option<Entity>,
    /// To records of this kind
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,
    /// To this record
    #[arg(long, value_name = "REMOTE_ID")]
    remote_id: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// Of this contact
    #[arg(long, value_name = "ID")]
    contact: Option<String>,
    /// Of something else, like conversation:12
    #[arg(long, value_name = "KIND:ID", value_parser = arguments::entity)]
    entity: Option<Entity>,
}

pub async fn run(command: Command, endpoint: &Endpoint) -> anyhow::Result<()> {
    let client = &endpoint.client;
    match command {
        Command::List {
            filter,
            limit,
            format,
        } => {
            let entity = entity_of(filter.contact, filter.entity);
            let (kind, id) = entity.map(|entity| (entity.kind, entity.id)).unzip();
            let told = [
                ("kind", kind),
                ("id", id),
                ("object", filter.object),
                ("remote_id", filter.remote_id),
                ("limit", Some(limit.page())),
            ];
            let path = ["connections", &filter.connection, "links"];
            let query = arguments::query(told);
            let (found, rest) = limit.first(client, &path, &query).await?;
            list(found, format)?;
            rest.tell();
            Ok(())
        }
        Command::Import {
            file,
            connection,
            dry_run,
            format,
        } => import(client, &connection, &file, dry_run, format).await,
        Command::Export { connection } => {
            let path = ["connections", &connection, "links"];
            let query = [("limit", PAGE.to_string())];
            printer::json_lines(&client.list(&path, &query, None).await?)
        }
        Command::Remove {
            connection,
            whose,
            object,
            format,
        } => {
            let entity = entity_of(whose.contact, whose.entity).context("whose link is meant")?;
            let Entity { kind, id } = &entity;
            let path = ["connections", &connection, "links", kind, id, &object];
            client
                .send(Method::DELETE, &path, &[], Payload::None)
                .await?;
            let removed = json!({
                "connection": connection,
                "entity": entity,
                "object": object,
                "removed": true,
            });
            let sentence =
                format!("the link of {kind} `{id}` to its record of kind `{object}` is removed");
            printer::changed(removed, &sentence, format)
        }
    }
}

fn entity_of(contact: Option<String>, entity: Option<Entity>) -> Option<Entity> {
    let of_contact = contact.map(|id| Entity {
        kind: "contact".to_owned(),
        id,
    });
    of_contact.or(entity)
}

async fn import(
    client: &Client,
    connection: &str,
    file: &Path,
    is_dry: bool,
    format: Format,
) -> anyhow::Result<()> {
    let (place, text) = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("reading stdin")?;
        ("stdin".to_owned(), text)
    } else {
        let place = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {place}"))?;
        (place, text)
    };
    let shown = client.get(&["connections", connection], &[]).await?;
    let shown: ConnectionView = serde_json::from_value(shown)?;
    let provider = shown
        .connector
        .split_once('@')
        .map_or(shown.connector.as_str(), |(name, _)| name);
    let read = import::read(&text, provider)
        .with_context(|| format!("nothing was imported from {place}"))?;
    let path = ["connections", connection, "links"];
    let query = [("limit", PAGE.to_string())];
    let there = client.list(&path, &query, None).await?;
    let there = there.into_iter().map(serde_json::from_value::<LinkRecord>);
    let there = there.collect::<Result<Vec<_>, _>>()?;
    let replaced = replaced::replaced(&read.links, there);
    // The host looks at every part before it takes the first: a file is imported as a whole.
    let passes: &[bool] = if is_dry { &[true] } else { &[true, false] };
    for check_only in passes {
        for part in read.links.chunks(LARGEST_IMPORT) {
            let body = Payload::Json(json!({ "links": part, "check_only": check_only }));
            let sent = client.send(Method::POST, &path, &[], body).await;
            sent.with_context(|| {
                if *check_only {
                    format!("nothing was imported from {place}")
                } else {
                    format!("importing {place}")
                }
            })?;
        }
    }
    if format.json {
        let count = read.links.len();
        let imported =
            json!({ "count": count, "left_out": read.others, "replaced": replaced.len() });
        return printer::json_lines(&[imported]);
    }
    let verb = if is_dry {
        "all of it fits, nothing was stored"
    } else {
        "imported"
    };
    printer::note(&format!("{verb}: {}", counted(read.links.len(), "link")));
    if let Some(told) = replaced::told(&replaced, is_dry) {
        printer::note(&told);
    }
    for (other, count) in &read.others {
        let ids = counted(*count, "id");
        printer::note(&format!(
            "left out: {ids} of the provider `{other}`, for connection `{connection}` runs `{provider}`"
        ));
    }
    Ok(())
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format.json {
        return printer::json_lines(&items);
    }
    let row = |item| {
        let record: LinkRecord = serde_json::from_value(item)?;
        anyhow::Ok([
            format!("{} {}", record.entity.kind, record.entity.id),
            record.link.object,
            record.link.remote_id,
            moment(record.updated_at),
            record.link.url.unwrap_or_default(),
        ])
    };
    let rows = items.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let header = ["OF", "OBJECT", "REMOTE ID", "SINCE (UTC)", "URL"];
    printer::table(header, &rows, "no links like these")
}
