//! A whole connector, for the made-up CRM of `tests/sim/ledger`: contacts become people with their companies,
//! conversations become deals with notes that move through stages.
//!
//! It is written as a connector should be, so that whatever goes wrong under it is the host's doing.

use gladhand_sdk::create::{self, Made};
use gladhand_sdk::links::{self, Entity, Link};
use gladhand_sdk::{
    Action, Auth, Change, Connection, Connector, Contact, Conversation, Descriptor, Event,
    EventKind, Failure, FailureKind, Message, Outcome, SkipCode, cache, create_once, digest,
    export_connector, http, locks,
};
use serde_json::{Value, json};

/// Short, because whoever tests with this waits for it in real time.
const TIMEOUT_MS: u32 = 400;

const HOUR_MS: u64 = 3_600_000;

#[derive(Default)]
struct Ledger;

export_connector!(Ledger);

/// One event on its way, and what it brought so far.
struct Visit<'a> {
    connection: &'a Connection,
    contact: &'a Contact,
    /// `person/email:jane@example.com`: what the person can be found by.
    identities: Vec<String>,
    changes: Vec<Change>,
}

/// A place in the only pipeline: new deals begin in the first, answered ones are in the second, resolved in the last.
#[derive(Clone, Copy)]
enum Stage {
    Opened,
    Answered,
    Resolved,
}

impl Connector for Ledger {
    fn describe(&self) -> Descriptor {
        Descriptor {
            auth: Auth::bearer("token"),
            objects: ["person", "company", "deal", "note"]
                .map(str::to_owned)
                .to_vec(),
            events: vec![
                EventKind::ContactChanged,
                EventKind::ConversationOpened,
                EventKind::ConversationFirstResponse,
                EventKind::ConversationResolved,
                EventKind::MessageCreated,
            ],
            lookup_after_ms: 60_000,
            ..Descriptor::new("ledger", "Ledger", "0.1.0")
        }
    }

    fn handle(&self, connection: &Connection, event: &Event) -> Result<Outcome, Failure> {
        let Some(contact) = &event.contact else {
            return Ok(Outcome::skipped(
                SkipCode::UnsupportedEvent,
                "nobody is behind this event",
            ));
        };
        let mut visit = Visit::new(connection, contact);
        if visit.identities.is_empty() {
            return Ok(Outcome::skipped(
                SkipCode::NoIdentity,
                "the contact has neither an e-mail address nor a phone number yet",
            ));
        }
        locks::acquire(&visit.keys(event));
        match (&event.kind, &event.conversation, event.messages.first()) {
            (EventKind::ContactChanged, ..) => visit.sync_person()?,
            (EventKind::ConversationOpened, Some(conversation), _) => {
                let deal = visit.deal(conversation)?;
                let reference = conversation_key(connection, conversation);
                visit.note(&deal, &reference, "The conversation began.")?;
            }
            (EventKind::ConversationFirstResponse, Some(conversation), _) => {
                visit.advance(conversation, Stage::Answered)?;
            }
            (EventKind::ConversationResolved, Some(conversation), _) => {
                visit.advance(conversation, Stage::Resolved)?;
            }
            (EventKind::MessageCreated, Some(conversation), Some(message)) => {
                let deal = visit.deal(conversation)?;
                visit.note(&deal, &message_key(connection, message), &message.text)?;
            }
            (kind, ..) => {
                return Ok(Outcome::skipped(SkipCode::UnsupportedEvent, kind.as_str()));
            }
        }
        Ok(if visit.changes.is_empty() {
            Outcome::skipped(SkipCode::Unchanged, "the CRM already says the same")
        } else {
            Outcome::synced(visit.changes)
        })
    }
}

impl<'a> Visit<'a> {
    fn new(connection: &'a Connection, contact: &'a Contact) -> Self {
        let email = contact
            .email
            .iter()
            .map(|email| format!("person/email:{}", email.to_lowercase()));
        let phone = contact
            .phone
            .iter()
            .map(|phone| format!("person/phone:{phone}"));
        Self {
            connection,
            contact,
            identities: email.chain(phone).collect(),
            changes: Vec::new(),
        }
    }

