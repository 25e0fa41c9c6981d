//! Organisations: found by their exact name, commas and all, or created once.

use gladhand_sdk::create::{self, Look, Made};
use gladhand_sdk::{Action, create_once};
use serde_json::json;

use crate::client::Client;
use crate::error::Error;
use crate::model::{self, Named};
use crate::visit::Visit;

pub const OBJECT: &str = "organization";

/// The organisation of the contact's company; `None` where it has none or none is wanted.
pub fn known(visit: &mut Visit<'_>) -> Result<Option<String>, Error> {
    let (Some(name), Some(key)) = (visit.wanted.organization.clone(), visit.organization_key())
    else {
        return Ok(None);
    };
    visit.lock()?;
    let client = &*visit.client;
    let made = create_once(
        &[key],
        |_: Look| Ok(find(client, &name)?),
        |keys| {
            let request = client
                .post("contacts/organizations")
                .json(&json!({"name": name}))
                .once(keys);
            match client.send(&request) {
                Ok(answer) => Ok(model::data::<Named>(answer)?.id),
                Err(error) if error.refuses("name") => match find_like(client, &name)? {
                    Some(id) => Err(create::Error::Exists(id)),
                    None => Err(error.into()),
                },
                Err(error) => Err(error.into()),
            }
        },
    )?;
    if let Made::Created(id) = &made {
        visit.note(OBJECT, id, Action::Created);
    }
    Ok(Some(made.id().to_owned()))
}

/// Krayin's filter splits values at commas, so names with one are looked for in another way.
fn find(client: &Client, name: &str) -> Result<Option<String>, Error> {
    if name.contains(',') {
        return find_like(client, name);
    }
    let request = client
        .get("contacts/organizations")
        .query("name", name)
        .query("pagination", "0");
    let found: Vec<Named> = model::data(client.send(&request)?)?;
    Ok(pick(&found, name))
}

/// `name LIKE %…%`: more than is asked for, and commas do not matter.
fn find_like(client: &Client, name: &str) -> Result<Option<String>, Error> {
    let request = client
        .get("settings/attributes/lookup/organizations")
        .query("query", name);
    let found: Vec<Named> = model::data(client.send(&request)?)?;
    Ok(pick(&found, name))
}

/// The one of exactly this name, else of this name in another case, which Krayin counts as the same.
fn pick(found: &[Named], name: &str) -> Option<String> {
    let is = |organization: &&Named| organization.name.as_deref() == Some(name);
    let is_like = |organization: &&Named| {
        organization
            .name
            .as_deref()
            .is_some_and(|own| own.trim().to_lowercase() == name.to_lowercase())
    };
    let exact = found.iter().find(is);
    exact
        .or_else(|| found.iter().find(is_like))
        .map(|organization| organization.id.clone())
}

/// Krayin answers a bare 500 where the organisation of a person is not there: what is behind `error`, then.
pub fn explain(client: &Client, error: Error, organization: Option<&str>) -> Error {
    let (Error::Broken(_), Some(id)) = (&error, organization) else {
        return error;
    };
    match client.holds("contacts/organizations", id) {
        Ok(false) => Error::Gone {
            object: OBJECT,
            id: id.to_owned(),
        },
        Ok(true) | Err(_) => error,
    }
}
