//! Leads: one open lead per person and pipeline, and its way through the stages.

use std::rc::Rc;

use gladhand_sdk::create::{self, Look};
use gladhand_sdk::links::{self, Entity, Link};
use gladhand_sdk::{Action, Conversation, create_once, log};
use serde_json::{Map, Value, json};

use crate::catalog::{Target, unfit};
use crate::client::Client;
use crate::error::Error;
use crate::mapping;
use crate::merge::number;
use crate::model::{self, Lead, Pipeline, Stage};
use crate::person;
use crate::visit::Visit;

pub const OBJECT: &str = "lead";

/// The lead of a contact or conversation.
#[derive(Debug, Clone)]
pub struct Known {
    pub id: String,
    /// Where it is, as far as Krayin was asked: (pipeline, stage).
    at: Option<(u64, u64)>,
}

/// The contact's lead, made where there is none. Costs no call where it is known.
pub fn known(visit: &mut Visit<'_>, person: &person::Known) -> Result<Known, Error> {
    match links::get(&Entity::contact(&visit.contact.id), OBJECT) {
        Some(link) => Ok(Known {
            id: link.remote_id,
            at: None,
        }),
        None => resolve(visit, person, None),
    }
}

/// The contact's open lead, for a conversation that begins: where the last one is won or lost, a new one.
pub fn open(
    visit: &mut Visit<'_>,
    person: &person::Known,
    conversation: &Conversation,
    stage: Option<u64>,
) -> Result<Known, Error> {
    let contact = Entity::contact(&visit.contact.id);
    let mut lead = None;
    if let Some(link) = links::get(&contact, OBJECT) {
        let current = read(visit, &link.remote_id)?;
        if is_open(visit, &current)? {
            lead = Some(Known {
                id: link.remote_id,
                at: Some((current.pipeline, current.stage)),
            });
        } else {
            links::remove(&contact, OBJECT);
        }
    }
    let lead = match lead {
        Some(lead) => lead,
        None => resolve(visit, person, stage)?,
    };
    links::put(
        &Entity::conversation(&conversation.id),
        &Link::new(OBJECT, &lead.id),
    );
    Ok(lead)
}

/// The lead that a conversation began with, else the contact's.
pub fn of_conversation(
    visit: &mut Visit<'_>,
    person: &person::Known,
    conversation: &Conversation,
) -> Result<Known, Error> {
    match links::get(&Entity::conversation(&conversation.id), OBJECT) {
        Some(link) => Ok(Known {
            id: link.remote_id,
            at: None,
        }),
        None => known(visit, person),
    }
}

/// Moves a lead to `stage`, if that is further along: never back, never out of won or lost, never into another pipeline.
pub fn advance(visit: &mut Visit<'_>, lead: &Known, stage: u64) -> Result<(), Error> {
    let target = visit.target()?;
    let at = match lead.at {
        Some(at) => Ok(at),
        None => read(visit, &lead.id).map(|lead| (lead.pipeline, lead.stage)),
    };
    let (pipeline, current) = at?;
    if pipeline != target.pipeline {
        log::info(
            "the lead was moved to another pipeline and is left there",
            &[],
        );
        return Ok(());
    }
    let client = Rc::clone(&visit.client);
    let pipeline = visit.catalog.pipeline(&client, pipeline)?;
    if !is_further(pipeline, current, stage)? {
        return Ok(());
    }
    let request = client
        .put(&format!("leads/stage/edit/{}", lead.id))
        .json(&json!({"lead_pipeline_stage_id": stage}))
        .set(format!("lead/{}/stage", lead.id));
    match client.send(&request) {
        Ok(_) => {
            visit.note(OBJECT, &lead.id, Action::Updated);
            Ok(())
        }
        Err(Error::NotFound(_)) => Err(gone(&lead.id)),
        Err(error) => Err(error),
    }
}

/// Whether a lead at `current` may go on to `stage`.
fn is_further(pipeline: &Pipeline, current: u64, stage: u64) -> Result<bool, Error> {
    let wanted = pipeline.position(stage).ok_or_else(|| {
        unfit(format!(
            "stage {stage} of the settings is not in pipeline {} ({}): choose one of its stages",
            pipeline.id, pipeline.name
        ))
    })?;
    let is_closed = pipeline.stage(current).is_some_and(Stage::is_closed);
    // A stage that nobody knows yet was made after setup ran: a person put the lead there.
    let position = pipeline.position(current);
    Ok(!is_closed && position.is_some_and(|position| position < wanted))
}

