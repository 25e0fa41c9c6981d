//! Contacts become persons, organisations and leads.

use gladhand_sdk::links::Entity;
use gladhand_sdk::{Contact, Outcome, SkipCode};
use serde_json::json;

use crate::world::{World, changed, jane, jane_of};

#[track_caller]
fn is_skipped(outcome: &Outcome, expected: SkipCode) {
    match outcome {
        Outcome::Skipped { code, .. } => assert_eq!(*code, expected),
        Outcome::Synced { .. } => panic!("{outcome:?} is not skipped as {expected}"),
    }
}

#[test]
fn a_new_contact_costs_three_calls() {
    let world = World::new();
    let outcome = world.handle(&changed(jane())).unwrap();
    let Outcome::Synced { changes } = outcome else {
        panic!("{outcome:?}");
    };
    let made: Vec<(&str, &str)> = changes
        .iter()
        .map(|change| (change.object.as_str(), change.action.as_str()))
        .collect();
    assert_eq!(made, [("person", "created"), ("lead", "created")]);
    assert_eq!(
        world.calls(),
        [
            "GET contacts/persons/search",
            "POST contacts/persons",
            "POST leads"
        ]
    );

    let crm = world.crm.borrow();
    let person = &crm.persons[0];
    assert_eq!(person["name"], "Jane Doe");
    assert_eq!(
        person["emails"],
        json!([{"value": "jane@example.com", "label": "work"}])
    );
    assert_eq!(
        person["contact_numbers"],
        json!([{"value": "+15551230001", "label": "work"}])
    );
    let lead = &crm.leads[0];
    assert_eq!(lead["title"], "Jane Doe");
    assert_eq!(lead["description"], "Chatwoot contact support:42");
    assert_eq!(lead["person"], json!({"id": person["id"]}));
    for (field, value) in [
        ("lead_source_id", 1),
        ("lead_type_id", 1),
        ("lead_pipeline_stage_id", 1),
    ] {
        assert_eq!(lead[field], value, "{field}");
    }
}

#[test]
fn an_unchanged_contact_costs_no_call() {
    let world = World::new();
    world.handle(&changed(jane_of("Acme"))).unwrap();
    let outcome = world.handle(&changed(jane_of("Acme"))).unwrap();
    is_skipped(&outcome, SkipCode::Unchanged);
    assert_eq!(world.calls().len(), 0);
    assert_eq!(
        world.host.locked(),
        None,
        "nothing is made, so nothing is locked"
    );
}

#[test]
fn a_changed_contact_costs_two_calls_and_keeps_what_others_wrote() {
    let world = World::new();
    world.handle(&changed(jane())).unwrap();
    {
        let person = &mut world.crm.borrow_mut().persons[0];
        person["user_id"] = json!(3);
        person["is_vip"] = json!(true);
        person["emails"]
            .as_array_mut()
            .unwrap()
            .push(json!({"value": "jane@home.example", "label": "home"}));
    }
    let renamed = Contact {
        name: Some("Jane Smith".into()),
        email: Some("jane@new.example".into()),
        ..jane()
    };
    world.handle(&changed(renamed)).unwrap();
    assert_eq!(
        world.calls(),
        [
            "GET settings/attributes/lookup-entity/persons",
            "PUT contacts/persons/1"
        ]
    );
    let crm = world.crm.borrow();
    let person = &crm.persons[0];
    assert_eq!(person["name"], "Jane Smith");
    assert_eq!(person["user_id"], 3, "the owner is kept");
    assert_eq!(person["is_vip"], true, "a flag is kept");
    assert_eq!(
        person["emails"],
        json!([{"value": "jane@new.example", "label": "work"}, {"value": "jane@home.example", "label": "home"}])
    );
    drop(crm);
    let old = Entity::identity("email:jane@example.com");
    assert_eq!(
        world.host.link(&old, "person"),
        None,
        "the address is free for another person"
    );
}

#[test]
fn a_contact_without_identity_waits_until_it_has_one() {
    let world = World::new();
    let nameless = Contact {
        email: None,
        phone: None,
        ..jane()
    };
    let outcome = world.handle(&changed(nameless)).unwrap();
    is_skipped(&outcome, SkipCode::NoIdentity);
    assert_eq!(world.calls().len(), 0);

    world.handle(&changed(jane())).unwrap();
    assert_eq!(world.crm.borrow().persons.len(), 1);
}

