//! Source id ↔ CRM id, kept by the host. A put is committed together with the answer it follows from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::host;

/// One side of a link: something of the source, or an identity of the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entity {
    /// contact, conversation, message, company, identity
    pub kind: String,
    /// The source's id; of an identity what it can be found by: `email:jane@example.com`.
    pub id: String,
}

impl Entity {
    /// A contact, by the source's id.
    pub fn contact(id: impl Into<String>) -> Self {
        Self::new("contact", id)
    }

    /// A conversation, by the source's id.
    pub fn conversation(id: impl Into<String>) -> Self {
        Self::new("conversation", id)
    }

    /// A message, by the source's id.
    pub fn message(id: impl Into<String>) -> Self {
        Self::new("message", id)
    }

    /// A company, by the source's id or name.
    pub fn company(id: impl Into<String>) -> Self {
        Self::new("company", id)
    }

    /// What a record can be found by: `email:jane@example.com`. Shared by every connection of the account.
    pub fn identity(id: impl Into<String>) -> Self {
        Self::new("identity", id)
    }

    fn new(kind: &str, id: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.into(),
        }
    }
}

/// Which CRM record an entity is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Link {
    /// The CRM's kind of record.
    pub object: String,
    /// Its id there.
    pub remote_id: String,
    /// Of the fields last written, so that an unchanged record costs no call; see [`crate::digest`].
    pub digest: Option<String>,
    /// The CRM's own version of the record, where it has one.
    pub revision: Option<String>,
    /// Where a person opens it.
    pub url: Option<String>,
    /// Everything else.
    pub attributes: Map<String, Value>,
}

impl Link {
    /// A link to record `remote_id` of kind `object`.
    pub fn new(object: impl Into<String>, remote_id: impl Into<String>) -> Self {
        Self {
            object: object.into(),
            remote_id: remote_id.into(),
            ..Self::default()
        }
    }
}

/// The link of one entity to one kind of record.
pub fn get(entity: &Entity, object: &str) -> Option<Link> {
    host::call(|host| host.link_get(entity, object))
}

/// Makes the entity this record; replaces an earlier link of the same object.
pub fn put(entity: &Entity, link: &Link) {
    host::call(|host| host.link_put(entity, link));
}

/// Points every link of (`object`, `from`) at another record, after a merge in the CRM.
pub fn redirect(object: &str, from: &str, to: &str) {
    host::call(|host| host.link_redirect(object, from, to));
}

/// The entity is no record of this object any more.
pub fn remove(entity: &Entity, object: &str) {
    host::call(|host| host.link_remove(entity, object));
}

/// Every link of one entity.
pub fn list(entity: &Entity) -> Vec<Link> {
    host::call(|host| host.link_list(entity))
}

/// The entities that are this record, identities among them.
pub fn find_by_remote(object: &str, remote_id: &str) -> Vec<Entity> {
    host::call(|host| host.link_find_by_remote(object, remote_id))
}
