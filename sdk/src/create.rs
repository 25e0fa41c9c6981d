//! Creating a thing exactly once, although parallel deliveries, lost answers and lagging searches want it twice.

use crate::failure::{Failure, FailureKind};
use crate::http::{self, Verdict};
use crate::links::{self, Entity, Link};

/// How a record came to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// It was there; its id.
    Found(String),
    /// It was created by this delivery; its id.
    Created(String),
}

impl Made {
    /// The CRM's id of the record.
    pub fn id(&self) -> &str {
        match self {
            Self::Found(id) | Self::Created(id) => id,
        }
    }

    /// Whether this delivery made it.
    pub const fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }
}

/// Why `find` is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Before anything was sent. Where the record cannot be there yet, `Ok(None)` without a call is right.
    First,
    /// A create may have happened: only a real look counts.
    InDoubt,
}

/// Why a create made nothing.
#[derive(Debug)]
pub enum Error {
    /// It may have happened before.
    InDoubt,
    /// The CRM says that it is there already, and the connector knows which one it is.
    Exists(String),
    /// It failed, and that is for the host to judge.
    Failed(Failure),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        match error {
            http::Error::InDoubt { .. } => Self::InDoubt,
            other => Self::Failed(other.into()),
        }
    }
}

/// For CRMs that offer no way to look: in doubt, the delivery waits for a person.
pub fn no_lookup(look: Look) -> Result<Option<String>, Failure> {
    match look {
        Look::First => Ok(None),
        Look::InDoubt => Err(Failure::new(
            FailureKind::Indeterminate,
            "an earlier create has no known answer and the CRM cannot be searched: look there, then conclude it",
        )),
    }
}

/// Finds the record that `keys` name, or creates it, once.
///
/// A key is the object and an identity: `person/email:jane@example.com`. It takes no lock itself: the keys must be
/// among those that [`crate::locks::acquire`] took. It reads the identity link that a previous holder of the lock left,
/// asks `find`, then sends `create` (a request with [`http::Request::once`] of the same keys). In doubt it looks again:
/// what is found is concluded `done`, what is not there is concluded `not-done` and sent once more.
/// Every key's identity is linked to the record that comes out.
///
/// A key without a slash is never linked: it guards a thing that does not stay what it is, like the *open* deal of
/// a person, which `find` must look up each time.
pub fn create_once(
    keys: &[String],
    mut find: impl FnMut(Look) -> Result<Option<String>, Failure>,
    mut create: impl FnMut(&[String]) -> Result<String, Error>,
) -> Result<Made, Failure> {
    if let Some(id) = keys.iter().find_map(|key| identity_link(key)) {
        return Ok(found(keys, id));
    }
    if let Some(id) = find(Look::First)? {
        // An earlier attempt may have created it and never heard the answer.
        conclude(keys, Verdict::Done);
        return Ok(found(keys, id));
    }
    match create(keys) {
        Ok(id) => Ok(created(keys, id)),
        Err(Error::Exists(id)) => Ok(found(keys, id)),
        Err(Error::Failed(failure)) => Err(failure),
        Err(Error::InDoubt) => {
            if let Some(id) = find(Look::InDoubt)? {
                conclude(keys, Verdict::Done);
                return Ok(found(keys, id));
            }
            conclude(keys, Verdict::NotDone);
            match create(keys) {
                Ok(id) => Ok(created(keys, id)),
                Err(Error::Exists(id)) => Ok(found(keys, id)),
                Err(Error::Failed(failure)) => Err(failure),
                Err(Error::InDoubt) => Err(Failure::new(
                    FailureKind::Indeterminate,
                    "an earlier create has no known answer; it is looked up again later",
                )),
            }
        }
    }
}

fn found(keys: &[String], id: String) -> Made {
    link(keys, &id);
    Made::Found(id)
}

fn created(keys: &[String], id: String) -> Made {
    link(keys, &id);
    Made::Created(id)
}

fn conclude(keys: &[String], verdict: Verdict) {
    for key in keys {
        http::conclude(key, verdict);
    }
}

/// `person/email:jane@example.com` is the identity `email:jane@example.com` of the object `person`.
fn identity(key: &str) -> Option<(&str, Entity)> {
    let (object, identity) = key.split_once('/')?;
    Some((object, Entity::identity(identity)))
}

fn identity_link(key: &str) -> Option<String> {
    let (object, entity) = identity(key)?;
    links::get(&entity, object).map(|link| link.remote_id)
}

fn link(keys: &[String], id: &str) {
    for (object, entity) in keys.iter().filter_map(|key| identity(key)) {
        if links::get(&entity, object).is_none_or(|link| link.remote_id != id) {
            links::put(&entity, &Link::new(object, id));
        }
    }
}
