//! Conversations become activities and move leads.

use gladhand_sdk::links::Entity;
use gladhand_sdk::{Contact, EventKind, Outcome, SkipCode};
use serde_json::{Value, json};

use crate::world::{World, changed, conversation, jane};

fn moving() -> World {
    World::with(json!({
        "default_pipeline_id": 1, "default_stage_id": 1, "default_source_id": 1, "default_type_id": 1,
        "stage_progression_enabled": true, "stage_on_conversation_created": 2, "stage_on_first_response": 3,
        "stage_on_conversation_resolved": 5,
    }))
}

fn stage(world: &World) -> Value {
    world.crm.borrow().leads.last().expect("a lead")["lead_pipeline_stage_id"].clone()
}

fn opened() -> gladhand_sdk::Event {
    conversation(EventKind::ConversationOpened, "web-widget", jane())
}

#[test]
fn a_conversation_of_a_new_contact_costs_five_calls() {
    let world = World::new();
    world.handle(&opened()).unwrap();
    assert_eq!(
        world.calls(),
        [
            "GET contacts/persons/search",
            "POST contacts/persons",
            "POST leads",
            "POST activities",
            "PUT activities/3",
        ]
    );
    let crm = world.crm.borrow();
    let activity = &crm.activities[0];
    assert_eq!(activity["title"], "Chatwoot conversation #7 (support)");
    assert_eq!(activity["type"], "note");
    assert_eq!(activity["lead_id"], crm.leads[0]["id"]);
    assert_eq!(activity["person_id"], crm.persons[0]["id"]);
    let comment = activity["comment"].as_str().unwrap();
    assert!(
        comment.contains("Subject: &lt;b&gt;Prices&lt;/b&gt;"),
        "{comment}"
    );
    assert!(comment.contains("<br>"), "{comment}");
}

#[test]
fn a_conversation_of_a_known_contact_costs_four_calls_after_the_pipelines_are_known() {
    let world = World::new();
    world.handle(&changed(jane())).unwrap();
    world.handle(&opened()).unwrap();
    assert_eq!(
        world.calls(),
        [
            "GET leads/2",
            "GET settings/pipelines",
            "GET activities",
            "POST activities",
            "PUT activities/3"
        ]
    );
    assert_eq!(world.crm.borrow().leads.len(), 1);
}

#[test]
fn the_kind_of_an_activity_is_its_channels_and_its_time_is_the_crms() {
    for (channel, kind) in [
        ("email", "email"),
        ("sms", "call"),
        ("whatsapp", "call"),
        ("api", "note"),
    ] {
        let world = World::new();
        world.host.set_zone("Europe/Berlin", 60);
        let event = conversation(EventKind::ConversationOpened, channel, jane());
        world.handle(&event).unwrap();
        let activity = world.crm.borrow().activities[0].clone();
        assert_eq!(activity["type"], kind, "{channel}");
        let at = if kind == "note" {
            Value::Null
        } else {
            json!("2026-01-01 01:00:00")
        };
        assert_eq!(activity["schedule_from"], at, "{channel}");
        assert_eq!(activity["schedule_to"], at, "{channel}");
    }
}

#[test]
fn the_contact_inside_a_conversation_never_updates_its_person() {
    let world = World::new();
    world.handle(&changed(jane())).unwrap();
    let old = Contact {
        name: Some("snowy-sun-611".into()),
        ..jane()
    };
    let event = conversation(EventKind::ConversationOpened, "web-widget", old);
    world.handle(&event).unwrap();
    assert_eq!(world.crm.borrow().persons[0]["name"], "Jane Doe");
}

#[test]
fn a_person_that_a_conversation_found_is_completed_by_the_contact_itself() {
    let world = World::new();
    world.add_person(&json!({
        "name": "Dr. Jane", "emails": [{"value": "jane@example.com", "label": "work"}], "contact_numbers": [],
    }));
    world.handle(&opened()).unwrap();
    assert_eq!(world.crm.borrow().persons[0]["contact_numbers"], json!([]));
    world.handle(&changed(jane())).unwrap();
    let crm = world.crm.borrow();
    assert_eq!(crm.persons[0]["name"], "Dr. Jane");
    assert_eq!(
        crm.persons[0]["contact_numbers"][0]["value"],
        "+15551230001"
    );
}

