//! `gladhand explain`

use std::fmt::Write as _;

use clap::Args;
use gladhand_core::connection::Mode;

use super::endpoint::Endpoint;
use super::{Format, printer, story};
use crate::admin::Explanation;

#[derive(Debug, Args)]
pub struct Explain {
    /// Who knows the contact: a source's name
    #[arg(long, value_name = "NAME")]
    source: String,
    /// The contact, as the source numbers it
    #[arg(long, value_name = "ID")]
    contact: String,
    /// So many of its newest deliveries in each connection
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    #[command(flatten)]
    format: Format,
}

pub async fn run(explain: Explain, endpoint: &Endpoint) -> anyhow::Result<()> {
    let query = [
        ("source", explain.source),
        ("contact", explain.contact),
        ("limit", explain.limit.to_string()),
    ];
    let answer = endpoint.client.get(&["explain"], &query).await?;
    if explain.format.json {
        return printer::json_lines(&[answer]);
    }
    printer::text(&tell(&serde_json::from_value(answer)?))
}

fn tell(explanation: &Explanation) -> String {
    let mut lines = vec![format!(
        "Contact {} of source `{}`",
        explanation.contact.id, explanation.contact.source
    )];
    for connection in &explanation.connections {
        if connection.mode == Mode::Observe {
            lines.push(format!(
                "Connection `{}` only observes: no write is sent.",
                connection.name
            ));
        }
        if let Some(because) = &connection.paused_because {
            lines.push(format!(
                "Connection `{}` is paused, nothing of it runs: {because}.",
                connection.name
            ));
        }
    }
    lines.push(String::new());
    if explanation.links.is_empty() {
        lines.push("No record in a CRM is known for it.".to_owned());
    } else {
        lines.push("Its records in the CRM:".to_owned());
    }
    for link in &explanation.links {
        let record = &link.link;
        let url = record.url.as_deref().unwrap_or_default();
        let line = format!(
            "  {} {}, through connection `{}`  {url}",
            record.object, record.remote_id, link.connection
        );
        lines.push(line.trim_end().to_owned());
    }
    lines.push(String::new());
    lines.push(match (explanation.deliveries.len(), explanation.more) {
        (0, _) => "Nothing came in that is still kept.".to_owned(),
        (_, false) => "What came in and what became of it, oldest first:".to_owned(),
        (_, true) => {
            "What came in last and what became of it, oldest first (--limit shows more):".to_owned()
        }
    });

    let mut told = String::new();
    for line in lines {
        writeln!(told, "{}", printer::plain(&line)).expect("a text takes every line");
    }
    for explained in &explanation.deliveries {
        told.push('\n');
        told.push_str(&story::of_delivery(explained));
    }
    told
}
