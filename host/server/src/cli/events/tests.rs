//! Watching: nothing is missed, nothing is told twice, and it ends when nobody reads.

use std::cell::RefCell;

use gladhand_core::clock::Timestamp;
use gladhand_core::ids::{EventId, SourceId};
use gladhand_store::events::EventRecord;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;
use crate::doubles::World;
use crate::token::Hash;

fn event(number: u128) -> EventRecord {
    EventRecord {
        id: EventId::from_uuid(Uuid::from_u128(number)),
        source: SourceId::from_uuid(Uuid::nil()),
        name: "contact_updated".to_owned(),
        contact: None,
        received_at: Timestamp(0),
        deliveries: Vec::new(),
    }
}

#[test]
fn what_was_removed_is_said_to_be() {
    let connection = "con_01a1fa0e97d674d187ac3c653a730e1f";
    assert_eq!(name(connection), "(removed) con_01a1fa0e97d6…");
    let source = "src_01a1fa0e97d674d187ac3c653a730e1f";
    assert_eq!(name(source), "(removed) src_01a1fa0e97d6…");
    assert_eq!(name("main"), "main");
}

#[tokio::test]
async fn who_watches_is_told_of_each_event_once() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let routes = crate::api::routes(world.admin(), Hash::of(&"secret-token".into()));
    let host = tokio::spawn(async move { axum::serve(listener, routes).await });
    let client = Client::new(&url, "secret-token".into()).expect("a loopback address");

    let add = |number| {
        let mut events = world.events.lock().expect("no test panics with it");
        events.push(event(number));
    };
    add(1);
    let first = Page::get(&client, None, 20).await.expect("an answer");
    assert_eq!(first.items.len(), 1);
    add(2);
    let seen = RefCell::new(Vec::new());
    let print = |items: &[Value]| {
        seen.borrow_mut()
            .extend(items.iter().map(|item| item["id"].clone()));
        // The next one comes while it is watched.
        if seen.borrow().len() == 1 {
            add(3);
        }
        Ok(seen.borrow().len() < 2)
    };
    watch(&client, first.next, print).await.expect("it ends");
    host.abort();
    let expected: Vec<Value> = (2..=3_u128)
        .map(|number| event(number).id.to_string().into())
        .collect();
    assert_eq!(seen.into_inner(), expected);
}