    /// Everything that the event may create.
    fn keys(&self, event: &Event) -> Vec<String> {
        let conversation = event.conversation.iter().flat_map(|conversation| {
            let key = conversation_key(self.connection, conversation);
            [format!("deal/{key}"), format!("note/{key}")]
        });
        let messages = event
            .messages
            .iter()
            .map(|message| format!("note/{}", message_key(self.connection, message)));
        let company = self.contact.company.iter();
        let company = company.map(|company| company_key(&company.name));
        let identities = self.identities.iter().cloned();
        identities
            .chain(company)
            .chain(conversation)
            .chain(messages)
            .collect()
    }

    /// The person, brought up to date with the contact.
    fn sync_person(&mut self) -> Result<(), Failure> {
        let own = Entity::contact(&self.contact.id);
        let wanted = Some(digest(&self.wanted()));
        if links::get(&own, "person").is_none() {
            self.person()?;
        }
        let Some(link) = links::get(&own, "person").filter(|link| link.digest != wanted) else {
            return Ok(());
        };
        let id = &link.remote_id;
        let body = self.body()?;
        send(
            &http::put(format!("people/{id}"))
                .json(&body)
                .set(format!("person/{id}")),
        )?;
        self.remember(id, wanted);
        self.changes
            .push(Change::new("person", id, Action::Updated));
        Ok(())
    }

