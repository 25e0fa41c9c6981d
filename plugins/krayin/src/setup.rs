//! Setup: is this a Krayin that works, do the settings fit it, and what does it offer.
//!
//! What is found is stored as variables, so that deliveries need not ask.

use gladhand_sdk::discover::{self, Listing};
use gladhand_sdk::{Check, Connection, Failure, FailureKind, variables};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::catalog;
use crate::client::Client;
use crate::error::Error;
use crate::model::{Choice, Pipeline};
use crate::settings::Settings;

/// What `discover` can be asked for.
pub fn discover(connection: &Connection, what: &str) -> Result<Value, Failure> {
    let client = Client::new(connection)?;
    match what {
        "pipelines" => {
            let pipelines: Vec<Pipeline> = learn(&client, "pipelines")?;
            Ok(listing(&pipelines, pipeline).to_json())
        }
        "sources" | "types" => {
            let choices: Vec<Choice> = learn(&client, what)?;
            Ok(listing(&choices, choice).to_json())
        }
        "owners" => {
            let users: Vec<Choice> = catalog::fetch(&client, "users")?;
            Ok(listing(&users, choice).to_json())
        }
        _ => Err(Failure::new(
            FailureKind::Unsupported,
            format!(
                "Krayin cannot be asked for {what}: ask for pipelines, sources, types or owners"
            ),
        )),
    }
}

/// Fetches a list and stores it for the deliveries to come.
fn learn<T: DeserializeOwned + Serialize>(client: &Client, what: &str) -> Result<Vec<T>, Error> {
    let list = catalog::fetch(client, what)?;
    variables::set(what, &catalog::stored_form(&list));
    Ok(list)
}

fn listing<T, U>(items: &[T], show: impl Fn(&T) -> U) -> Listing<U> {
    Listing {
        items: items.iter().map(show).collect(),
    }
}

fn pipeline(pipeline: &Pipeline) -> discover::Pipeline {
    let stages = pipeline.stages.iter().map(|stage| discover::Stage {
        id: stage.id.to_string(),
        value: json!(stage.id),
        name: stage.name.clone(),
        closed: stage.is_closed(),
        won: stage.is_won(),
    });
    discover::Pipeline {
        id: pipeline.id.to_string(),
        value: json!(pipeline.id),
        name: pipeline.name.clone(),
        default: pipeline.is_default,
        stages: stages.collect(),
    }
}

fn choice(choice: &Choice) -> discover::Choice {
    discover::Choice {
        id: choice.id.to_string(),
        value: json!(choice.id),
        name: choice.name.clone(),
        email: choice.email.clone(),
    }
}

/// Looks at everything that deliveries will rely on.
pub fn check(connection: &Connection) -> Result<Vec<Check>, Failure> {
    let settings: Settings = connection.settings()?;
    let client = match Client::new(connection) {
        Ok(client) => client,
        Err(failure) => {
            return Ok(vec![Check::failed(
                "base-url",
                failure.message,
                "give the address that people open Krayin at, as https://crm.example.com",
            )]);
        }
    };
    let mut checks = Vec::new();
    if access(&client, &mut checks) {
        checks.extend(places(&client, &settings));
        checks.push(choices(
            &client,
            "source",
            "sources",
            settings.default_source_id,
        ));
        checks.push(choices(&client, "type", "types", settings.default_type_id));
    } else {
        for name in ["pipeline", "source", "type"] {
            checks.push(Check::skipped(name, "Krayin could not be asked"));
        }
    }
    Ok(checks)
}

