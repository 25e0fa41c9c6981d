//! Finding a person by what the contact can be found by.

use gladhand_sdk::create::Look;

use super::Draft;
use crate::client::Client;
use crate::error::Error;
use crate::mapping::Wanted;
use crate::model::{self, Person};

/// Before a create only the best identity is looked up: Krayin refuses a number that is taken, and says so for free.
/// What an unanswered create left comes first: the contact may have another address by now.
pub fn find(
    client: &Client,
    wanted: &Wanted,
    draft: Option<&Draft>,
    look: Look,
) -> Result<Option<String>, Error> {
    let drafted = draft.and_then(|draft| draft.written.email.as_ref());
    if let Some(email) = drafted.filter(|email| wanted.email.as_ref() != Some(*email))
        && let Some(found) = find_by_email(client, email)?
    {
        return Ok(Some(found));
    }
    if let Some(email) = &wanted.email {
        let found = find_by_email(client, email)?;
        if found.is_some() || look == Look::First {
            return Ok(found);
        }
    }
    match &wanted.phone {
        Some(phone) => find_by_phone(client, phone),
        None => Ok(None),
    }
}

pub fn find_by_email(client: &Client, email: &str) -> Result<Option<String>, Error> {
    search(client, "emails", email, |person| person.has_email(email))
}

pub fn find_by_phone(client: &Client, phone: &str) -> Result<Option<String>, Error> {
    search(client, "contact_numbers", phone, |person| {
        person.has_phone(phone)
    })
}

/// Krayin looks for a part of the stored JSON, by bytes; what really matches is for us to see.
fn search(
    client: &Client,
    field: &str,
    value: &str,
    matches: impl Fn(&Person) -> bool,
) -> Result<Option<String>, Error> {
    if value.contains([':', ';']) {
        // These separate the terms of a search and cannot be escaped: such a value cannot be looked for.
        return Ok(None);
    }
    let request = client
        .get("contacts/persons/search")
        .query("search", format!("{field}:{value}"))
        .query("searchFields", format!("{field}:like"))
        .query("limit", "50");
    let found: Vec<Person> = model::data(client.send(&request)?)?;
    // Where duplicates are already there, the oldest is the one that people know.
    Ok(found
        .into_iter()
        .filter(matches)
        .map(|person| person.id)
        .min_by_key(|id| id.parse().unwrap_or(u64::MAX)))
}
