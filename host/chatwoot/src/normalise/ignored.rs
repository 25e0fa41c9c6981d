//! Events that carry nothing for a CRM, each with the reason that an operator reads.

use gladhand_core::intake::Reading;
use gladhand_core::outcome::SkipCode;

use crate::payload::Body;

/// Why this event is not delivered, and whom it names.
pub(super) fn reading(name: &str, body: &Body) -> Reading {
    let (reason, contact) = match name {
        "conversation_typing_on" | "conversation_typing_off" => (
            "somebody is typing, which no CRM keeps; take it off the webhook's events in Chatwoot".to_owned(),
            body.id_at("/conversation/meta/sender/id"),
        ),
        // The id at the top is of the visit, not of the visitor.
        "webwidget_triggered" => (
            "a visitor opened the chat and has said nothing yet".to_owned(),
            body.id_at("/contact/id"),
        ),
        "inbox_created" | "inbox_updated" => (
            "an inbox's settings, which hold its channel's secrets and are not synced; take it off the webhook's events \
             in Chatwoot"
                .to_owned(),
            None,
        ),
        "account_created" => ("an account of the whole installation, not of this source".to_owned(), None),
        "contact_deleted" => (
            "a contact deleted in Chatwoot stays in the CRM; `gladhand erase` removes what is kept about it here"
                .to_owned(),
            body.id_at("/id"),
        ),
        _ => (format!("this version of gladhand does nothing with `{name}`"), None),
    };
    Reading::Ignored {
        code: SkipCode::UnsupportedEvent,
        reason,
        contact,
    }
}