/// Reachable, the REST API installed, the token accepted, its user allowed to see everything: in this order.
fn access(client: &Client, checks: &mut Vec<Check>) -> bool {
    const ORDER: [(&str, &str); 3] = [
        ("reachable", "Krayin answers"),
        ("rest-api", "its REST API is installed"),
        ("token", "it accepts the token"),
    ];
    let answer = client.whoami();
    let (failed, hint) = match &answer {
        Ok(_) => (ORDER.len(), ""),
        Err(Error::Http(_)) => (0, "check the base URL, and that this host may reach it"),
        Err(Error::Broken(_)) => (
            0,
            "Krayin or the proxy before it is not working: try again when it is",
        ),
        Err(Error::Misaddressed(_) | Error::NotFound(_)) => (
            1,
            "on the Krayin server run `composer require krayin/rest-api` and `php artisan krayin-rest-api:install`; if that is done, check the base URL",
        ),
        Err(Error::Throttled(_)) => (
            2,
            "wait a minute: Krayin lets a user send 60 requests a minute, and does not look at the token before",
        ),
        Err(_) => (
            2,
            "get a token with POST /api/v1/login for a user that nothing else logs in as: every login revokes the user's older tokens",
        ),
    };
    for (position, (name, message)) in ORDER.into_iter().enumerate() {
        checks.push(match (&answer, position.cmp(&failed)) {
            (_, std::cmp::Ordering::Less) => Check::passed(name, message),
            (Err(error), std::cmp::Ordering::Equal) => Check::failed(name, error.to_string(), hint),
            _ => Check::skipped(name, "an earlier check failed"),
        });
    }
    checks.push(match &answer {
        Ok(user) => permission(user),
        Err(_) => Check::skipped("view-permission", "an earlier check failed"),
    });
    answer.is_ok()
}

/// Krayin's searches break for users that may not see everything.
fn permission(user: &Value) -> Check {
    const NAME: &str = "view-permission";
    match user["data"]["view_permission"].as_str() {
        Some("global") => Check::passed(NAME, "the token's user sees every record"),
        other => Check::failed(
            NAME,
            format!(
                "the token's user has the view permission `{}`, with which Krayin's searches fail",
                other.unwrap_or("none")
            ),
            "in Krayin under Settings, Users give the integration's user the view permission Global",
        ),
    }
}

/// The pipeline, its stage and the stages of conversations belong together.
fn places(client: &Client, settings: &Settings) -> Vec<Check> {
    const HINT: &str = "choose from what the connection's discover lists as pipelines";
    let pipelines: Vec<Pipeline> = match learn(client, "pipelines") {
        Ok(pipelines) => pipelines,
        Err(error) => return vec![unread("pipeline", error)],
    };
    let chosen = catalog::choose(
        &pipelines,
        settings.default_pipeline_id,
        settings.default_stage_id,
    );
    let (pipeline, stage) = match chosen {
        Ok(chosen) => chosen,
        Err(problem) => return vec![Check::failed("pipeline", problem, HINT)],
    };
    let mut checks = vec![Check::passed(
        "pipeline",
        format!("new leads go to pipeline {pipeline}, stage {stage}"),
    )];
    let steps = [
        (
            "stage-on-conversation-created",
            settings.stage_on_conversation_created,
        ),
        ("stage-on-first-response", settings.stage_on_first_response),
        (
            "stage-on-conversation-resolved",
            settings.stage_on_conversation_resolved,
        ),
    ];
    let own = pipelines.iter().find(|own| own.id == pipeline);
    for (name, stage) in steps {
        let Some(stage) = stage else { continue };
        checks.push(match own.and_then(|own| own.stage(stage)) {
            Some(stage) => Check::passed(name, format!("stage {} ({})", stage.id, stage.name)),
            None => Check::failed(
                name,
                format!("stage {stage} is not in pipeline {pipeline}"),
                HINT,
            ),
        });
    }
    checks
}

fn choices(client: &Client, name: &str, what: &str, wanted: Option<u64>) -> Check {
    let choices: Vec<Choice> = match learn(client, what) {
        Ok(choices) => choices,
        Err(error) => return unread(name, error),
    };
    let chosen = wanted.or_else(|| catalog::first_of(&choices));
    match choices.iter().find(|choice| Some(choice.id) == chosen) {
        Some(choice) => Check::passed(
            name,
            format!("new leads get {name} {} ({})", choice.id, choice.name),
        ),
        None => Check::failed(
            name,
            match wanted {
                Some(id) => format!("{name} {id} is not in Krayin"),
                None => format!("Krayin has no {what}"),
            },
            format!(
                "choose from what the connection's discover lists as {what}, or add one in Krayin"
            ),
        ),
    }
}

fn unread(name: &str, error: Error) -> Check {
    let failure = Failure::from(error);
    Check::failed(
        name,
        failure.message,
        "run the check again when Krayin answers",
    )
}