/// Finds the person's open lead, or creates and links one.
fn resolve(
    visit: &mut Visit<'_>,
    person: &person::Known,
    stage: Option<u64>,
) -> Result<Known, Error> {
    let mut target = visit.target()?;
    if let Some(stage) = stage {
        // A new lead may as well begin where the conversation would move it: that is one call less.
        let client = Rc::clone(&visit.client);
        let pipeline = visit.catalog.pipeline(&client, target.pipeline)?;
        if is_further(pipeline, target.stage, stage)? {
            target.stage = stage;
        }
    }
    visit.lock()?;
    let keys = visit.lead_keys()?;
    let client = Rc::clone(&visit.client);
    let body = body(visit, &target, &person.id)?;
    let mut at = None;
    let made = create_once(
        &keys,
        |look| {
            // A person that this delivery made has no lead, unless this delivery made that too.
            if look == Look::First && person.is_new {
                return Ok(None);
            }
            let found = find(visit, target.pipeline, &person.id)?;
            at = found.as_ref().map(|lead| (lead.pipeline, lead.stage));
            Ok(found.map(|lead| lead.id))
        },
        |keys| create(&client, &body, &person.id, keys),
    )?;
    let id = made.id().to_owned();
    let action = if made.is_created() {
        at = Some((target.pipeline, target.stage));
        Action::Created
    } else {
        Action::Linked
    };
    let link = Link {
        url: Some(visit.client.page(&format!("leads/view/{id}"))),
        ..Link::new(OBJECT, &id)
    };
    links::put(&Entity::contact(&visit.contact.id), &link);
    visit.note(OBJECT, &id, action);
    Ok(Known { id, at })
}

/// The newest open lead of the person in the pipeline.
fn find(visit: &mut Visit<'_>, pipeline: u64, person: &str) -> Result<Option<Lead>, Error> {
    let client = Rc::clone(&visit.client);
    let pipeline = visit.catalog.pipeline(&client, pipeline)?;
    let open: Vec<u64> = pipeline
        .stages
        .iter()
        .filter(|stage| !stage.is_closed())
        .map(|stage| stage.id)
        .collect();
    let ids: Vec<String> = open.iter().map(u64::to_string).collect();
    let request = client
        .get("leads")
        .query("person_id", person)
        .query("lead_pipeline_stage_id", ids.join(","))
        .query("pagination", "0");
    let leads: Vec<Lead> = model::data(client.send(&request)?)?;
    // Newer Krayins ignore a filter that they do not know.
    Ok(leads
        .into_iter()
        .filter(|lead| lead.person.as_ref().is_some_and(|own| own.id == person))
        .filter(|lead| open.contains(&lead.stage))
        .max_by_key(|lead| lead.id.parse().unwrap_or(0_u64)))
}

fn create(
    client: &Client,
    body: &Value,
    person: &str,
    keys: &[String],
) -> Result<String, create::Error> {
    let error = match client.send(&client.post("leads").json(body).once(keys)) {
        Ok(answer) => return Ok(model::data::<model::Named>(answer)?.id),
        Err(error) => error,
    };
    if !matches!(error, Error::NotFound(_)) {
        return Err(error.into());
    }
    // Of all that the body names, the person and the stage are answered with 404 where they are not there.
    let error = if client.holds("contacts/persons", person)? {
        unfit(format!(
            "Krayin does not know stage {} of new leads: choose another, or run the connection's check again",
            body["lead_pipeline_stage_id"]
        ))
    } else {
        Error::Gone {
            object: person::OBJECT,
            id: person.to_owned(),
        }
    };
    Err(error.into())
}

/// The body of a new lead. Krayin checks only what is named, so everything that it requires is.
fn body(visit: &Visit<'_>, target: &Target, person: &str) -> Result<Value, Error> {
    let mut body = Map::new();
    let source = visit.connection.external_id(&visit.contact.id);
    let fields = [
        ("title", json!(visit.wanted.display_name())),
        ("description", json!(format!("Chatwoot contact {source}"))),
        ("lead_value", json!(0)),
        ("lead_source_id", json!(target.source)),
        ("lead_type_id", json!(target.lead_type)),
    ];
    body.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    body.extend(mapping::lead_fields(visit.connection, visit.contact)?);
    body.insert("lead_pipeline_id".to_owned(), json!(target.pipeline));
    body.insert("lead_pipeline_stage_id".to_owned(), json!(target.stage));
    body.insert("person".to_owned(), json!({"id": number(person)}));
    Ok(Value::Object(body))
}

fn read(visit: &Visit<'_>, id: &str) -> Result<Lead, Error> {
    let request = visit.client.get(&format!("leads/{id}"));
    match visit.client.send(&request) {
        Ok(answer) => model::data(answer),
        Err(Error::NotFound(_)) => Err(gone(id)),
        Err(error) => Err(error),
    }
}

/// Whether a lead is neither won nor lost, in whatever pipeline people moved it to.
fn is_open(visit: &mut Visit<'_>, lead: &Lead) -> Result<bool, Error> {
    let client = Rc::clone(&visit.client);
    let pipelines = visit.catalog.pipelines(&client)?;
    let mut stages = pipelines.iter().flat_map(|pipeline| &pipeline.stages);
    let stage = stages.find(|stage| stage.id == lead.stage);
    Ok(stage.is_none_or(|stage| !stage.is_closed()))
}

/// A lead that is not there any more, for whoever sent something about it.
pub fn gone(id: &str) -> Error {
    Error::Gone {
        object: OBJECT,
        id: id.to_owned(),
    }
}

/// Krayin answers a bare 500 where an activity's lead is not there, and keeps the activity: what is behind `error`, then.
pub fn explain(client: &Client, error: Error, id: &str) -> Error {
    let Error::Broken(_) = error else {
        return error;
    };
    match client.send(&client.get(&format!("leads/{id}"))) {
        Err(Error::NotFound(_)) => gone(id),
        _ => error,
    }
}
