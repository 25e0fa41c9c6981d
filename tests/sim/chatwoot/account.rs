//! The account's state and what happens in it; each happening appends the webhooks that Chatwoot would send.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Webhook, payload};

/// A person, as Chatwoot keeps one.
#[derive(Debug, Clone, Default)]
pub struct Contact {
    /// Chatwoot's id.
    pub id: i64,
    /// A haiku name until somebody gives their own.
    pub name: String,
    /// Absent until somebody gives it.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// `additional_attributes.company_name`.
    pub company: Option<String>,
}

/// A conversation, as Chatwoot keeps one.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// What people see and what the API calls `id`.
    pub display_id: i64,
    /// Whose.
    pub contact: i64,
    /// The channel's inbox.
    pub inbox: Inbox,
    /// open, resolved, …
    pub status: &'static str,
    /// When it began: milliseconds.
    pub created_ms: i64,
    /// When anything last changed: milliseconds.
    pub updated_ms: i64,
    /// When an agent first answered: milliseconds.
    pub first_reply_ms: Option<i64>,
    /// The last public message, as the conversation carries it.
    pub last_message: Option<Value>,
}

/// An inbox and its channel.
#[derive(Debug, Clone, Copy)]
pub struct Inbox {
    /// Chatwoot's id.
    pub id: i64,
    /// As shown.
    pub name: &'static str,
    /// `Channel::WebWidget`, …
    pub channel: &'static str,
}

/// The web widget's inbox.
pub const WEB: Inbox = Inbox {
    id: 11,
    name: "Website",
    channel: "Channel::WebWidget",
};
/// The e-mail inbox.
pub const EMAIL: Inbox = Inbox {
    id: 12,
    name: "Support mail",
    channel: "Channel::Email",
};
/// The WhatsApp inbox.
pub const WHATSAPP: Inbox = Inbox {
    id: 13,
    name: "WhatsApp",
    channel: "Channel::Whatsapp",
};

/// An account and what it would have sent so far.
#[derive(Debug)]
pub struct Account {
    /// Contacts by id.
    pub contacts: BTreeMap<i64, Contact>,
    /// Conversations by display id.
    pub conversations: BTreeMap<i64, Conversation>,
    /// In the order of sending.
    pub webhooks: Vec<Webhook>,
    now_ms: i64,
    next_message: i64,
}

impl Account {
    /// An empty account whose clock stands at `now_ms`.
    pub fn new(now_ms: i64) -> Self {
        Self {
            contacts: BTreeMap::new(),
            conversations: BTreeMap::new(),
            webhooks: Vec::new(),
            now_ms,
            next_message: 9_000,
        }
    }

