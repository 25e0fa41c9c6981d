//! Write a Gladhand connector: one trait, one macro.
//!
//! A connector brings events of a source into one kind of CRM. It holds no credential, keeps no state and makes no
//! policy: it says which requests to send, how each touches the world, and what an answer means. The host does the rest.
//! Every host call goes through [`host::Host`]: to the imports of the contract in a component, to whoever
//! [`host::with`] installed natively, which is how the tests below run in microseconds.
//!
//! # A complete connector
//!
//! For an imaginary CRM with `GET /people?email=`, `POST /people` and `PUT /people/{id}`.
//!
//! ```
//! use gladhand_sdk::links::{self, Entity, Link};
//! use gladhand_sdk::{
//!     Action, Auth, Change, Connection, Connector, Contact, Descriptor, Event, EventKind, Failure,
//!     FailureKind, Outcome, SkipCode, create, create_once, digest, export_connector, http, locks,
//! };
//! use serde_json::{Value, json};
//!
//! #[derive(Default)]
//! struct Rolodex;
//!
//! export_connector!(Rolodex);
//!
//! impl Connector for Rolodex {
//!     fn describe(&self) -> Descriptor {
//!         Descriptor {
//!             auth: Auth::bearer("token"),
//!             objects: vec!["person".into()],
//!             events: vec![EventKind::ContactChanged],
//!             ..Descriptor::new("rolodex", "Rolodex", "0.1.0")
//!         }
//!     }
//!
//!     fn handle(&self, connection: &Connection, event: &Event) -> Result<Outcome, Failure> {
//!         let Some(contact) = &event.contact else {
//!             return Ok(Outcome::skipped(SkipCode::UnsupportedEvent, "nobody is behind this event"));
//!         };
//!         let Some(email) = contact.email.as_deref().map(str::to_lowercase) else {
//!             return Ok(Outcome::skipped(SkipCode::NoIdentity, "the contact has no e-mail address yet"));
//!         };
//!         let person = json!({
//!             "name": contact.name,
//!             "email": email,
//!             "reference": connection.external_id(&contact.id),
//!         });
//!         match links::get(&Entity::contact(&contact.id), "person") {
//!             Some(link) if link.digest == Some(digest(&person)) => {
//!                 Ok(Outcome::skipped(SkipCode::Unchanged, "the CRM already says the same"))
//!             }
//!             Some(link) => update(contact, &link.remote_id, &person),
//!             None => resolve(contact, &email, &person),
//!         }
//!     }
//! }
//!
//! fn update(contact: &Contact, id: &str, person: &Value) -> Result<Outcome, Failure> {
//!     let request = http::put(format!("people/{id}")).json(person).set(format!("person/{id}"));
//!     understand(&request.send()?)?;
//!     Ok(known(contact, id, Some(person), Action::Updated))
//! }
//!
//! fn resolve(contact: &Contact, email: &str, person: &Value) -> Result<Outcome, Failure> {
//!     // Two contacts may have one address: whoever holds the lock makes the record, the other one finds it.
//!     let keys = [format!("person/email:{email}")];
//!     locks::acquire(&keys);
//!     let made = create_once(
//!         &keys,
//!         |_| {
//!             let found = understand(&http::get("people").query("email", email).send()?)?;
//!             Ok(found.pointer("/0/id").and_then(Value::as_str).map(str::to_owned))
//!         },
//!         |keys| {
//!             let answer = http::post("people").json(person).once(keys).send()?;
//!             let created = understand(&answer)?;
//!             created["id"].as_str().map(str::to_owned).ok_or_else(|| {
//!                 create::Error::Failed(Failure::new(FailureKind::Unavailable, "no id came back"))
//!             })
//!         },
//!     )?;
//!     Ok(match &made {
//!         create::Made::Created(id) => known(contact, id, Some(person), Action::Created),
//!         // Somebody else's record: nothing was written, so the next change of the contact updates it.
//!         create::Made::Found(id) => known(contact, id, None, Action::Linked),
//!     })
//! }
//!
//! /// The one place where a status becomes a decision.
//! fn understand(answer: &http::Response) -> Result<Value, Failure> {
//!     match answer.status {
//!         200..=299 => Ok(answer.json()?),
//!         401 => Err(Failure::new(FailureKind::Auth, "the token is not accepted: make a new one")),
//!         422 => Err(Failure::new(FailureKind::Invalid, answer.start())),
//!         429 => Err(Failure::new(FailureKind::RateLimited, "too many requests")),
//!         status => Err(Failure::new(FailureKind::Unavailable, format!("Rolodex answered {status}"))),
//!     }
//! }
//!
//! fn known(contact: &Contact, id: &str, written: Option<&Value>, action: Action) -> Outcome {
//!     let link = Link { digest: written.map(digest), ..Link::new("person", id) };
//!     links::put(&Entity::contact(&contact.id), &link);
//!     Outcome::synced(vec![Change::new("person", id, action)])
//! }
//!
//! // And its test:
//! use gladhand_sdk::testing::{Memory, json as answer};
//!
//! let host = Memory::scripted([
//!     ("GET people", answer(200, &json!([]))),
//!     ("POST people", answer(201, &json!({"id": "7"}))),
//! ]);
//! let connection = Connection { source: "support".into(), ..Connection::default() };
//! let jane = Contact { id: "42".into(), email: Some("Jane@example.com".into()), ..Contact::default() };
//! let event = Event { contact: Some(jane), ..Event::new("1", EventKind::ContactChanged) };
//!
//! let created = host.run(|| Rolodex.handle(&connection, &event)).unwrap();
//! assert_eq!(created, Outcome::synced(vec![Change::new("person", "7", Action::Created)]));
//! let again = host.run(|| Rolodex.handle(&connection, &event)).unwrap();
//! assert!(matches!(again, Outcome::Skipped { code: SkipCode::Unchanged, .. }));
//! host.assert_finished(2);
//! ```
//!
//! A component is built with `cargo build --profile connector --target wasm32-wasip2`.
#![warn(missing_docs)]

mod connector;

pub mod descriptor;

mod event;

mod outcome;

mod failure;

pub mod http;

pub mod create;

pub mod links;

pub mod locks;

pub mod cache;

pub mod variables;

pub mod mapping;

pub mod text;

pub mod clock;

pub mod log;

pub mod discover;

mod digest;

pub mod host;

#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

mod words;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;

#[cfg(target_arch = "wasm32")]
mod imports;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod export;

pub use connector::{Check, CheckState, Connection, Connector, Severity};
pub use create::create_once;
pub use descriptor::{Auth, Descriptor};
pub use digest::digest;
pub use event::{Agent, Attachment, Company, Contact, Conversation, Event, EventKind, Message};
pub use failure::{Failure, FailureKind};
pub use outcome::{Action, Change, Outcome, SkipCode};

/// Exports a connector (a type that is `Connector + Default`) as a component; natively nothing.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! export_connector {
    ($connector:ty) => {
        const _: () = {
            type Exported = $crate::export::Exported<$connector>;
    $crate::bindings::export_base!(Exported with_types_in $crate::bindings);
        };
    };
}

/// Exports a connector (a type that is `Connector + Default`) as a component; natively nothing.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! export_connector {
    ($connector:ty) => {
        const _: () = {
            // The same demand as in a component, so that it fails in the first `cargo check`.
            const fn exportable<C: $crate::Connector + Default>() {}
            exportable::<$connector>();
        };
    };
}
