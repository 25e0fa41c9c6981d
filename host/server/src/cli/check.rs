//! `gladhand config check`: everything that would be refused or left out at start, said in one go.
//!
//! It looks at the file, the environment and the components, and asks no host.

mod components;

use std::path::Path;

use gladhand_core::connection::Connection;
use gladhand_core::ids::{AccountId, ConnectionId, SourceId};
use gladhand_store::catalog::Version;
use serde_json::Value;
use uuid::Uuid;

use super::{Format, printer};
use crate::admin::settings::{self, Given};
use crate::admin::{name_problem, url, zone_problem};
use crate::config::{self, Draft, Environment, Problem, sections};
use crate::nearest::nearest;

/// False where something is wrong.
pub async fn run(
    path: Option<&Path>,
    environment: &Environment,
    flags: &[(String, String)],
    format: Format,
) -> anyhow::Result<bool> {
    let problems = match Draft::load(path, environment, flags) {
        Ok(draft) => look(draft, environment).await?,
        Err(config::Error::Invalid(problems)) => problems,
        Err(error) => return Err(error.into()),
    };
    printer::note(&looked_at(path));
    // What is wrong is what was asked for, so it is data.
    if format.json {
        let items: Vec<Value> = problems.iter().map(Problem::json).collect();
        printer::json_lines(&items)?;
        return Ok(problems.is_empty());
    }
    for problem in &problems {
        printer::text(&format!("{problem}\n"))?;
    }
    if problems.is_empty() {
        printer::text("ok\n")?;
    }
    Ok(problems.is_empty())
}

/// Which file was looked at, or that there is none.
fn looked_at(path: Option<&Path>) -> String {
    let file = path.unwrap_or(Path::new(config::FILE));
    if path.is_some() || file.exists() {
        return format!("looked at {}", file.display());
    }
    format!(
        "there is no {} here: only the defaults, the environment and --set were looked at; --config names another file",
        file.display()
    )
}

async fn look(mut draft: Draft, environment: &Environment) -> anyhow::Result<Vec<Problem>> {
    let mut problems = std::mem::take(&mut draft.problems);
    problems.extend(missing_secrets(&draft, environment));
    problems.extend(draft.sources.iter().flat_map(of_source));
    for connection in &draft.connections {
        problems.extend(of_connection(connection, &draft.sources));
    }
    if let Some(connectors) = &draft.connectors
        && !draft.connections.is_empty()
    {
        let dir = &connectors.dir;
        let versions = components::describe(dir).await?;
        for connection in &draft.connections {
            let found = misfits(connection, &draft.connections, &versions)
                .or_else(|| Some(vec![misspelt(connection, dir, &versions)?]));
            match found {
                Some(found) => problems.extend(found),
                None => printer::note(&format!(
                    "the component of `{}` is not in {}: the settings and credentials of connection `{}` were not \
                     looked at",
                    connection.connector,
                    dir.display(),
                    connection.name
                )),
            }
        }
    }
    problems.sort();
    Ok(problems)
}

fn missing_secrets(draft: &Draft, environment: &Environment) -> Vec<Problem> {
    let master_key = draft
        .store
        .as_ref()
        .and_then(|store| store.master_key.as_ref());
    let mut problems: Vec<Problem> = master_key
        .and_then(|secret| secret.open(environment).err())
        .into_iter()
        .collect();
    let declared = config::declare(&draft.sources, &draft.connections, environment);
    problems.extend(declared.err().into_iter().flatten());
    problems
}

fn of_source(source: &sections::Source) -> Vec<Problem> {
    let base_url = source.base_url.as_deref();
    let found = [
        name_problem("source", &source.name),
        base_url.and_then(|base_url| url::canonical(base_url, source.allow_http).err()),
    ];
    let found = found.into_iter().flatten();
    found
        .map(|problem| {
            let message = format!("source `{}`: {problem}", source.name);
            Problem::new(source.origin.clone(), message)
        })
        .collect()
}

