//! Persons: which one a contact is, and keeping it in step without losing what others wrote.
//!
//! Order of proof: the link, the e-mail address, the phone number. How bodies are merged is in `merge`.

mod search;

mod record;

use std::rc::Rc;

use gladhand_sdk::create;
use gladhand_sdk::links::{self, Entity, Link};
use gladhand_sdk::{Action, create_once};

use crate::error::Error;
use crate::merge::{self, Written};
use crate::model::{self, Named};
use crate::organization;
use crate::visit::Visit;

pub const OBJECT: &str = "person";

/// The person that the contact is.
#[derive(Debug, Clone)]
pub struct Known {
    pub id: String,
    /// Made by this delivery: nothing of it can be in Krayin yet.
    pub is_new: bool,
}

/// The person, brought up to date with the contact. An unchanged one costs no call.
pub fn sync(visit: &mut Visit<'_>) -> Result<Known, Error> {
    let Some(link) = visit.person_link() else {
        let known = resolve(visit)?;
        if !known.is_new {
            adopt(visit, &known.id)?;
        }
        return Ok(known);
    };
    match &link.digest {
        Some(digest) if *digest == visit.wanted.digest() => {}
        Some(_) => update(visit, &link)?,
        // Linked by a conversation or an import, and never written.
        None => adopt(visit, &link.remote_id)?,
    }
    Ok(Known {
        id: link.remote_id,
        is_new: false,
    })
}

/// The person, created where it is not there, and never changed: the contact inside another event may be old.
pub fn known(visit: &mut Visit<'_>) -> Result<Known, Error> {
    if let Some(link) = visit.person_link() {
        return Ok(Known {
            id: link.remote_id,
            is_new: false,
        });
    }
    let known = resolve(visit)?;
    if !known.is_new {
        // Without a digest, so that the contact's next own event looks at it.
        links::put(
            &Entity::contact(&visit.contact.id),
            &Link::new(OBJECT, &known.id),
        );
        visit.note(OBJECT, &known.id, Action::Linked);
    }
    Ok(known)
}

/// Finds the person, or creates and links it.
fn resolve(visit: &mut Visit<'_>) -> Result<Known, Error> {
    visit.lock()?;
    let client = Rc::clone(&visit.client);
    let wanted = visit.wanted.clone();
    let made = create_once(
        &visit.person_keys(),
        |look| Ok(search::find(&client, &wanted, look)?),
        |keys| create(visit, keys),
    )?;
    let known = Known {
        id: made.id().to_owned(),
        is_new: made.is_created(),
    };
    if known.is_new {
        remember(visit, &known.id, &Written::default());
        visit.note(OBJECT, &known.id, Action::Created);
    }
    Ok(known)
}

fn create(visit: &mut Visit<'_>, keys: &[String]) -> Result<String, create::Error> {
    let organization = organization::known(visit)?;
    let client = &visit.client;
    let request = client
        .post("contacts/persons")
        .json(&merge::create(&visit.wanted, organization.as_deref()))
        .once(keys);
    let error = match client.send(&request) {
        Ok(answer) => return Ok(model::data::<Named>(answer)?.id),
        Err(error) => error,
    };
    let taken = match (&visit.wanted.email, &visit.wanted.phone) {
        (Some(email), _) if error.refuses("emails") => search::find_by_email(client, email)?,
        (_, Some(phone)) if error.refuses("contact_numbers") => {
            search::find_by_phone(client, phone)?
        }
        _ => None,
    };
    match taken {
        Some(id) => Err(create::Error::Exists(id)),
        None => Err(organization::explain(client, error, organization.as_deref()).into()),
    }
}

/// Makes a person that somebody else wrote the contact's own: fills in what is missing, overwrites nothing.
fn adopt(visit: &mut Visit<'_>, id: &str) -> Result<(), Error> {
    let current = record::read(visit, id)?;
    let organization = if current["organization_id"].is_null() {
        organization::known(visit)?
    } else {
        None
    };
    let body = merge::adopt(&current, &visit.wanted, organization.as_deref());
    let is_written = record::write(visit, id, &current, body, organization.as_deref())?;
    remember(visit, id, &Written::default());
    let action = if is_written {
        Action::Updated
    } else {
        Action::Linked
    };
    visit.note(OBJECT, id, action);
    Ok(())
}

/// Brings what the contact changed into its person.
fn update(visit: &mut Visit<'_>, link: &Link) -> Result<(), Error> {
    let id = &link.remote_id;
    let written = Written::read(&link.attributes);
    let current = record::read(visit, id)?;
    // The company stayed: whatever organisation the person is in by now is somebody's choice.
    let organization = if visit.wanted.organization == written.organization {
        None
    } else {
        organization::known(visit)?
    };
    let body = merge::update(&current, &visit.wanted, &written, organization.as_deref());
    if record::write(visit, id, &current, body, organization.as_deref())? {
        visit.note(OBJECT, id, Action::Updated);
    }
    remember(visit, id, &written);
    Ok(())
}

/// Links the contact and every identity to the person, and drops the identities that were taken off it.
fn remember(visit: &Visit<'_>, id: &str, before: &Written) {
    let link = Link {
        digest: Some(visit.wanted.digest()),
        url: Some(visit.client.page(&format!("contacts/persons/view/{id}"))),
        attributes: Written::of(&visit.wanted).attributes(),
        ..Link::new(OBJECT, id)
    };
    links::put(&Entity::contact(&visit.contact.id), &link);
    let identities = visit.wanted.identities();
    let email = before.email.iter().map(|email| format!("email:{email}"));
    let phone = before.phone.iter().map(|phone| format!("phone:{phone}"));
    for old in email.chain(phone) {
        // An identity that the contact only lost is still on the person, and `merge` replaced it only by another.
        let is_replaced = identities
            .iter()
            .any(|new| *new != old && new.split(':').next() == old.split(':').next());
        if is_replaced {
            links::remove(&Entity::identity(old), OBJECT);
        }
    }
    for identity in identities {
        let entity = Entity::identity(identity);
        if links::get(&entity, OBJECT).is_none_or(|link| link.remote_id != id) {
            links::put(&entity, &Link::new(OBJECT, id));
        }
    }
}
