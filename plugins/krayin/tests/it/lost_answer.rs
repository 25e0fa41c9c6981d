//! The answer to a person's create is lost, and the contact or the person changes before the retry: no change is lost.

use gladhand_sdk::links::{Entity, Link};
use gladhand_sdk::{Contact, EventKind, Outcome};
use serde_json::{Value, json};

use crate::krayin::Fault;
use crate::world::{World, changed, conversation, jane, jane_of};

const LOST: [Fault; 2] = [Fault::TimeoutAfter, Fault::ErrorAfter];

/// A Krayin in which a person was created, or not, without an answer.
#[track_caller]
fn unanswered(contact: Contact, fault: Fault) -> World {
    let world = World::new();
    world.crm.borrow_mut().fault = Some(("contacts/persons", fault));
    world
        .attempt("first", &changed(contact))
        .expect_err("the answer is lost");
    world.host.advance(60_000);
    world
}

fn renamed(contact: Contact) -> Contact {
    Contact {
        name: Some("Jane Smith".into()),
        ..contact
    }
}

fn only_number() -> Contact {
    Contact {
        email: None,
        ..jane()
    }
}

/// The one person, and its addresses.
#[track_caller]
fn check_person(world: &World, name: &str, emails: &[&str]) {
    let crm = world.crm.borrow();
    assert_eq!(crm.persons.len(), 1, "{:?}", crm.persons);
    assert_eq!(crm.persons[0]["name"], name);
    assert_eq!(values(&crm.persons[0]["emails"]), emails);
    assert_eq!(crm.leads.len(), 1);
}

fn values(entries: &Value) -> Vec<&str> {
    let entries = entries.as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry["value"].as_str())
        .collect()
}

/// The contact says nothing new: Krayin is not asked, and nothing of the create is left over.
#[track_caller]
fn check_settled(world: &World, contact: Contact) {
    let outcome = world.handle(&changed(contact)).expect("handled");
    assert!(matches!(outcome, Outcome::Skipped { .. }), "{outcome:?}");
    assert_eq!(world.calls().len(), 0);
    let draft = world.host.link(&Entity::contact("42"), "person-draft");
    assert_eq!(draft, None);
}

#[test]
fn a_contact_that_was_renamed_before_the_retry_is_renamed() {
    for fault in LOST {
        let world = unanswered(jane(), fault);
        let jane = renamed(jane());
        world.attempt("first", &changed(jane.clone())).unwrap();
        check_person(&world, "Jane Smith", &["jane@example.com"]);
        check_settled(&world, jane);
    }
}

#[test]
fn a_contact_that_did_not_change_is_only_compared() {
    let world = unanswered(jane(), Fault::TimeoutAfter);
    world.attempt("first", &changed(jane())).unwrap();
    let calls = world.calls();
    assert!(
        !calls.iter().any(|call| call.starts_with("PUT")),
        "{calls:?}"
    );
    check_person(&world, "Jane Doe", &["jane@example.com"]);
    check_settled(&world, jane());
}

#[test]
fn a_contact_that_was_renamed_after_a_conversation_found_its_person_is_renamed() {
    for fault in LOST {
        let world = World::new();
        world.crm.borrow_mut().fault = Some(("contacts/persons", fault));
        let opened = |contact| conversation(EventKind::ConversationOpened, "web-widget", contact);
        world.attempt("talk", &opened(jane())).unwrap_err();
        world.host.advance(60_000);
        // What the conversation carries may be old or new, and changes nothing.
        world.attempt("talk", &opened(renamed(jane()))).unwrap();
        check_person(&world, "Jane Doe", &["jane@example.com"]);

        world.handle(&changed(renamed(jane()))).unwrap();
        check_person(&world, "Jane Smith", &["jane@example.com"]);
        check_settled(&world, renamed(jane()));
    }
}

#[test]
fn a_conversation_that_finds_the_person_of_an_unanswered_contact_loses_no_later_name() {
    let world = unanswered(jane(), Fault::TimeoutAfter);
    let opened = conversation(EventKind::ConversationOpened, "web-widget", jane());
    world.attempt("talk", &opened).unwrap();
    world.attempt("first", &changed(renamed(jane()))).unwrap();
    check_person(&world, "Jane Smith", &["jane@example.com"]);
    check_settled(&world, renamed(jane()));
}

#[test]
fn a_real_address_that_comes_before_the_retry_replaces_the_one_that_leads_nowhere() {
    for fault in LOST {
        let world = unanswered(only_number(), fault);
        world.attempt("first", &changed(jane())).unwrap();
        check_person(&world, "Jane Doe", &["jane@example.com"]);
        check_settled(&world, jane());
    }
}

#[test]
fn an_address_that_changes_before_the_retry_leaves_no_second_person() {
    for fault in LOST {
        let quiet = Contact {
            phone: None,
            ..jane()
        };
        let world = unanswered(quiet.clone(), fault);
        let moved = Contact {
            email: Some("jane@new.example".into()),
            ..renamed(quiet)
        };
        world.attempt("first", &changed(moved.clone())).unwrap();
        check_person(&world, "Jane Smith", &["jane@new.example"]);
        let old = Entity::identity("email:jane@example.com");
        assert_eq!(world.host.link(&old, "person"), None);
        check_settled(&world, moved);
    }
}

