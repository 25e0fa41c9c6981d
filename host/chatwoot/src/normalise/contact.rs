//! Contacts, and the events about them.

use gladhand_core::event::{Company, Contact};
use gladhand_core::intake::{Reading, Snapshot, Subject};
use gladhand_core::outcome::SkipCode;

use super::changed::{self, COMPANY};
use super::{Context, Understood, attributes, filled};
use crate::payload::{self, Body, Envelope, Error, Id};

/// What changes with every message and label, and is nothing that the payload carries.
const NOISE: [&str; 4] = [
    "updated_at",
    "last_activity_at",
    "cached_label_list",
    "label_list",
];

/// Reads an event about a contact.
pub(super) fn read(context: &Context, name: &str, body: &Body) -> Result<Understood, Error> {
    let envelope: Envelope = body.view()?;
    context.expect_account(
        envelope
            .account
            .as_ref()
            .and_then(|account| account.id.as_ref()),
    )?;
    let contact: payload::Contact = body.view()?;
    let id = contact.id.clone().ok_or(Error::Missing { field: "id" })?;
    let changes = &envelope.changed_attributes;
    let changed_at = changes.made_at();

    let semantic_key = match (name, changed_at) {
        ("contact_created", _) => Some(format!("{name}/{}", id.0)),
        (_, Some(at)) => Some(format!("{name}/{}/{}", id.0, at.0)),
        // The values alone name nothing: a change there and back and there again would count as told.
        (_, None) => None,
    };
    if changes.are_only(&NOISE) {
        let columns: Vec<_> = changes.iter().map(|(column, _)| column).collect();
        let reason = format!(
            "only Chatwoot's own bookkeeping changed: {}",
            columns.join(", ")
        );
        let reading = Reading::Ignored {
            code: SkipCode::Noise,
            reason,
            contact: Some(id.0),
        };
        return Ok((semantic_key, reading));
    }
    let snapshot = Snapshot {
        subject: Subject::Contact,
        contact: Some(contact_of(id, contact)),
        conversation: None,
        messages: Vec::new(),
        changed: changed::of_contact(changes),
        occurred_at: changed_at.map(payload::Moment::timestamp),
        version: changed_at.map(|at| at.0),
        conversation_version: None,
    };
    Ok((semantic_key, Reading::Snapshot(Box::new(snapshot))))
}

/// A contact in the domain's words. Names stay as they are, also the invented ones of visitors who gave none.
pub(super) fn contact_of(id: Id, contact: payload::Contact) -> Contact {
    let company = contact
        .additional_attributes
        .get(COMPANY)
        .and_then(|name| name.as_str());
    let company = filled(company.map(str::to_owned)).map(|name| Company {
        name,
        ..Company::default()
    });
    Contact {
        id: id.0,
        name: filled(contact.name),
        email: filled(contact.email),
        phone: filled(contact.phone_number),
        identifier: filled(contact.identifier),
        company,
        blocked: contact.blocked.unwrap_or(false),
        attributes: attributes(
            contact.custom_attributes,
            contact.additional_attributes,
            &[COMPANY],
        ),
    }
}
