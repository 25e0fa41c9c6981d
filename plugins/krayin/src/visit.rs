//! One call of `handle`: what it is about, what it may lock, what it did. Which event leads to which records.

use std::rc::Rc;

use gladhand_sdk::links::{self, Entity};
use gladhand_sdk::{
    Action, Change, Connection, Contact, Conversation, Event, EventKind, Failure, FailureKind,
    Outcome, SkipCode, locks, log,
};
use serde_json::Value;

use crate::activity;
use crate::catalog::{Catalog, Target};
use crate::client::Client;
use crate::error::{Error, GONE_ID, GONE_OBJECT};
use crate::lead;
use crate::mapping::Wanted;
use crate::person;
use crate::settings::Settings;

/// One call of `handle`.
pub struct Visit<'a> {
    pub connection: &'a Connection,
    pub event: &'a Event,
    pub contact: &'a Contact,
    pub settings: Settings,
    pub client: Rc<Client>,
    pub catalog: Catalog,
    pub wanted: Wanted,
    /// Of a person that is not linked yet: what an earlier attempt to create it sent.
    pub draft: Option<person::Draft>,
    changes: Vec<Change>,
    is_locked: bool,
}

/// Brings one event into Krayin.
pub fn handle(connection: &Connection, event: &Event) -> Result<Outcome, Failure> {
    let Some(contact) = &event.contact else {
        return Ok(Outcome::skipped(
            SkipCode::UnsupportedEvent,
            "nobody is behind this event",
        ));
    };
    let settings: Settings = connection.settings()?;
    if event.kind == EventKind::MessageCreated
        && event.messages.iter().all(|message| message.private)
    {
        return Ok(Outcome::skipped(
            SkipCode::DisabledBySetting,
            "private notes stay in the source",
        ));
    }
    if event.kind == EventKind::MessageCreated && !settings.sync_messages {
        return Ok(Outcome::skipped(
            SkipCode::DisabledBySetting,
            "sync_messages is off",
        ));
    }
    let mut visit = Visit {
        connection,
        event,
        contact,
        client: Rc::new(Client::new(connection)?),
        catalog: Catalog::default(),
        wanted: Wanted::new(connection, &settings, contact)?,
        settings,
        draft: None,
        changes: Vec::new(),
        is_locked: false,
    };
    let outcome = visit.run().map_err(Failure::from);
    let Some((object, id)) = outcome.as_ref().err().and_then(gone) else {
        return outcome;
    };
    // Somebody deleted it in Krayin. Everything is resolved again, once; a second loss is the host's to judge.
    log::warn(
        "a linked record is gone and is resolved again",
        &[("object", object), ("id", id)],
    );
    forget(object, id);
    if object == person::OBJECT {
        // Krayin deletes no person that has a lead, so the lead went before.
        links::remove(&Entity::contact(&contact.id), lead::OBJECT);
    }
    visit.changes.clear();
    Ok(visit.run()?)
}

/// Which record a failure misses. Read from the failure, because a record may be missed inside `create_once`.
fn gone(failure: &Failure) -> Option<(&str, &str)> {
    let attribute = |name| failure.attributes.get(name).and_then(Value::as_str);
    (failure.kind == FailureKind::NotFound)
        .then(|| Some((attribute(GONE_OBJECT)?, attribute(GONE_ID)?)))?
}

