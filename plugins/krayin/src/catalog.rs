//! Pipelines, sources and types: what setup stored, else looked up and remembered for an hour.

use gladhand_sdk::{Failure, FailureKind, cache, variables};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::Error;
use crate::model::{self, Choice, Pipeline, Stage};
use crate::settings::Settings;

const HOUR_MS: u64 = 3_600_000;

/// Where new leads go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub pipeline: u64,
    pub stage: u64,
    pub source: u64,
    pub lead_type: u64,
}

/// What Krayin offers, asked for at most once per call.
#[derive(Debug, Default)]
pub struct Catalog {
    pipelines: Option<Vec<Pipeline>>,
    target: Option<Target>,
}

impl Catalog {
    /// Every pipeline.
    pub fn pipelines(&mut self, client: &Client) -> Result<&[Pipeline], Error> {
        match &mut self.pipelines {
            Some(pipelines) => Ok(pipelines),
            empty => Ok(empty.insert(known(client, "pipelines")?)),
        }
    }

    /// The pipeline of this id.
    pub fn pipeline(&mut self, client: &Client, id: u64) -> Result<&Pipeline, Error> {
        self.pipelines(client)?
            .iter()
            .find(|pipeline| pipeline.id == id)
            .ok_or_else(|| {
                unfit(format!(
                    "pipeline {id} is not in Krayin: choose another, or run the connection's check again"
                ))
            })
    }

    /// Where new leads go: what is set, else the first of what Krayin has. Costs no call where all four are set.
    pub fn target(&mut self, client: &Client, settings: &Settings) -> Result<Target, Error> {
        if let Some(target) = &self.target {
            return Ok(target.clone());
        }
        let (pipeline, stage) = match (settings.default_pipeline_id, settings.default_stage_id) {
            (Some(pipeline), Some(stage)) => (pipeline, stage),
            (pipeline, stage) => choose(self.pipelines(client)?, pipeline, stage).map_err(unfit)?,
        };
        let source = match settings.default_source_id {
            Some(source) => source,
            None => first(client, "sources")?,
        };
        let lead_type = match settings.default_type_id {
            Some(lead_type) => lead_type,
            None => first(client, "types")?,
        };
        let target = Target {
            pipeline,
            stage,
            source,
            lead_type,
        };
        Ok(self.target.insert(target).clone())
    }
}

/// Asks Krayin for a whole list of settings.
pub fn fetch<T: DeserializeOwned>(client: &Client, what: &str) -> Result<Vec<T>, Error> {
    let request = client
        .get(&format!("settings/{what}"))
        .query("pagination", "0");
    model::data(client.send(&request)?)
}

/// Completes the pipeline and stage of the settings, or says what does not fit.
pub fn choose(
    pipelines: &[Pipeline],
    pipeline: Option<u64>,
    stage: Option<u64>,
) -> Result<(u64, u64), String> {
    let chosen = match (pipeline, stage) {
        (Some(id), _) => pipelines.iter().find(|pipeline| pipeline.id == id),
        (None, Some(stage)) => pipelines
            .iter()
            .find(|pipeline| pipeline.stage(stage).is_some()),
        (None, None) => pipelines
            .iter()
            .find(|pipeline| pipeline.is_default)
            .or_else(|| pipelines.iter().min_by_key(|pipeline| pipeline.id)),
    };
    let chosen = chosen.ok_or_else(|| match (pipeline, stage) {
        (Some(id), _) => format!("default_pipeline_id {id} is not in Krayin"),
        (None, Some(id)) => format!("default_stage_id {id} is in no pipeline of Krayin"),
        (None, None) => "Krayin has no pipeline".to_owned(),
    })?;
    let stage = match stage {
        Some(id) => chosen.stage(id),
        None => chosen.stages.iter().find(|stage| !stage.is_closed()),
    };
    match stage {
        Some(Stage { id, .. }) => Ok((chosen.id, *id)),
        None => Err(format!(
            "default_stage_id is not a stage of the pipeline {} ({})",
            chosen.id, chosen.name
        )),
    }
}

/// The one with the lowest id: Krayin lists the newest first.
pub fn first_of(choices: &[Choice]) -> Option<u64> {
    choices.iter().map(|choice| choice.id).min()
}

fn first(client: &Client, what: &str) -> Result<u64, Error> {
    let choices: Vec<Choice> = known(client, what)?;
    first_of(&choices)
        .ok_or_else(|| unfit(format!("Krayin has no {what}: add one in its settings")))
}

fn known<T: DeserializeOwned + Serialize>(client: &Client, what: &str) -> Result<Vec<T>, Error> {
    let stored = variables::get(what).or_else(|| cache::get(what));
    if let Some(list) = stored.and_then(|value| serde_json::from_value(value).ok()) {
        return Ok(list);
    }
    let list: Vec<T> = fetch(client, what)?;
    cache::put(what, &stored_form(&list), HOUR_MS);
    Ok(list)
}

/// As variables and cache hold a list: only what is read again.
pub fn stored_form<T: Serialize>(list: &[T]) -> Value {
    json!(list)
}

/// The connection's settings do not fit this Krayin.
pub fn unfit(message: String) -> Error {
    Error::Failed(Failure::new(FailureKind::Configuration, message))
}
