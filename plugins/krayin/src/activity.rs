//! Activities: one per conversation, and one note per message where the settings want them.
//!
//! Found again by their title, which carries the source's id of what they are about.

use std::rc::Rc;

use gladhand_sdk::create::{self, Look};
use gladhand_sdk::links::{self, Entity, Link};
use gladhand_sdk::{Action, Conversation, EventKind, Message, create_once};
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::error::Error;
use crate::lead;
use crate::mapping::Note;
use crate::merge::number;
use crate::model::{self, Activity, Named};
use crate::person;
use crate::visit::Visit;

pub const OBJECT: &str = "activity";

/// The activity of a conversation, on the lead and on the person, open or done as the conversation is.
pub fn of_conversation(
    visit: &mut Visit<'_>,
    kind: &EventKind,
    conversation: &Conversation,
    person: &person::Known,
    lead: &str,
) -> Result<(), Error> {
    let note = Note::of_conversation(visit.connection, conversation);
    let entity = Entity::conversation(&conversation.id);
    let id = if let Some(link) = links::get(&entity, OBJECT) {
        link.remote_id
    } else {
        let key = visit.activity_key("conversation", &conversation.id);
        let id = resolve(visit, key, &note, person.is_new, lead)?;
        // Krayin takes one of lead and person at a time; the other one is added afterwards.
        change(
            visit,
            &id,
            "person",
            &json!({"person_id": number(&person.id)}),
        )?;
        // Linked last, so that a retry comes back here until both are.
        links::put(&entity, &Link::new(OBJECT, &id));
        id
    };
    let done = match kind {
        EventKind::ConversationResolved => 1,
        EventKind::ConversationReopened => 0,
        _ => return Ok(()),
    };
    if note.can_be_done() {
        change(visit, &id, "done", &json!({"is_done": done}))?;
        visit.note(OBJECT, &id, Action::Updated);
    }
    Ok(())
}

/// The note of a message, on the lead alone: one more call per message is too much of sixty per minute.
pub fn of_message(
    visit: &mut Visit<'_>,
    message: &Message,
    person: &person::Known,
    lead: &str,
) -> Result<(), Error> {
    let entity = Entity::message(&message.id);
    if message.private || links::get(&entity, OBJECT).is_some() {
        return Ok(());
    }
    let Some(note) = Note::of_message(visit.connection, message) else {
        return Ok(());
    };
    let key = visit.activity_key("message", &message.id);
    let id = resolve(visit, key, &note, person.is_new, lead)?;
    links::put(&entity, &Link::new(OBJECT, &id));
    Ok(())
}

/// Creates the activity, or finds the one that an unanswered create or an earlier installation left.
fn resolve(
    visit: &mut Visit<'_>,
    key: String,
    note: &Note,
    is_new: bool,
    lead: &str,
) -> Result<String, Error> {
    visit.lock()?;
    let client = Rc::clone(&visit.client);
    let made = create_once(
        &[key],
        |look| match look {
            // A person that this delivery made has no activity yet; any other may have one that this database
            // does not know.
            Look::First if is_new => Ok(None),
            Look::First | Look::InDoubt => Ok(find(&client, &note.title)?),
        },
        |keys| create(&client, note, lead, keys),
    )?;
    let id = made.id().to_owned();
    if made.is_created() {
        visit.note(OBJECT, &id, Action::Created);
    } else {
        // Krayin keeps an activity whose lead it could not find: the found one may hang on nothing.
        change(visit, &id, "lead", &json!({"lead_id": number(lead)}))?;
        visit.note(OBJECT, &id, Action::Linked);
    }
    Ok(id)
}

fn find(client: &Client, title: &str) -> Result<Option<String>, Error> {
    let request = client
        .get("activities")
        .query("title", title)
        .query("pagination", "0");
    let found: Vec<Activity> = model::data(client.send(&request)?)?;
    Ok(found
        .into_iter()
        .find(|activity| {
            activity.title.as_deref() == Some(title) && activity.kind.as_deref() != Some("system")
        })
        .map(|activity| activity.id))
}

fn create(
    client: &Client,
    note: &Note,
    lead: &str,
    keys: &[String],
) -> Result<String, create::Error> {
    let mut body = Map::new();
    let fields = [
        ("type", json!(note.kind)),
        ("title", json!(note.title)),
        ("comment", json!(note.comment)),
        ("lead_id", number(lead)),
    ];
    body.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    if let Some(at) = &note.at {
        // How long it will take nobody knows yet.
        body.insert("schedule_from".to_owned(), json!(at));
        body.insert("schedule_to".to_owned(), json!(at));
    }
    let request = client
        .post("activities")
        .json(&Value::Object(body))
        .once(keys);
    match client.send(&request) {
        Ok(answer) => Ok(model::data::<Named>(answer)?.id),
        Err(error) => Err(lead::explain(client, error, lead).into()),
    }
}

fn change(visit: &Visit<'_>, id: &str, what: &str, body: &Value) -> Result<(), Error> {
    let request = visit
        .client
        .put(&format!("activities/{id}"))
        .json(body)
        .set(format!("activity/{id}/{what}"));
    match visit.client.send(&request) {
        Ok(_) => Ok(()),
        Err(Error::NotFound(_)) => Err(Error::Gone {
            object: OBJECT,
            id: id.to_owned(),
        }),
        Err(error) => Err(error),
    }
}
