//! Messages become notes, where that is wanted.

use gladhand_sdk::{Event, EventKind, Message, Outcome, SkipCode};
use serde_json::json;

use crate::world::{World, conversation, jane};

fn message(private: bool) -> Event {
    let mut event = conversation(EventKind::MessageCreated, "web-widget", jane());
    event.messages = vec![Message {
        id: "900".into(),
        incoming: true,
        private,
        author_kind: "contact".into(),
        author_name: Some("Jane".into()),
        text: "1 < 2\nbye".into(),
        ..Message::default()
    }];
    event
}

#[test]
fn messages_are_notes_where_that_is_switched_on() {
    let mut world = World::new();
    let outcome = world.handle(&message(false)).unwrap();
    assert!(matches!(
        outcome,
        Outcome::Skipped {
            code: SkipCode::DisabledBySetting,
            ..
        }
    ));

    world.connection.settings["sync_messages"] = json!(true);
    world
        .handle(&conversation(
            EventKind::ConversationOpened,
            "web-widget",
            jane(),
        ))
        .unwrap();
    world.handle(&message(false)).unwrap();
    assert_eq!(world.calls(), ["GET activities", "POST activities"]);
    let note = world.crm.borrow().activities[1].clone();
    assert_eq!(note["title"], "Chatwoot message #900 (support)");
    assert_eq!(note["comment"], "Jane:<br>1 &lt; 2<br>bye");
    world.handle(&message(false)).unwrap();
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn private_notes_stay_in_the_source() {
    let mut world = World::new();
    world.connection.settings["sync_messages"] = json!(true);
    let outcome = world.handle(&message(true)).unwrap();
    assert!(matches!(
        outcome,
        Outcome::Skipped {
            code: SkipCode::DisabledBySetting,
            ..
        }
    ));
}