#[test]
fn a_contact_with_only_a_number_gets_an_address_that_leads_nowhere_until_it_has_one() {
    let world = World::new();
    let caller = Contact {
        email: None,
        phone: Some("(555) 123-0001".into()),
        ..jane()
    };
    world.handle(&changed(caller)).unwrap();
    let stand_in = |world: &World| world.crm.borrow().persons[0]["emails"].clone();
    assert_eq!(
        stand_in(&world),
        json!([{"value": "phone-15551230001@chatwoot.invalid", "label": "work"}])
    );
    world.handle(&changed(jane())).unwrap();
    assert_eq!(
        stand_in(&world),
        json!([{"value": "jane@example.com", "label": "work"}])
    );
    assert_eq!(world.crm.borrow().persons.len(), 1);
}

#[test]
fn a_contact_without_a_number_sends_a_blank_one() {
    let world = World::new();
    let quiet = Contact {
        phone: None,
        ..jane()
    };
    world.handle(&changed(quiet)).unwrap();
    let numbers = world.crm.borrow().persons[0]["contact_numbers"].clone();
    assert_eq!(numbers, json!([{"value": "", "label": "work"}]));
}

#[test]
fn a_blocked_contact_makes_nothing_and_stays_in_step() {
    let world = World::new();
    let blocked = Contact {
        blocked: true,
        ..jane()
    };
    is_skipped(
        &world.handle(&changed(blocked.clone())).unwrap(),
        SkipCode::BlockedContact,
    );

    world.handle(&changed(jane())).unwrap();
    let renamed = Contact {
        name: Some("Jane Smith".into()),
        ..blocked
    };
    world.handle(&changed(renamed)).unwrap();
    assert_eq!(world.crm.borrow().persons[0]["name"], "Jane Smith");
}

#[track_caller]
fn check_organization(name: &str, there: Option<&str>, search: &str) {
    let world = World::new();
    let id = there.map(|there| world.add_organization(there));
    world.handle(&changed(jane_of(name))).expect("synced");
    assert!(
        world.calls().contains(&search.to_owned()),
        "{:?}",
        world.calls()
    );
    let crm = world.crm.borrow();
    assert_eq!(crm.organizations.len(), 1);
    assert_eq!(
        crm.persons[0]["organization_id"],
        crm.organizations[0]["id"]
    );
    if let Some(id) = id {
        assert_eq!(crm.organizations[0]["id"], id);
    }
}

#[test]
fn an_organisation_is_found_by_its_exact_name() {
    check_organization("Globex", Some("Globex"), "GET contacts/organizations");
    check_organization("Globex", None, "GET contacts/organizations");
}

#[test]
fn an_organisation_with_a_comma_in_its_name_is_found() {
    let search = "GET settings/attributes/lookup/organizations";
    check_organization("Acme, Inc.", Some("Acme, Inc."), search);
    check_organization("Acme, Inc.", None, search);
}

#[test]
fn a_new_contact_with_a_new_organisation_costs_five_calls_and_the_next_one_three() {
    let world = World::new();
    world.handle(&changed(jane_of("Globex"))).unwrap();
    assert_eq!(world.calls().len(), 5);
    let john = Contact {
        id: "43".into(),
        email: Some("john@example.com".into()),
        phone: None,
        ..jane_of("Globex")
    };
    world.handle(&changed(john)).unwrap();
    assert_eq!(world.calls().len(), 3);
}

#[test]
fn every_once_key_is_locked_up_front_in_one_go() {
    let world = World::new();
    world.handle(&changed(jane_of("Globex"))).unwrap();
    assert_eq!(
        world.host.locked().unwrap(),
        [
            "person/email:jane@example.com",
            "person/phone:+15551230001",
            "organization/name:globex",
            "open-lead:pipeline-1:email:jane@example.com",
            "open-lead:pipeline-1:phone:+15551230001",
            "open-lead:pipeline-1:contact:support:42",
        ]
    );
}

#[test]
fn ids_that_are_not_set_are_looked_up_once_an_hour() {
    let world = World::with(json!({}));
    world.handle(&changed(jane())).unwrap();
    assert_eq!(world.calls().len(), 6);
    let lead = world.crm.borrow().leads[0].clone();
    assert_eq!(
        (&lead["lead_source_id"], &lead["lead_type_id"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(lead["lead_pipeline_stage_id"], 1);

    let john = |id: &str| Contact {
        id: id.into(),
        email: Some(format!("john{id}@example.com")),
        phone: None,
        ..jane()
    };
    world.handle(&changed(john("43"))).unwrap();
    assert_eq!(world.calls().len(), 3);
    world.host.advance(3_600_001);
    world.handle(&changed(john("44"))).unwrap();
    assert_eq!(world.calls().len(), 6);
}
