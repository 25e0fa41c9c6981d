//! Making, changing and deleting activities, with the traps of facts §9: what fails after the insert leaves an
//! orphan behind, a link goes to one record only, a meeting that overlaps is a redirect.

use serde_json::Value;

use super::super::answer::Answer;
use super::super::error::Failure;
use super::super::php;
use super::super::rules;
use super::super::state::{Call, Outcome, State, Subject, indices, key};
use super::{Activity, MODEL, render};

/// The types that the rest-api of 2026 knows.
const TYPES: [&str; 6] = ["call", "meeting", "lunch", "note", "file", "email"];

/// `POST /activities`.
pub fn store(state: &mut State, call: &Call<'_>) -> Outcome {
    check(state, call)?;
    let kind = call.set("type").and_then(php::text).unwrap_or_default();
    if kind == "meeting" && is_overlapping(state, call) {
        return Err(Failure::Overlap);
    }
    let mut row = Activity::new(0, &kind, None, call.now);
    apply(&mut row, call)?;
    row.is_done = i64::from(kind == "note");
    row.user_id = Some(call.user);
    row.id = state.activities.take_id();
    let id = row.id;
    state.activities.insert(row);
    if call.set("file").is_some() {
        return Err(Failure::php(
            "Call to a member function getClientOriginalName() on string",
        ));
    }
    if let Some(participants) = call.set("participants") {
        invite(state, id, participants)?;
    }
    link(state, call, id)?;
    let row = state.activities.get(id).ok_or(Failure::Null("id"))?;
    Ok(Answer::written(
        render(state, call, row),
        "Activity created successfully.",
    ))
}

/// `PUT /activities/{id}`: nothing is validated.
pub fn update(state: &mut State, call: &Call<'_>) -> Outcome {
    if call.is_new() {
        known_lead(state, call)?;
        known_participants(state, call)?;
    }
    let before = state.activities.get(call.id);
    let before = before
        .ok_or_else(|| Failure::not_found(MODEL, call.id))?
        .clone();
    let mut row = before.clone();
    apply(&mut row, call)?;
    if row.user_id.is_some_and(|user| !state.users.contains(user)) {
        return Err(Failure::foreign_key("activities", "user_id"));
    }
    if row != before {
        row.updated_at = call.now;
    }
    state.activities.edit(call.id, |old| *old = row);
    if let Some(participants) = call.set("participants") {
        state.activities.edit(call.id, |row| {
            row.users.clear();
            row.persons.clear();
        });
        invite(state, call.id, participants)?;
    }
    link(state, call, call.id)?;
    let row = state.activities.get(call.id).ok_or(Failure::Null("id"))?;
    Ok(Answer::written(
        render(state, call, row),
        "Activity updated successfully.",
    ))
}

/// `DELETE /activities/{id}`.
pub fn destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    if !state.remove_activity(call.id) {
        return Err(Failure::not_found(MODEL, call.id));
    }
    Ok(Answer::message("Activity deleted successfully."))
}

/// `POST /activities/mass-destroy`.
pub fn mass_destroy(state: &mut State, call: &Call<'_>) -> Outcome {
    for id in indices(call)? {
        state.remove_activity(id);
    }
    Ok(Answer::message("Activity deleted successfully."))
}

fn check(state: &State, call: &Call<'_>) -> Result<(), Failure> {
    let is_blank = |field: &str| php::is_blank(call.request.input.get(field));
    let kind = call.set("type").and_then(php::text).unwrap_or_default();
    let mut errors = Vec::new();
    let mut refuse = |field: &str, message: String| errors.push((field.to_owned(), message));
    if kind.is_empty() {
        refuse("type", rules::required("type"));
    } else if call.is_new() && !TYPES.contains(&kind.as_str()) {
        refuse("type", "The selected type is invalid.".to_owned());
    }
    if kind == "note" && is_blank("comment") {
        refuse(
            "comment",
            "The comment field is required when type is note.".to_owned(),
        );
    }
    for (field, name) in [
        ("schedule_from", "schedule from"),
        ("schedule_to", "schedule to"),
    ] {
        if !matches!(kind.as_str(), "note" | "file") && is_blank(field) {
            refuse(
                field,
                format!("The {name} field is required unless type is in note, file."),
            );
        }
    }
    if kind == "file" && is_blank("file") {
        refuse(
            "file",
            "The file field is required when type is file.".to_owned(),
        );
    }
    rules::finish(errors)?;
    if call.is_new() {
        known_participants(state, call)
    } else {
        Ok(())
    }
}

/// Sets the columns that the input names.
fn apply(row: &mut Activity, call: &Call<'_>) -> Result<(), Failure> {
    for (column, value) in &call.request.input {
        let text = || php::text(value);
        match column.as_str() {
            "title" => row.title = text().map(|title| php::truncate_chars(title, 255)),
            "type" => row.kind = text().unwrap_or_default(),
            "comment" => row.comment = text().map(|comment| php::truncate_bytes(comment, 65_535)),
            "additional" => row.additional = additional(value)?,
            "schedule_from" => row.schedule_from = time(value)?,
            "schedule_to" => row.schedule_to = time(value)?,
            "is_done" => row.is_done = php::integer(value),
            "user_id" => row.user_id = (!value.is_null()).then(|| key(value)),
            "location" => row.location = text().map(|place| php::truncate_chars(place, 255)),
            _ => {}
        }
    }
    Ok(())
}