fn of_connection(connection: &sections::Connection, sources: &[sections::Source]) -> Vec<Problem> {
    let base_url = connection.base_url.as_deref();
    let found = [
        name_problem("connection", &connection.name),
        source_problem(&connection.source, sources),
        base_url.and_then(|base_url| url::canonical(base_url, connection.allow_http).err()),
        connection.time_zone.as_deref().and_then(zone_problem),
    ];
    let found = found.into_iter().flatten();
    found.map(|problem| about(connection, &problem)).collect()
}

fn source_problem(name: &str, sources: &[sections::Source]) -> Option<String> {
    if sources.iter().any(|source| source.name == name) {
        return None;
    }
    let known = sources.iter().map(|source| source.name.as_str());
    let advice = nearest(name, known).map_or_else(
        || "declare it, or add the connection with `gladhand connection add` where the source was added so".to_owned(),
        |nearest| format!("did you mean `{nearest}`?"),
    );
    Some(format!("no [[source]] is called `{name}`; {advice}"))
}

/// What does not fit the connector; `None` where its component is not there. `declared` are all connections of the file.
fn misfits(
    connection: &sections::Connection,
    declared: &[sections::Connection],
    versions: &[Version],
) -> Option<Vec<Problem>> {
    let settings = Value::Object(connection.settings.clone());
    let version = settings::version_of(&stored(connection), None, versions).ok()?;
    let own: Vec<&str> = credentials(connection).collect();
    let of_account: Vec<&str> = declared
        .iter()
        .filter(|other| shares_account(connection, other))
        .flat_map(credentials)
        .collect();
    let given = Given {
        has_base_url: connection.base_url.is_some(),
        credentials: &own,
        stored: &of_account,
        settings: &settings,
    };
    let found = settings::misfits(&version.descriptor, &given);
    Some(
        found
            .iter()
            .map(|problem| about(connection, problem))
            .collect(),
    )
}

/// That the folder has a connector that is nearly called as this one. One of quite another name may be one that was
/// added to the host.
fn misspelt(
    connection: &sections::Connection,
    dir: &Path,
    versions: &[Version],
) -> Option<Problem> {
    let stored = stored(connection);
    let wanted = stored.connector_name();
    let known = versions
        .iter()
        .map(|version| version.descriptor.id.as_str());
    let near = nearest(wanted, known).filter(|near| *near != wanted)?;
    let problem = format!(
        "there is no connector `{wanted}` in {}; did you mean `{near}`?",
        dir.display()
    );
    Some(about(connection, &problem))
}

fn credentials(connection: &sections::Connection) -> impl Iterator<Item = &str> {
    connection.credentials.iter().map(|(name, _)| name.as_str())
}

/// Whether the account that a connection names is another's, which is called as that one says, or as it itself.
fn shares_account(connection: &sections::Connection, other: &sections::Connection) -> bool {
    let name = other.account.as_ref().unwrap_or(&other.name);
    connection.account.as_ref() == Some(name)
}

/// As it would be stored: choosing a version looks at its connector only.
fn stored(connection: &sections::Connection) -> Connection {
    Connection {
        id: ConnectionId::from_uuid(Uuid::nil()),
        name: connection.name.clone(),
        source: SourceId::from_uuid(Uuid::nil()),
        account: AccountId::from_uuid(Uuid::nil()),
        connector: connection.connector.clone(),
        inboxes: connection.inboxes.clone(),
        mode: connection.mode,
        settings: Value::Object(connection.settings.clone()),
        time_zone: connection.time_zone.clone(),
        is_paused: false,
        policy: gladhand_core::connection::Policy::default(),
    }
}

fn about(connection: &sections::Connection, problem: &str) -> Problem {
    let message = format!("connection `{}`: {problem}", connection.name);
    Problem::new(connection.origin.clone(), message)
}

#[cfg(test)]
mod tests;