    /// The person, made where there is none, and never changed: the contact inside another event may be old.
    fn person(&mut self) -> Result<String, Failure> {
        if let Some(link) = links::get(&Entity::contact(&self.contact.id), "person") {
            return Ok(link.remote_id);
        }
        let keys = self.identities.clone();
        let found = |_| {
            for key in &keys {
                let (field, value) = key
                    .trim_start_matches("person/")
                    .split_once(':')
                    .unwrap_or_default();
                if let Some(id) = find("people", field, value)? {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        };
        let made = create_once(&keys, found, |keys| create("people", &self.body()?, keys))?;
        // What was found may say something else: the contact's own event writes it.
        let written = made.is_created().then(|| digest(&self.wanted()));
        self.remember(made.id(), written);
        self.made("person", &made);
        Ok(made.id().to_owned())
    }

    /// What the person is to say, as far as the contact alone knows it.
    fn wanted(&self) -> Value {
        let Contact {
            name,
            email,
            phone,
            company,
            ..
        } = self.contact;
        let email = email.as_ref().map(|email| email.to_lowercase());
        json!({ "name": name, "email": email, "phone": phone, "company": company.as_ref().map(|company| &company.name) })
    }

    fn body(&self) -> Result<Value, Failure> {
        let mut body = self.wanted();
        body["company"] = match &self.contact.company {
            Some(company) => {
                let keys = [company_key(&company.name)];
                let made = create_once(
                    &keys,
                    |_| find("companies", "name", &company.name),
                    |keys| create("companies", &json!({ "name": company.name }), keys),
                )?;
                made.id().into()
            }
            None => Value::Null,
        };
        Ok(body)
    }

    fn remember(&self, id: &str, written: Option<String>) {
        let link = Link {
            digest: written,
            ..Link::new("person", id)
        };
        links::put(&Entity::contact(&self.contact.id), &link);
        for key in &self.identities {
            let identity = Entity::identity(key.trim_start_matches("person/"));
            if links::get(&identity, "person").is_none() {
                links::put(&identity, &Link::new("person", id));
            }
        }
    }

    /// The conversation's deal, made where there is none.
    fn deal(&mut self, conversation: &Conversation) -> Result<String, Failure> {
        let entity = Entity::conversation(&conversation.id);
        if let Some(link) = links::get(&entity, "deal") {
            return Ok(link.remote_id);
        }
        let person = self.person()?;
        let stage = stage(Stage::Opened)?;
        let reference = conversation_key(self.connection, conversation);
        let body = json!({
            "title": format!("Conversation {}", conversation.id),
            "person": person,
            "stage": stage,
            "reference": reference,
        });
        let made = create_once(
            &[format!("deal/{reference}")],
            |_| find("deals", "reference", &reference),
            |keys| create("deals", &body, keys),
        )?;
        links::put(&entity, &Link::new("deal", made.id()));
        self.made("deal", &made);
        Ok(made.id().to_owned())
    }

    fn advance(&mut self, conversation: &Conversation, to: Stage) -> Result<(), Failure> {
        let id = self.deal(conversation)?;
        let body = json!({ "stage": stage(to)? });
        send(
            &http::put(format!("deals/{id}"))
                .json(&body)
                .set(format!("deal/{id}/stage")),
        )?;
        self.changes.push(Change::new("deal", id, Action::Updated));
        Ok(())
    }

    fn note(&mut self, deal: &str, reference: &str, text: &str) -> Result<(), Failure> {
        let made = create_once(
            &[format!("note/{reference}")],
            |_| find("notes", "reference", reference),
            |keys| {
                let body = json!({ "deal": deal, "text": text, "reference": reference });
                create("notes", &body, keys)
            },
        )?;
        self.made("note", &made);
        Ok(())
    }

    fn made(&mut self, object: &str, made: &Made) {
        let action = if made.is_created() {
            Action::Created
        } else {
            Action::Linked
        };
        self.changes.push(Change::new(object, made.id(), action));
    }
}

fn conversation_key(connection: &Connection, conversation: &Conversation) -> String {
    format!("conversation:{}", connection.external_id(&conversation.id))
}

fn message_key(connection: &Connection, message: &Message) -> String {
    format!("message:{}", connection.external_id(&message.id))
}

fn company_key(name: &str) -> String {
    format!("company/name:{name}")
}

/// The id of a stage; the CRM is asked once an hour.
fn stage(wanted: Stage) -> Result<Value, Failure> {
    let stages = if let Some(known) = cache::get("stages") {
        known
    } else {
        let found = send(&http::get("stages"))?;
        cache::put("stages", &found, HOUR_MS);
        found
    };
    let ids: Vec<&Value> = stages.as_array().into_iter().flatten().collect();
    let position = match wanted {
        Stage::Opened => 0,
        Stage::Answered => 1,
        Stage::Resolved => ids.len().saturating_sub(1),
    };
    match ids.get(position) {
        Some(stage) => Ok(stage["id"].clone()),
        None => Err(Failure::new(
            FailureKind::Configuration,
            "the pipeline needs at least two stages: add one",
        )),
    }
}

fn find(objects: &str, field: &str, value: &str) -> Result<Option<String>, Failure> {
    let found = send(&http::get(objects).query(field, value))?;
    Ok(found
        .pointer("/0/id")
        .and_then(Value::as_str)
        .map(str::to_owned))
}

fn create(objects: &str, body: &Value, keys: &[String]) -> Result<String, create::Error> {
    let request = http::post(objects)
        .json(body)
        .once(keys)
        .timeout_ms(TIMEOUT_MS);
    let created = understand(&request.send()?)?;
    match created["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(Failure::new(FailureKind::Unavailable, "no id came back").into()),
    }
}

fn send(request: &http::Request) -> Result<Value, Failure> {
    understand(&request.clone().timeout_ms(TIMEOUT_MS).send()?)
}

/// The one place where a status becomes a decision.
fn understand(answer: &http::Response) -> Result<Value, Failure> {
    let said = || format!("Ledger answered {}: {}", answer.status, answer.start());
    match answer.status {
        200..=299 => Ok(answer.json()?),
        401 => Err(Failure::new(
            FailureKind::Auth,
            "Ledger does not accept the token: set a new one",
        )),
        404 => Err(Failure::new(FailureKind::NotFound, said())),
        422 => Err(Failure::new(FailureKind::Invalid, said())),
        429 => {
            let seconds: Option<u64> = answer
                .header("retry-after")
                .and_then(|text| text.parse().ok());
            let failure = Failure::new(FailureKind::RateLimited, said());
            Err(match seconds {
                Some(seconds) => failure.retry_after_ms(seconds * 1_000),
                None => failure,
            })
        }
        _ => Err(Failure::new(FailureKind::Unavailable, said())),
    }
}