/// A text that the JSON column takes; an object is not sent on as JSON but as an array, which is no text.
fn additional(value: &Value) -> Result<Option<String>, Failure> {
    match value {
        Value::Null => Ok(None),
        Value::Array(_) | Value::Object(_) => Err(Failure::php("Array to string conversion")),
        scalar => {
            let text = php::text(scalar).unwrap_or_default();
            if serde_json::from_str::<Value>(&text).is_err() {
                return Err(Failure::sql(
                    "SQLSTATE[23000]: Integrity constraint violation: 4025 CONSTRAINT \
                     `activities.additional` failed for `krayin`.`activities`",
                ));
            }
            Ok(Some(text))
        }
    }
}

fn time(value: &Value) -> Result<Option<gladhand_core::clock::Timestamp>, Failure> {
    let Some(text) = php::text(value).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    php::naive_time(&text)
        .map(Some)
        .ok_or_else(|| Failure::Broken {
            exception: "Carbon\\Exceptions\\InvalidFormatException",
            message: format!("Could not parse '{text}': Failed to parse time string ({text})"),
        })
}

/// Whether anything that its participants have planned touches the time that the request asks for. Without
/// participants, whether anybody has.
fn is_overlapping(state: &State, call: &Call<'_>) -> bool {
    let at = |field: &str| {
        call.set(field)
            .and_then(php::text)
            .and_then(|text| php::naive_time(&text))
    };
    let (Some(from), Some(to)) = (at("schedule_from"), at("schedule_to")) else {
        return false;
    };
    let asked = call.set("participants");
    let ids = |kind: &str| {
        asked
            .and_then(|asked| asked.get(kind))
            .map(|_| list(asked, kind))
    };
    let (users, persons) = (ids("users"), ids("persons"));
    state.activities.rows().any(|row| {
        let (Some(begins), Some(ends)) = (row.schedule_from, row.schedule_to) else {
            return false;
        };
        let is_touching = begins <= from && ends >= from || begins >= from && begins <= to;
        let takes_part = |wanted: &Option<Vec<u32>>, has: &[u32]| {
            wanted
                .as_ref()
                .is_some_and(|wanted| has.iter().any(|id| wanted.contains(id)))
        };
        let is_anybody = users.is_none() && persons.is_none();
        is_touching
            && (is_anybody || takes_part(&users, &row.users) || takes_part(&persons, &row.persons))
    })
}

/// Adds participants one by one; the first that does not exist ends it.
fn invite(state: &mut State, id: u32, participants: &Value) -> Result<(), Failure> {
    for user in list(Some(participants), "users") {
        if !state.users.contains(user) {
            return Err(Failure::foreign_key("activity_participants", "user_id"));
        }
        state.activities.edit(id, |row| row.users.push(user));
    }
    for person in list(Some(participants), "persons") {
        if !state.persons.contains(person) {
            return Err(Failure::foreign_key("activity_participants", "person_id"));
        }
        state.activities.edit(id, |row| row.persons.push(person));
    }
    Ok(())
}

/// Links the lead, or where none is named the person.
fn link(state: &mut State, call: &Call<'_>, id: u32) -> Result<(), Failure> {
    let is_named = |field: &str| !php::is_empty(call.set(field));
    let subject = if is_named("lead_id") {
        let lead = call.id_in("lead_id");
        state.leads.contains(lead).then_some(Subject::Lead(lead))
    } else if is_named("person_id") {
        let person = call.id_in("person_id");
        state
            .persons
            .contains(person)
            .then_some(Subject::Person(person))
    } else {
        return Ok(());
    };
    state.link(subject.ok_or(Failure::Null("activities"))?, id);
    Ok(())
}

fn known_lead(state: &State, call: &Call<'_>) -> Result<(), Failure> {
    if call
        .set("lead_id")
        .is_some_and(|lead| !state.leads.contains(key(lead)))
    {
        return Err(Failure::invalid(
            "lead_id",
            "The selected lead id is invalid.",
        ));
    }
    Ok(())
}

fn known_participants(state: &State, call: &Call<'_>) -> Result<(), Failure> {
    let mut errors = Vec::new();
    let mut refuse = |field: String| {
        errors.push((field.clone(), format!("The selected {field} is invalid.")));
    };
    for (n, user) in list(call.set("participants"), "users")
        .into_iter()
        .enumerate()
    {
        if !state.users.contains(user) {
            refuse(format!("participants.users.{n}"));
        }
    }
    for (n, person) in list(call.set("participants"), "persons")
        .into_iter()
        .enumerate()
    {
        if !state.persons.contains(person) {
            refuse(format!("participants.persons.{n}"));
        }
    }
    rules::finish(errors)
}

fn list(participants: Option<&Value>, kind: &str) -> Vec<u32> {
    let ids = participants.and_then(|participants| participants.get(kind)?.as_array());
    ids.into_iter().flatten().map(key).collect()
}