impl Visit<'_> {
    fn run(&mut self) -> Result<Outcome, Error> {
        let is_known = self.person_link().is_some();
        if !is_known {
            self.draft = person::Draft::read(self.contact);
        }
        if !is_known && self.contact.blocked {
            return Ok(Outcome::skipped(
                SkipCode::BlockedContact,
                "the contact is blocked and not in Krayin",
            ));
        }
        if !is_known && self.wanted.identities().is_empty() {
            return Ok(Outcome::skipped(
                SkipCode::NoIdentity,
                "the contact has no e-mail address and no phone number yet",
            ));
        }
        match (&self.event.kind, &self.event.conversation) {
            (EventKind::ContactChanged, _) => self.contact_changed()?,
            (_, _) if self.contact.blocked => {
                return Ok(Outcome::skipped(
                    SkipCode::BlockedContact,
                    "nothing new is made for a blocked contact",
                ));
            }
            (EventKind::MessageCreated, _) => self.messages_created()?,
            (kind, Some(conversation)) => self.conversation(kind, conversation)?,
            (_, None) => {
                return Ok(Outcome::skipped(
                    SkipCode::UnsupportedEvent,
                    "Krayin keeps nothing of this event",
                ));
            }
        }
        Ok(if self.changes.is_empty() {
            Outcome::skipped(SkipCode::Unchanged, "Krayin already says the same")
        } else {
            Outcome::synced(std::mem::take(&mut self.changes))
        })
    }

    fn contact_changed(&mut self) -> Result<(), Error> {
        let person = person::sync(self)?;
        if !self.contact.blocked {
            lead::known(self, &person)?;
        }
        Ok(())
    }

    fn conversation(&mut self, kind: &EventKind, conversation: &Conversation) -> Result<(), Error> {
        let person = person::known(self)?;
        let stage = match kind {
            EventKind::ConversationOpened => self.settings.stage_on_conversation_created,
            EventKind::ConversationFirstResponse => self.settings.stage_on_first_response,
            EventKind::ConversationResolved => self.settings.stage_on_conversation_resolved,
            _ => None,
        }
        .filter(|_| self.settings.stage_progression_enabled);
        let lead = if *kind == EventKind::ConversationOpened {
            lead::open(self, &person, conversation, stage)?
        } else {
            lead::of_conversation(self, &person, conversation)?
        };
        if let Some(stage) = stage {
            lead::advance(self, &lead, stage)?;
        }
        if self.settings.sync_conversations {
            activity::of_conversation(self, kind, conversation, &person, &lead.id)?;
        }
        Ok(())
    }

    fn messages_created(&mut self) -> Result<(), Error> {
        let person = person::known(self)?;
        let lead = match &self.event.conversation {
            Some(conversation) => lead::of_conversation(self, &person, conversation)?,
            None => lead::known(self, &person)?,
        };
        for message in &self.event.messages {
            activity::of_message(self, message, &person, &lead.id)?;
        }
        Ok(())
    }

    /// The person that this contact is, as far as it is known here.
    pub fn person_link(&self) -> Option<links::Link> {
        links::get(&Entity::contact(&self.contact.id), person::OBJECT)
    }

    /// Where new leads go.
    pub fn target(&mut self) -> Result<Target, Error> {
        self.catalog.target(&self.client, &self.settings)
    }

    /// Takes every lock that this call may need: the host gives them once, all together.
    pub fn lock(&mut self) -> Result<(), Error> {
        if self.is_locked {
            return Ok(());
        }
        let mut keys = self.person_keys();
        keys.extend(self.organization_key());
        keys.extend(self.lead_keys()?);
        if let Some(conversation) = &self.event.conversation {
            keys.push(self.activity_key("conversation", &conversation.id));
        }
        for message in &self.event.messages {
            keys.push(self.activity_key("message", &message.id));
        }
        locks::acquire(&keys);
        self.is_locked = true;
        Ok(())
    }

    /// Every identity that the person can be found by: those of an unanswered create, then the contact's own.
    pub fn person_keys(&self) -> Vec<String> {
        let drafted = self.draft.iter();
        let mut identities: Vec<String> = drafted
            .flat_map(|draft| draft.written.identities())
            .collect();
        for identity in self.wanted.identities() {
            if !identities.contains(&identity) {
                identities.push(identity);
            }
        }
        identities
            .iter()
            .map(|identity| format!("person/{identity}"))
            .collect()
    }

    /// The organisation, by its name.
    pub fn organization_key(&self) -> Option<String> {
        let name = self.wanted.organization.as_ref()?;
        // MySQL compares names without regard to case, and so must two lanes that want the same one.
        Some(format!("organization/name:{}", name.to_lowercase()))
    }

    /// The open lead of the person in the pipeline. Named by who the person is, because its id is not known before;
    /// without a slash, because an open lead does not stay the same one.
    pub fn lead_keys(&mut self) -> Result<Vec<String>, Error> {
        let pipeline = self.target()?.pipeline;
        let own = format!("contact:{}", self.connection.external_id(&self.contact.id));
        let identities = self.wanted.identities().into_iter().chain([own]);
        Ok(identities
            .map(|identity| format!("open-lead:pipeline-{pipeline}:{identity}"))
            .collect())
    }

    /// The activity of a conversation or message.
    pub fn activity_key(&self, what: &str, id: &str) -> String {
        format!("activity/{what}:{}", self.connection.external_id(id))
    }

    /// Notes what was done to a record.
    pub fn note(&mut self, object: &str, id: &str, action: Action) {
        let change = Change::new(object, id, action);
        let change = match object {
            person::OBJECT => change.url(self.client.page(&format!("contacts/persons/view/{id}"))),
            lead::OBJECT => change.url(self.client.page(&format!("leads/view/{id}"))),
            _ => change,
        };
        self.changes.push(change);
    }
}

/// Removes every link to a record, identities included.
fn forget(object: &str, id: &str) {
    for entity in links::find_by_remote(object, id) {
        links::remove(&entity, object);
    }
}
