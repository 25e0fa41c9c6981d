//! A real-shaped day of a small company's inboxes.

use super::Webhook;
use super::account::{Account, Contact, EMAIL, WEB, WHATSAPP};

/// What the CRM should hold when the day is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// People who can be found by something.
    pub persons: usize,
    /// Companies they named.
    pub organizations: usize,
    /// One a person.
    pub leads: usize,
    /// One a conversation.
    pub activities: usize,
}

/// The webhooks of a day that begins at `from_ms`, in the order of sending, and what should come of them.
pub fn day(from_ms: i64) -> (Vec<Webhook>, Expected) {
    let mut account = Account::new(from_ms);
    widget_visitor_who_leaves_an_address_late(&mut account);
    mails_from_companies(&mut account);
    phones_without_an_address(&mut account);
    visitor_who_stays_unknown(&mut account);
    let expected = Expected {
        persons: 9,
        organizations: 3,
        leads: 9,
        activities: 10,
    };
    (account.webhooks, expected)
}

/// A haiku name, two messages, and only in the third an address.
fn widget_visitor_who_leaves_an_address_late(account: &mut Account) {
    let visitor = account.meets(Contact {
        id: 101,
        name: "snowy-sun-611".into(),
        ..Contact::default()
    });
    let chat = account.opens(visitor, WEB, "Hi, do you have a reseller program?");
    account.writes(chat, "We are a small agency in Kraków & Łódź.");
    account.writes(chat, "You can reach me at anna@kowalska.example");
    account.identifies(visitor, "Anna Kowalska", "Anna@Kowalska.example");
    account.answers(chat, "Thank you Anna, I will send you our conditions.");
    account.notes(chat, "Looks serious, call her on Monday.");
    account.resolves(chat);
    account.wait_ms(3_600_000);
    account.reopens(chat);
    account.writes(chat, "One more thing: do you ship to Norway?");
}

fn mails_from_companies(account: &mut Account) {
    let people = [
        (
            102,
            "Jonas Weber",
            "jonas@weber-soehne.example",
            Some("Weber & Söhne, GmbH"),
            "Please send an offer for 40 seats.",
        ),
        (
            103,
            "Lena Weber",
            "lena@weber-soehne.example",
            Some("Weber & Söhne, GmbH"),
            "My colleague asked for 40, we need 60.",
        ),
        (
            104,
            "Siobhán O'Neill",
            "siobhan@oneill.example",
            Some("O'Neill Consulting"),
            "Is there an API?",
        ),
        (
            105,
            "Mateo Díaz",
            "mateo@diaz.example",
            None,
            "How do I cancel?",
        ),
        (
            106,
            "李小龍",
            "bruce@dragon.example",
            Some("Dragon Ltd"),
            "<b>Hello</b> & welcome",
        ),
    ];
    for (id, name, email, company, text) in people {
        let contact = Contact {
            id,
            name: name.to_owned(),
            email: Some(email.to_owned()),
            phone: None,
            company: company.map(str::to_owned),
        };
        let contact = account.meets(contact);
        let mail = account.opens(contact, EMAIL, text);
        account.wait_ms(60_000);
        if id % 2 == 0 {
            account.answers(mail, "We have received your mail and answer today.");
        }
        if id == 104 {
            account.resolves(mail);
        }
    }
}

fn phones_without_an_address(account: &mut Account) {
    let people = [
        (107, "João Lima", "+5511987654321", "Quanto custa?"),
        (108, "Priya Nair", "+919812345678", "Is support included?"),
        (109, "Tom Baker", "+12025550109", "Call me back please"),
    ];
    for (id, name, phone, text) in people {
        let contact = Contact {
            id,
            name: name.to_owned(),
            phone: Some(phone.to_owned()),
            ..Contact::default()
        };
        let contact = account.meets(contact);
        let chat = account.opens(contact, WHATSAPP, text);
        account.answers(chat, "Olá! One moment please.");
        account.wait_ms(120_000);
    }
    // The first comes back for a second conversation: one person, one open lead, two activities.
    let again = account.opens(107, WHATSAPP, "Posso pagar por mês?");
    account.answers(again, "Claro!");
}

/// Nothing to find this one by: skipped, and said so.
fn visitor_who_stays_unknown(account: &mut Account) {
    let visitor = account.meets(Contact {
        id: 110,
        name: "quiet-moon-27".into(),
        ..Contact::default()
    });
    let chat = account.opens(visitor, WEB, "just looking");
    account.wait_ms(600_000);
    account.resolves(chat);
}
