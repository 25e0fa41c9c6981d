//! What a create of the contact's person sends, noted so that the host commits it together with the create's intent.
//!
//! The answer may be lost, and the contact may have changed before a retry finds a person. If that person still has the
//! name and the address of the draft, it is the contact's own, and is changed as if the create had been answered; any
//! other was written or edited by somebody else. A draft alone proves nothing: in doubt the host sends nothing.

use gladhand_sdk::Contact;
use gladhand_sdk::links::{self, Entity, Link};
use serde_json::Value;

use crate::mapping::Wanted;
use crate::merge::{self, Written};

/// A link that leads nowhere: nothing of it is in Krayin as far as anybody knows.
const OBJECT: &str = "person-draft";

const NAME: &str = "name";

/// The digest of a person that may lack what the contact says (an answer of 500 may be of half a write): equals none.
pub const NOT_COMPARED: &str = "";

/// What a create without a known answer has sent, or would have.
#[derive(Debug, Clone)]
pub struct Draft {
    name: Value,
    pub written: Written,
}

impl Draft {
    /// What a create with this body sends.
    pub fn of(wanted: &Wanted, body: &Value) -> Self {
        Self {
            name: body[NAME].clone(),
            written: Written::of(wanted),
        }
    }

    /// The one that an earlier attempt left.
    pub fn read(contact: &Contact) -> Option<Self> {
        let link = links::get(&Entity::contact(&contact.id), OBJECT)?;
        Some(Self {
            name: link.attributes.get(NAME).cloned().unwrap_or_default(),
            written: Written::read(&link.attributes),
        })
    }

    /// Notes it, in place of an earlier one.
    pub fn put(&self, contact: &Contact) {
        let mut link = Link::new(OBJECT, "");
        link.attributes = self.written.clone().attributes();
        link.attributes.insert(NAME.to_owned(), self.name.clone());
        links::put(&Entity::contact(&contact.id), &link);
    }

    /// The person is known, or nothing of it was written.
    pub fn remove(contact: &Contact) {
        links::remove(&Entity::contact(&contact.id), OBJECT);
    }

    /// The link to person `id` as an answered create would have left it; none where it is somebody else's.
    pub fn link(&self, id: &str, current: &Value) -> Option<Link> {
        let is_own = current[NAME] == self.name && merge::has_email(current, &self.written);
        let mut written = self.written.clone();
        // Half a write, or a namesake's: the company is still to be brought in.
        if current["organization_id"].is_null() {
            written.organization = None;
        }
        is_own.then(|| Link {
            digest: Some(NOT_COMPARED.to_owned()),
            attributes: written.attributes(),
            ..Link::new(super::OBJECT, id)
        })
    }
}
