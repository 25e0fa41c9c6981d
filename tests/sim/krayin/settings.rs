//! Pipelines with their stages, lead sources and lead types (facts §10).

use gladhand_core::clock::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::audit;
use super::cell::Cell;
use super::error::Failure;
use super::list;
use super::php;
use super::rules;
use super::state::{Call, Outcome, State};
use super::table::{Row, Table};

/// A sales pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Whether leads without a stage go there.
    pub is_default: bool,
    /// After how many days a lead is stale.
    pub rotten_days: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A stage. One with the code `won` or `lost` closes its leads.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its id.
    pub id: u32,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// In percent.
    pub probability: i64,
    /// Its place.
    pub sort_order: i64,
    /// Its pipeline.
    pub pipeline_id: u32,
}

/// A lead source or a lead type.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its id.
    pub id: u32,
    /// Its name, unique.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for Pipeline {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "is_default",
        "rotten_days",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> u32 {
        self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        Some(match column {
            "id" => Cell::key(Some(self.id)),
            "name" => Cell::text(Some(&self.name)),
            "is_default" => Cell::Int(i64::from(self.is_default)),
            "rotten_days" => Cell::Int(self.rotten_days),
            "created_at" | "updated_at" => Cell::time(Some(self.created_at)),
            _ => return None,
        })
    }
}

impl Row for Stage {
    const COLUMNS: &'static [&'static str] = &[];

    fn id(&self) -> u32 {
        self.id
    }

    fn created(&self) -> Timestamp {
        Timestamp::default()
    }

    fn cell(&self, _: &str) -> Option<Cell<'_>> {
        None
    }
}

impl Row for Named {
    const COLUMNS: &'static [&'static str] = &["id", "name", "created_at", "updated_at"];

    fn id(&self) -> u32 {
        self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        Some(match column {
            "id" => Cell::key(Some(self.id)),
            "name" => Cell::text(Some(&self.name)),
            "created_at" | "updated_at" => Cell::time(Some(self.created_at)),
            _ => return None,
        })
    }
}

impl Stage {
    /// Whether leads in it are closed.
    pub fn is_closing(&self) -> bool {
        matches!(self.code.as_str(), "won" | "lost")
    }

    /// As answers show it; `lead_value` is the sum of its leads where that was asked for.
    pub fn render(&self, lead_value: Option<f64>) -> Value {
        json!({
            "id": self.id, "code": self.code, "name": self.name,
            "lead_value": lead_value.map(|sum| format!("{sum:.4}")),
            "formatted_lead_value": audit::price(lead_value.unwrap_or(0.0)),
            "is_user_defined": null, "created_at": null, "updated_at": null,
        })
    }
}

/// The stages of a pipeline, in their order.
pub fn stages(state: &State, pipeline: u32) -> Vec<&Stage> {
    let mut stages: Vec<_> = state
        .stages
        .rows()
        .filter(|stage| stage.pipeline_id == pipeline)
        .collect();
    stages.sort_by_key(|stage| stage.sort_order);
    stages
}

/// The first stage of the default pipeline.
pub fn default_stage(state: &State) -> Option<&Stage> {
    let pipeline = state
        .pipelines
        .rows()
        .find(|pipeline| pipeline.is_default)?;
    stages(state, pipeline.id).into_iter().next()
}

/// `GET /settings/pipelines`.
pub fn index_pipelines(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.pipelines, call, |pipeline| render(state, pipeline))
}

/// `GET /settings/pipelines/{id}`.
pub fn show_pipeline(state: &mut State, call: &Call<'_>) -> Outcome {
    let pipeline = state.pipelines.get(call.id).ok_or(Failure::Null("id"))?;
    Ok(Answer::data(render(state, pipeline)))
}

/// `POST /settings/pipelines` with `stages` as a list or as a map of whatever keys.
pub fn store_pipeline(state: &mut State, call: &Call<'_>) -> Outcome {
    rules::require(call, &["name", "rotten_days"])?;
    let pipeline = Pipeline {
        id: state.pipelines.take_id(),
        name: call.set("name").and_then(php::text).unwrap_or_default(),
        is_default: call.request.input.contains_key("is_default"),
        rotten_days: call.set("rotten_days").map_or(0, php::integer),
        created_at: call.now,
    };
    let id = pipeline.id;
    state.pipelines.insert(pipeline);
    let stages: Vec<&Value> = match call.set("stages") {
        Some(Value::Array(stages)) => stages.iter().collect(),
        Some(Value::Object(stages)) => stages.values().collect(),
        _ => Vec::new(),
    };
    for (n, stage) in (1..).zip(stages) {
        let text = |name: &str| php::text(&stage[name]).unwrap_or_default();
        let row = Stage {
            id: state.stages.take_id(),
            code: text("code"),
            name: text("name"),
            probability: php::integer(&stage["probability"]),
            sort_order: stage.get("sort_order").map_or(n, php::integer),
            pipeline_id: id,
        };
        state.stages.insert(row);
    }
    let data = state
        .pipelines
        .get(id)
        .map(|pipeline| render(state, pipeline));
    Ok(Answer::written(
        data.unwrap_or_default(),
        "Pipeline created successfully.",
    ))
}

/// `GET /settings/sources`.
pub fn index_sources(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.sources, call, render_named)
}

/// `GET /settings/sources/{id}`.
pub fn show_source(state: &mut State, call: &Call<'_>) -> Outcome {
    show_named(&state.sources, call)
}

/// `POST /settings/sources`.
pub fn store_source(state: &mut State, call: &Call<'_>) -> Outcome {
    store_named(&mut state.sources, call, "Source created successfully.")
}

/// `GET /settings/types`.
pub fn index_types(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.types, call, render_named)
}

/// `GET /settings/types/{id}`.
pub fn show_type(state: &mut State, call: &Call<'_>) -> Outcome {
    show_named(&state.types, call)
}

/// `POST /settings/types`.
pub fn store_type(state: &mut State, call: &Call<'_>) -> Outcome {
    store_named(&mut state.types, call, "Type created successfully.")
}

fn show_named(table: &Table<Named>, call: &Call<'_>) -> Outcome {
    let row = table.get(call.id).ok_or(Failure::Null("id"))?;
    Ok(Answer::data(render_named(row)))
}

fn store_named(table: &mut Table<Named>, call: &Call<'_>, message: &str) -> Outcome {
    rules::require(call, &["name"])?;
    let name = call.set("name").and_then(php::text).unwrap_or_default();
    if table.rows().any(|row| row.name.eq_ignore_ascii_case(&name)) {
        return Err(Failure::invalid("name", "The name has already been taken."));
    }
    let row = Named {
        id: table.take_id(),
        name,
        created_at: call.now,
    };
    let data = render_named(&row);
    table.insert(row);
    Ok(Answer::written(data, message))
}

fn render(state: &State, pipeline: &Pipeline) -> Value {
    let at = php::iso(pipeline.created_at);
    let stages: Vec<_> = stages(state, pipeline.id)
        .into_iter()
        .map(|stage| stage.render(None))
        .collect();
    json!({
        "id": pipeline.id, "name": pipeline.name, "is_default": i32::from(pipeline.is_default),
        "rotten_days": pipeline.rotten_days, "stages": stages, "created_at": at, "updated_at": at,
    })
}

fn render_named(row: &Named) -> Value {
    let at = php::iso(row.created_at);
    json!({ "id": row.id, "name": row.name, "created_at": at, "updated_at": at })
}
