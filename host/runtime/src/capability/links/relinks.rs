//! Which links of an attempt led nowhere, told from links that change as records do.
//!
//! Who finds a record gone clears every link to it, and must ask for them by the record's id: a link that was found so and
//! is then removed led nowhere. One that is replaced, or removed for itself, is no news. Pure.

use std::collections::{HashMap, HashSet};

use gladhand_core::attempt::{Entity, Link, Relink};

/// What an attempt has found by a record's id, and what it cleared of that.
#[derive(Debug, Default)]
pub(crate) struct Relinks {
    /// The record of each (entity, object).
    found: HashMap<(Entity, String), String>,
    cleared: HashSet<(Entity, String)>,
}

impl Relinks {
    /// These are linked to the record. Identities come and go with what people write, and are left out.
    pub(super) fn found(&mut self, entities: &[Entity], object: &str, remote_id: &str) {
        let entities = entities.iter().filter(|entity| !entity.is_of_account());
        let found = entities.map(|entity| {
            let key = (entity.clone(), object.to_owned());
            (key, remote_id.to_owned())
        });
        self.found.extend(found);
    }

    /// A link is removed: what is to be kept of it, if it led nowhere.
    pub(super) fn removed(&mut self, entity: &Entity, object: &str) -> Option<Relink> {
        let key = (entity.clone(), object.to_owned());
        let from = self.found.remove(&key)?;
        self.cleared.insert(key);
        Some(Relink::Cleared {
            entity: entity.clone(),
            object: object.to_owned(),
            from,
        })
    }

    /// A link is put: what is to be kept of it, if it may stand in the place of one that led nowhere.
    pub(super) fn put(&mut self, entity: &Entity, link: &Link, is_again: bool) -> Option<Relink> {
        let key = (entity.clone(), link.object.clone());
        // Whatever it led to before.
        self.found.remove(&key);
        let may_stand_in = self.cleared.remove(&key) || (is_again && !entity.is_of_account());
        may_stand_in.then(|| Relink::Found {
            entity: entity.clone(),
            object: link.object.clone(),
            to: link.remote_id.clone(),
        })
    }
}