#[test]
fn a_lead_goes_forward_with_its_conversation() {
    let world = moving();
    world.handle(&opened()).unwrap();
    assert_eq!(
        stage(&world),
        2,
        "a new lead begins where the conversation would move it"
    );
    for (kind, expected) in [
        (EventKind::ConversationFirstResponse, 3),
        (EventKind::ConversationResolved, 5),
        (EventKind::ConversationReopened, 5),
        (EventKind::ConversationFirstResponse, 5),
    ] {
        world
            .handle(&conversation(kind.clone(), "web-widget", jane()))
            .unwrap();
        assert_eq!(stage(&world), expected, "{kind:?}");
    }
}

#[test]
fn a_lead_that_a_person_moved_on_is_not_moved_back() {
    let world = moving();
    world.handle(&opened()).unwrap();
    world.crm.borrow_mut().leads[0]["lead_pipeline_stage_id"] = json!(4);
    let event = conversation(EventKind::ConversationFirstResponse, "web-widget", jane());
    let outcome = world.handle(&event).unwrap();
    assert!(
        matches!(
            outcome,
            Outcome::Skipped {
                code: SkipCode::Unchanged,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(stage(&world), 4);
    assert_eq!(world.calls(), ["GET leads/2"]);
}

#[test]
fn a_customer_who_comes_back_after_the_deal_gets_a_new_lead() {
    let world = moving();
    world.handle(&opened()).unwrap();
    world
        .handle(&conversation(
            EventKind::ConversationResolved,
            "web-widget",
            jane(),
        ))
        .unwrap();
    let mut again = opened();
    again.conversation.as_mut().unwrap().id = "8".into();
    world.handle(&again).unwrap();
    let crm = world.crm.borrow();
    assert_eq!(crm.leads.len(), 2);
    assert_eq!(crm.leads[0]["lead_pipeline_stage_id"], 5);
    assert_eq!(crm.activities[1]["lead_id"], crm.leads[1]["id"]);
}

#[test]
fn a_call_is_done_while_its_conversation_is_resolved() {
    let world = World::new();
    for (kind, done) in [
        (EventKind::ConversationOpened, Value::Null),
        (EventKind::ConversationResolved, json!(1)),
        (EventKind::ConversationReopened, json!(0)),
    ] {
        world
            .handle(&conversation(kind, "whatsapp", jane()))
            .unwrap();
        assert_eq!(world.crm.borrow().activities[0]["is_done"], done);
    }
    assert_eq!(world.crm.borrow().activities.len(), 1);
    assert_eq!(world.calls(), ["PUT activities/3"]);
}

#[test]
fn nothing_is_made_of_conversations_where_that_is_switched_off() {
    let mut world = World::new();
    world.connection.settings["sync_conversations"] = json!(false);
    world.handle(&opened()).unwrap();
    let crm = world.crm.borrow();
    assert_eq!(
        (crm.persons.len(), crm.leads.len(), crm.activities.len()),
        (1, 1, 0)
    );
}

#[test]
fn a_source_with_a_comma_makes_titles_that_can_be_looked_up() {
    let mut world = World::new();
    world.connection.source = "support, eu".into();
    world.handle(&opened()).unwrap();
    let title = world.crm.borrow().activities[0]["title"].clone();
    assert_eq!(title, "Chatwoot conversation #7 (support  eu)");
}

#[test]
fn an_activity_that_was_deleted_in_krayin_is_made_again() {
    let world = World::new();
    let event = |kind| conversation(kind, "sms", jane());
    world.handle(&event(EventKind::ConversationOpened)).unwrap();
    world.crm.borrow_mut().activities.clear();
    world
        .handle(&event(EventKind::ConversationResolved))
        .unwrap();
    let crm = world.crm.borrow();
    assert_eq!(crm.activities.len(), 1);
    assert_eq!(crm.activities[0]["is_done"], 1);
    assert!(
        world
            .host
            .link(&Entity::conversation("7"), "activity")
            .is_some()
    );
}

#[test]
fn an_activity_that_an_earlier_installation_made_is_found() {
    let world = World::new();
    world.handle(&changed(jane())).unwrap();
    world.crm.borrow_mut().activities.push(json!({
        "id": 70, "type": "note", "title": "Chatwoot conversation #7 (support)",
    }));
    world.handle(&opened()).unwrap();
    let crm = world.crm.borrow();
    assert_eq!(crm.activities.len(), 1);
    assert_eq!(crm.activities[0]["lead_id"], crm.leads[0]["id"]);
    assert_eq!(crm.activities[0]["person_id"], crm.persons[0]["id"]);
}