    /// Lets time pass.
    pub fn wait_ms(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    /// A contact appears.
    pub fn meets(&mut self, contact: Contact) -> i64 {
        let id = contact.id;
        self.send("contact_created", payload::contact(&contact));
        self.contacts.insert(id, contact);
        id
    }

    /// A contact opens a conversation with a first message; returns its display id.
    pub fn opens(&mut self, contact: i64, inbox: Inbox, text: &str) -> i64 {
        let display_id =
            50 + i64::try_from(self.conversations.len()).expect("few conversations") + 1;
        let conversation = Conversation {
            display_id,
            contact,
            inbox,
            status: "open",
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
            first_reply_ms: None,
            last_message: None,
        };
        self.conversations.insert(display_id, conversation);
        let message = self.message(display_id, text, payload::Author::Contact, false);
        let body = self.conversation(display_id);
        self.send("conversation_created", body);
        self.send("message_created", message);
        self.noise(contact);
        display_id
    }

    /// The contact writes.
    pub fn writes(&mut self, conversation: i64, text: &str) {
        self.now_ms += 1_500;
        let message = self.message(conversation, text, payload::Author::Contact, false);
        self.send("message_created", message);
        self.noise(self.conversations[&conversation].contact);
    }

    /// An agent answers; the first answer also changes the conversation.
    pub fn answers(&mut self, conversation: i64, text: &str) {
        self.now_ms += 20_000;
        let is_first = self.conversations[&conversation].first_reply_ms.is_none();
        let now_ms = self.now_ms;
        if is_first {
            self.at(conversation).first_reply_ms = Some(now_ms);
        }
        let message = self.message(conversation, text, payload::Author::Agent, false);
        self.send("message_created", message);
        if is_first {
            let changed = json!([{"first_reply_created_at": {"previous_value": null, "current_value": payload::iso(now_ms)}}]);
            self.conversation_updated(conversation, changed);
        }
    }

    /// An agent leaves a note that the contact does not see.
    pub fn notes(&mut self, conversation: i64, text: &str) {
        self.now_ms += 2_000;
        let message = self.message(conversation, text, payload::Author::Agent, true);
        self.send("message_created", message);
    }

    /// The contact gives a name and an address: the pre-chat form, or an agent who typed it in.
    pub fn identifies(&mut self, contact: i64, name: &str, email: &str) {
        self.now_ms += 500;
        let now = payload::iso(self.now_ms);
        let person = self.contacts.get_mut(&contact).expect("a known contact");
        let changed = json!([
            {"name": {"previous_value": person.name, "current_value": name}},
            {"email": {"previous_value": person.email, "current_value": email}},
            {"updated_at": {"previous_value": now, "current_value": now}},
        ]);
        name.clone_into(&mut person.name);
        person.email = Some(email.to_owned());
        let body = payload::contact(person);
        self.send_changed("contact_updated", body, changed);
    }

    /// An agent resolves the conversation: two webhooks for one change.
    pub fn resolves(&mut self, conversation: i64) {
        self.turns(conversation, "resolved");
    }

    /// The conversation is open again.
    pub fn reopens(&mut self, conversation: i64) {
        self.turns(conversation, "open");
    }

    fn turns(&mut self, conversation: i64, status: &'static str) {
        self.now_ms += 30_000;
        let before = self.conversations[&conversation].status;
        let now_ms = self.now_ms;
        let at = self.at(conversation);
        at.status = status;
        at.updated_ms = now_ms;
        let body = self.conversation(conversation);
        self.send_changed("conversation_status_changed", body.clone(), Value::Null);
        let changed = json!([{"status": {"previous_value": before, "current_value": status}}]);
        self.send_changed("conversation_updated", body, changed);
    }

    fn conversation_updated(&mut self, conversation: i64, changed: Value) {
        self.now_ms += 3;
        let now_ms = self.now_ms;
        self.at(conversation).updated_ms = now_ms;
        let body = self.conversation(conversation);
        self.send_changed("conversation_updated", body, changed);
    }

    /// What Chatwoot sends after every incoming message, and what says nothing.
    fn noise(&mut self, contact: i64) {
        let body = payload::contact(&self.contacts[&contact]);
        let now = payload::iso(self.now_ms);
        let changed = json!([
            {"last_activity_at": {"previous_value": null, "current_value": now}},
            {"updated_at": {"previous_value": now, "current_value": now}},
        ]);
        self.send_changed("contact_updated", body, changed);
    }

    fn message(
        &mut self,
        conversation: i64,
        text: &str,
        author: payload::Author,
        private: bool,
    ) -> Value {
        self.next_message += 1;
        let message = payload::Message {
            id: self.next_message,
            text,
            author,
            private,
            at_ms: self.now_ms,
        };
        let contact = self.contacts[&self.conversations[&conversation].contact].clone();
        if !private {
            let now_ms = self.now_ms;
            let at = self.at(conversation);
            let element = payload::message_element(&message, at, &contact);
            at.last_message = Some(element);
            at.updated_ms = now_ms;
        }
        payload::message(&message, &self.conversations[&conversation], &contact)
    }

    fn conversation(&self, display_id: i64) -> Value {
        let conversation = &self.conversations[&display_id];
        payload::conversation(conversation, &self.contacts[&conversation.contact])
    }

    fn at(&mut self, conversation: i64) -> &mut Conversation {
        self.conversations
            .get_mut(&conversation)
            .expect("a known conversation")
    }

    fn send_changed(&mut self, event: &str, mut body: Value, changed: Value) {
        body["changed_attributes"] = changed;
        self.send(event, body);
    }

    fn send(&mut self, event: &str, mut body: Value) {
        body["event"] = event.into();
        self.now_ms += 4;
        self.webhooks.push(Webhook {
            at_ms: self.now_ms,
            event: event.to_owned(),
            body,
        });
    }
}
