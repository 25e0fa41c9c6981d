//! Who writes what: people of a Chatwoot account who appear, chat, are renamed, answered and resolved, by chance.
//!
//! Every webhook comes with what the CRM must say once it was acknowledged. It sends nothing.

use gladhand_tests::chatwoot::account::{Contact, WEB, WHATSAPP};
use gladhand_tests::chatwoot::{Account, Webhook};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::record;

/// Companies are shared, so that lanes want the same record.
const COMPANIES: i64 = 7;

/// What a webhook says that can be found in the CRM again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The contact's name carries this number.
    Version(u32),
    /// A message, in a conversation that has come this far.
    Message { id: i64, stage: u64 },
    /// A conversation has come this far.
    Stage(u64),
    /// Nothing new.
    Nothing,
}

/// A webhook, whose it is, and what it says.
#[derive(Debug)]
pub struct Line {
    pub contact: i64,
    pub says: Says,
    pub webhook: Webhook,
}

#[derive(Debug, Default)]
struct Person {
    version: u32,
    conversation: Option<i64>,
}

/// The account and its people; never ends.
#[derive(Debug)]
pub struct Script {
    account: Account,
    people: Vec<Person>,
    chance: StdRng,
}

impl Script {
    /// `contacts` people whose story begins at `from_ms`.
    pub fn new(seed: u64, contacts: i64, from_ms: i64) -> Self {
        Self {
            account: Account::new(from_ms),
            people: (0..contacts).map(|_| Person::default()).collect(),
            chance: StdRng::seed_from_u64(seed),
        }
    }

    /// What happens next to somebody: one webhook or more, all of one contact.
    pub fn next(&mut self) -> Vec<Line> {
        let index = self.chance.random_range(0..self.people.len());
        let id = i64::try_from(index).expect("few people") + 1;
        let person = &mut self.people[index];
        let account = &mut self.account;
        match (person.version, person.conversation) {
            (0, _) => {
                person.version = 1;
                account.meets(Contact {
                    id,
                    name: record::name(id, 1),
                    email: Some(record::email(id)),
                    phone: None,
                    company: (id % 4 == 0).then(|| format!("Company {}", id % COMPANIES)),
                });
            }
            (_, None) => {
                let inbox = if id % 2 == 0 { WEB } else { WHATSAPP };
                person.conversation = Some(account.opens(id, inbox, "Hello"));
            }
            (_, Some(conversation)) => match self.chance.random_range(0..100) {
                0..45 => account.writes(conversation, "One more thing"),
                45..65 => account.answers(conversation, "Let me see"),
                65..90 => {
                    person.version += 1;
                    let name = record::name(id, person.version);
                    account.identifies(id, &name, &record::email(id));
                }
                _ => {
                    account.resolves(conversation);
                    person.conversation = None;
                }
            },
        }
        let line = |webhook: Webhook| Line {
            contact: id,
            says: says(&webhook),
            webhook,
        };
        std::mem::take(&mut self.account.webhooks)
            .into_iter()
            .map(line)
            .collect()
    }
}

fn says(webhook: &Webhook) -> Says {
    let body = &webhook.body;
    let renames = |changed: &Value| changed.get("name").is_some();
    match webhook.event.as_str() {
        "contact_created" => version(body),
        "contact_updated" => match body["changed_attributes"].as_array() {
            Some(changed) if changed.iter().any(renames) => version(body),
            _ => Says::Nothing,
        },
        "message_created" => Says::Message {
            id: body["id"].as_i64().unwrap_or_default(),
            stage: stage(&body["conversation"]),
        },
        _ => Says::Stage(stage(body)),
    }
}

fn version(contact: &Value) -> Says {
    record::version(contact["name"].as_str().unwrap_or_default())
        .map_or(Says::Nothing, Says::Version)
}

/// The stage that a conversation in this state brings its lead to, at least.
fn stage(conversation: &Value) -> u64 {
    match (
        &conversation["status"],
        &conversation["first_reply_created_at"],
    ) {
        (status, _) if status == "resolved" => record::STAGE_RESOLVED,
        (_, Value::Null) => record::STAGE_OPENED,
        _ => record::STAGE_ANSWERED,
    }
}
