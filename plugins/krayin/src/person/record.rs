//! Reading and writing a person that is there, and what Krayin's refusals mean then.

use gladhand_sdk::{Failure, FailureKind, log};
use serde_json::{Map, Value};

use super::{OBJECT, search};
use crate::error::Error;
use crate::merge;
use crate::organization;
use crate::visit::Visit;

/// The whole record with what the person's own address leaves out: the owner, the organisation, custom attributes.
pub fn read(visit: &Visit<'_>, id: &str) -> Result<Value, Error> {
    let client = &visit.client;
    let request = client
        .get("settings/attributes/lookup-entity/persons")
        .query("query", id);
    match client.send(&request) {
        Ok(mut answer) => {
            let record = match answer.get_mut("data") {
                Some(data) => data.take(),
                None => answer,
            };
            if record["id"].is_null() {
                return Err(gone(id));
            }
            Ok(record)
        }
        Err(Error::NotFound(_)) => Err(gone(id)),
        Err(error @ Error::Broken(_)) => match client.holds("contacts/persons", id) {
            Ok(false) => Err(gone(id)),
            Ok(true) | Err(_) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Writes a merged body; false where Krayin already says the same and nothing is sent.
pub fn write(
    visit: &Visit<'_>,
    id: &str,
    current: &Value,
    mut body: Map<String, Value>,
    organization: Option<&str>,
) -> Result<bool, Error> {
    for _ in 0..2 {
        if merge::is_unchanged(current, &body) {
            return Ok(false);
        }
        let request = visit
            .client
            .put(&format!("contacts/persons/{id}"))
            .json(&Value::Object(body.clone()))
            .set(format!("person/{id}"));
        match visit.client.send(&request) {
            Ok(_) => return Ok(true),
            Err(Error::NotFound(_)) => return Err(gone(id)),
            Err(error) if error.refuses("contact_numbers") => {
                log::warn(
                    "another person has the contact's phone number, so it is left off",
                    &[("person", id)],
                );
                merge::keep_phones(current, &mut body);
            }
            Err(error) if error.refuses("emails") => return Err(conflict(visit, id, error)),
            Err(error) => return Err(organization::explain(&visit.client, error, organization)),
        }
    }
    Err(Error::Failed(Failure::new(
        FailureKind::Invalid,
        format!(
            "Krayin refuses the phone numbers that person {id} already has: correct them there"
        ),
    )))
}

/// Krayin refuses an address: because another person has it, or because of what it is.
fn conflict(visit: &Visit<'_>, id: &str, error: Error) -> Error {
    let Some(email) = &visit.wanted.email else {
        return error;
    };
    match search::find_by_email(&visit.client, email) {
        Ok(Some(other)) if other != id => Error::Failed(Failure::new(
            FailureKind::Conflict,
            format!(
                "person {other} has the e-mail address that the contact of person {id} now has: merge the two in Krayin, then retry"
            ),
        )),
        Ok(_) => error,
        Err(error) => error,
    }
}

fn gone(id: &str) -> Error {
    Error::Gone {
        object: OBJECT,
        id: id.to_owned(),
    }
}
