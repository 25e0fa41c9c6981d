//! Persons: which one a contact is, and keeping it in step without losing what others wrote.
//!
//! Order of proof: the link, the e-mail address, the phone number. A person that is found is adopted, and not overwritten;
//! one that an unanswered create of this contact left (`draft`) is updated as if the answer had come. So a digest is
//! remembered only of a person that holds no older word of the contact. How bodies are merged is in `merge`.

mod draft;

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

pub use draft::Draft;

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
    let (link, is_new) = match visit.person_link() {
        Some(link) => (link, false),
        None => resolve(visit)?,
    };
    match &link.digest {
        Some(digest) if *digest == visit.wanted.digest() => {}
        Some(_) => update(visit, &link)?,
        // Found, or linked by a conversation or an import, and never written.
        None => adopt(visit, &link.remote_id)?,
    }
    Ok(Known {
        id: link.remote_id,
        is_new,
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
    let (link, is_new) = resolve(visit)?;
    let id = link.remote_id;
    if !is_new {
        visit.note(OBJECT, &id, Action::Linked);
    }
    Ok(Known { id, is_new })
}

/// Finds the person, or creates it, and links it; whether it was created.
fn resolve(visit: &mut Visit<'_>) -> Result<(Link, bool), Error> {
    visit.lock()?;
    let client = Rc::clone(&visit.client);
    let wanted = visit.wanted.clone();
    let draft = visit.draft.clone();
    let made = create_once(
        &visit.person_keys(),
        |look| Ok(search::find(&client, &wanted, draft.as_ref(), look)?),
        |keys| create(visit, keys),
    )?;
    let id = made.id();
    let link = if made.is_created() {
        visit.note(OBJECT, id, Action::Created);
        remember(visit, id, &Written::default())
    } else {
        let link = match &draft {
            Some(draft) => draft.link(id, &record::read(visit, id)?),
            None => None,
        };
        // Without a digest, so that the contact's next own event looks at it.
        let link = link.unwrap_or_else(|| Link::new(OBJECT, id));
        links::put(&Entity::contact(&visit.contact.id), &link);
        link
    };
    // Looked for and locked for the sake of the draft; whose they are now, only a look can say.
    let drafted = draft.iter().flat_map(|draft| draft.written.identities());
    for old in drafted.filter(|old| !wanted.identities().contains(old)) {
        links::remove(&Entity::identity(old), OBJECT);
    }
    Draft::remove(visit.contact);
    Ok((link, made.is_created()))
}

fn create(visit: &mut Visit<'_>, keys: &[String]) -> Result<String, create::Error> {
    let organization = organization::known(visit)?;
    let body = merge::create(&visit.wanted, organization.as_deref());
    let draft = Draft::of(&visit.wanted, &body);
    // That of an earlier create stays while the host has that one in doubt: then nothing is sent now.
    if visit.draft.take().is_none() {
        draft.put(visit.contact);
    }
    let client = &visit.client;
    let request = client.post("contacts/persons").json(&body).once(keys);
    let error = match client.send(&request) {
        Ok(answer) => return Ok(model::data::<Named>(answer)?.id),
        Err(error) => error,
    };
    match &error {
        Error::InDoubt => {}
        refusal if refusal.is_refusal() => Draft::remove(visit.contact),
        _ => draft.put(visit.contact),
    }
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
    } else if link.digest.as_deref() == Some(draft::NOT_COMPARED) {
        visit.note(OBJECT, id, Action::Linked);
    }
    remember(visit, id, &written);
    Ok(())
}

/// Links the contact and every identity to the person, and drops the identities that were taken off it.
fn remember(visit: &Visit<'_>, id: &str, before: &Written) -> Link {
    let link = Link {
        digest: Some(visit.wanted.digest()),
        url: Some(visit.client.page(&format!("contacts/persons/view/{id}"))),
        attributes: Written::of(&visit.wanted).attributes(),
        ..Link::new(OBJECT, id)
    };
    links::put(&Entity::contact(&visit.contact.id), &link);
    let identities = visit.wanted.identities();
    for old in before.identities() {
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
    link
}
