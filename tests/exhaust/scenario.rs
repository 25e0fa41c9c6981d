//! What happens in Chatwoot, in stages: the next one comes when nothing of the one before is under way any more.

use std::mem;

use gladhand_tests::chatwoot::account::{Contact, EMAIL, WEB};
use gladhand_tests::chatwoot::{Account, Webhook};

/// One story.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// Whether it is also run with every pair of faults.
    pub in_pairs: bool,
    tell: fn(&mut Story),
}

/// Every story.
pub const ALL: [Scenario; 8] = [
    Scenario::new("new-contact", false, new_contact),
    Scenario::new("changed-contact", false, changed_contact),
    Scenario::new("renamed-contact", false, renamed_contact),
    Scenario::new("contact-with-company", true, contact_with_company),
    Scenario::new("shared-address", false, shared_address),
    Scenario::new("conversation", true, conversation),
    Scenario::new("messages", false, messages),
    Scenario::new("late-identity", true, late_identity),
];

/// An account, and what it sent by the end of each stage.
struct Story {
    account: Account,
    stages: Vec<Vec<Webhook>>,
}

impl Scenario {
    const fn new(name: &'static str, in_pairs: bool, tell: fn(&mut Story)) -> Self {
        Self {
            name,
            in_pairs,
            tell,
        }
    }

    /// The webhooks of each stage, of a story that begins at `from_ms`. In the last one everybody is renamed: whoever
    /// lost track of a record on the way is found out by it.
    pub fn stages(&self, from_ms: i64) -> Vec<Vec<Webhook>> {
        let mut story = Story {
            account: Account::new(from_ms),
            stages: Vec::new(),
        };
        (self.tell)(&mut story);
        story.pause();
        story.rename();
        story.pause();
        story.stages
    }
}

impl Story {
    /// The stage is over.
    fn pause(&mut self) {
        self.stages.push(mem::take(&mut self.account.webhooks));
    }

    fn rename(&mut self) {
        let contacts: Vec<Contact> = self.account.contacts.values().cloned().collect();
        for contact in contacts {
            let email = contact.email.unwrap_or_default();
            self.account.identifies(contact.id, "Somebody Else", &email);
        }
    }
}

fn jane() -> Contact {
    Contact {
        id: 201,
        name: "Jane Doe".to_owned(),
        email: Some("jane@doe.example".to_owned()),
        phone: Some("+12025550109".to_owned()),
        company: None,
    }
}

fn new_contact(story: &mut Story) {
    story.account.meets(jane());
}

fn changed_contact(story: &mut Story) {
    let jane = story.account.meets(Contact {
        email: None,
        ..jane()
    });
    story.pause();
    story
        .account
        .identifies(jane, "Jane Doe", "jane@doe.example");
}

/// The name changes while nobody knows what became of the create: before its retry, and before the look that may find it.
fn renamed_contact(story: &mut Story) {
    let jane = story.account.meets(jane());
    story.pause();
    story
        .account
        .identifies(jane, "Jane Roe", "jane@doe.example");
}

fn contact_with_company(story: &mut Story) {
    story.account.meets(Contact {
        company: Some("Doe & Daughters".to_owned()),
        ..jane()
    });
}

/// One person who wrote by two ways: two lanes, one record.
fn shared_address(story: &mut Story) {
    for id in [201, 202] {
        story.account.meets(Contact { id, ..jane() });
    }
}

fn conversation(story: &mut Story) {
    let jane = story.account.meets(jane());
    let chat = story.account.opens(jane, EMAIL, "Please send an offer.");
    story.pause();
    story.account.answers(chat, "Here it is.");
    story.pause();
    story.account.resolves(chat);
}

fn messages(story: &mut Story) {
    let jane = story.account.meets(jane());
    let chat = story.account.opens(jane, WEB, "Hello?");
    story.account.writes(chat, "Is anybody there?");
    story.pause();
    story.account.notes(chat, "Call her on Monday.");
}

/// Everything that was skipped for want of an identity comes after it.
fn late_identity(story: &mut Story) {
    let visitor = story.account.meets(Contact {
        id: 203,
        name: "snowy-sun-611".to_owned(),
        ..Contact::default()
    });
    let chat = story.account.opens(visitor, WEB, "Do you ship to Norway?");
    story.pause();
    story
        .account
        .identifies(visitor, "Anna Kowalska", "anna@kowalska.example");
    story.account.answers(chat, "We do.");
}