#[test]
fn a_create_that_never_arrived_is_sent_as_the_contact_is_now() {
    let world = unanswered(jane(), Fault::TimeoutBefore);
    let moved = Contact {
        email: Some("jane@new.example".into()),
        ..renamed(jane())
    };
    world.attempt("first", &changed(moved.clone())).unwrap();
    check_person(&world, "Jane Smith", &["jane@new.example"]);
    let old = Entity::identity("email:jane@example.com");
    assert_eq!(world.host.link(&old, "person"), None);
    check_settled(&world, moved);
}

#[track_caller]
fn check_second_loss(first: Fault) {
    let world = unanswered(jane(), first);
    world.crm.borrow_mut().fault = Some(("contacts/persons", Fault::TimeoutAfter));
    world
        .attempt("first", &changed(renamed(jane())))
        .expect_err("the answer is lost");
    world.host.advance(60_000);
    let third = Contact {
        name: Some("Jane Jones".into()),
        ..jane()
    };
    world
        .attempt("first", &changed(third.clone()))
        .expect("handled");
    check_person(&world, "Jane Jones", &["jane@example.com"]);
    check_settled(&world, third);
}

#[test]
fn an_answer_that_is_lost_after_a_create_that_never_arrived_loses_no_name() {
    check_second_loss(Fault::TimeoutBefore);
    check_second_loss(Fault::Unreachable);
    check_second_loss(Fault::WebPage);
}

#[test]
fn an_update_that_is_lost_after_the_create_was_loses_no_name() {
    for fault in [Fault::TimeoutBefore, Fault::TimeoutAfter, Fault::ErrorAfter] {
        let world = unanswered(jane(), Fault::TimeoutAfter);
        world.crm.borrow_mut().fault = Some(("contacts/persons/", fault));
        world
            .attempt("first", &changed(renamed(jane())))
            .unwrap_err();
        world.host.advance(60_000);
        let third = Contact {
            name: Some("Jane Jones".into()),
            ..jane()
        };
        world.attempt("first", &changed(third.clone())).unwrap();
        check_person(&world, "Jane Jones", &["jane@example.com"]);
        check_settled(&world, third);
    }
}

#[test]
fn a_person_that_somebody_renamed_before_the_retry_keeps_the_name() {
    let world = unanswered(jane(), Fault::TimeoutAfter);
    world.crm.borrow_mut().persons[0]["name"] = json!("Dr. Jane Doe");
    world.attempt("first", &changed(renamed(jane()))).unwrap();
    check_person(&world, "Dr. Jane Doe", &["jane@example.com"]);
    check_settled(&world, renamed(jane()));
}

#[test]
fn a_person_that_somebody_else_wrote_while_the_create_was_lost_is_adopted() {
    let world = unanswered(jane_of("Globex"), Fault::TimeoutBefore);
    world.add_person(&json!({
        "name": "Dr. Jane Doe", "emails": [{"value": "jane@example.com", "label": "home"}],
        "contact_numbers": [], "user_id": 3, "organization_id": null,
    }));
    world
        .attempt("first", &changed(renamed(jane_of("Globex"))))
        .unwrap();
    check_person(&world, "Dr. Jane Doe", &["jane@example.com"]);
    {
        let crm = world.crm.borrow();
        let person = &crm.persons[0];
        assert_eq!(values(&person["contact_numbers"]), ["+15551230001"]);
        assert_eq!(person["organization_id"], crm.organizations[0]["id"]);
        assert_eq!(person["user_id"], 3);
    }
    check_settled(&world, renamed(jane_of("Globex")));
}

#[test]
fn a_company_that_changes_before_the_retry_is_brought_in() {
    let world = unanswered(jane_of("Globex"), Fault::TimeoutAfter);
    world
        .attempt("first", &changed(jane_of("Initech")))
        .unwrap();
    let crm = world.crm.borrow();
    assert_eq!(crm.organizations[1]["name"], "Initech");
    assert_eq!(
        crm.persons[0]["organization_id"],
        crm.organizations[1]["id"]
    );
}

#[test]
fn what_half_a_write_left_out_is_brought_in() {
    let world = unanswered(jane_of("Globex"), Fault::ErrorAfter);
    let contact = Contact {
        attributes: json!({"job_title": "CTO"}).as_object().unwrap().clone(),
        ..jane_of("Globex")
    };
    world.crm.borrow_mut().persons[0]["organization_id"] = Value::Null;
    world.attempt("first", &changed(contact)).unwrap();
    let crm = world.crm.borrow();
    assert_eq!(crm.persons[0]["job_title"], "CTO");
    assert_eq!(
        crm.persons[0]["organization_id"],
        crm.organizations[0]["id"]
    );
}

#[test]
fn a_person_that_another_contact_made_meanwhile_is_adopted() {
    let world = unanswered(jane(), Fault::TimeoutBefore);
    let twin = Contact {
        id: "43".into(),
        name: Some("J. Doe".into()),
        ..jane()
    };
    world.attempt("second", &changed(twin)).unwrap();
    world.attempt("first", &changed(jane())).unwrap();
    check_person(&world, "J. Doe", &["jane@example.com"]);
    let link = world.host.link(&Entity::contact("42"), "person");
    assert_eq!(
        link.map(|Link { remote_id, .. }| remote_id),
        Some("1".into())
    );
    check_settled(&world, jane());
}
