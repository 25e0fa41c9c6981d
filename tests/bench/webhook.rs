//! What the load says: new contacts, changes of them, and messages, each as Chatwoot's webhook body.

use gladhand_tests::chatwoot::Account;
use gladhand_tests::chatwoot::account::{Contact, Conversation, WEB};
use gladhand_tests::chatwoot::payload::{self, Author, Message};
use serde_json::{Value, json};

/// When the made-up world begins: milliseconds since the Unix epoch.
const BEGAN_MS: i64 = 1_781_690_400_000;

/// A contact that can be found by an address and a number of its own.
pub fn contact(id: i64) -> Contact {
    Contact {
        id,
        name: format!("Visitor {id}"),
        email: Some(format!("visitor-{id}@example.com")),
        phone: Some(format!("+4930{:08}", id % 100_000_000)),
        company: None,
    }
}

/// A contact appears.
pub fn appears(id: i64) -> Vec<u8> {
    let mut account = Account::new(BEGAN_MS);
    account.meets(contact(id));
    newest(account)
}

/// A contact gets another name, for the `time`-th time.
pub fn changes(id: i64, time: i64) -> Vec<u8> {
    let mut account = Account::new(BEGAN_MS + time);
    account.meets(contact(id));
    let email = format!("visitor-{id}@example.com");
    account.identifies(id, &format!("Visitor {id}, {time}"), &email);
    newest(account)
}

/// A contact writes the message `number`, in its only conversation.
pub fn writes(id: i64, number: i64) -> Vec<u8> {
    let contact = contact(id);
    let at_ms = BEGAN_MS + number;
    let conversation = Conversation {
        display_id: id + 1,
        contact: id,
        inbox: WEB,
        status: "open",
        created_ms: BEGAN_MS,
        updated_ms: at_ms,
        first_reply_ms: None,
        last_message: None,
    };
    let message = Message {
        id: number,
        text: "Is there anything new about my order?",
        author: Author::Contact,
        private: false,
        at_ms,
    };
    let mut body = payload::message(&message, &conversation, &contact);
    body["event"] = json!("message_created");
    bytes(&body)
}

fn newest(mut account: Account) -> Vec<u8> {
    let webhook = account.webhooks.pop();
    bytes(&webhook.expect("something has just happened").body)
}

fn bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}
