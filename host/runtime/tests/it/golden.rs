//! The golden component: a small complete connector, as built now and as released with each version of the contract.

use gladhand_core::attempt::{Entity, LinkChange};
use gladhand_core::effect::Verdict;
use gladhand_core::outcome::{Change, Outcome};
use gladhand_runtime::{Component, Connector};
use serde_json::json;

use crate::built;
use crate::crm::Crm;
use crate::doubles::SECRET;
use crate::world::{World, call, handle_at, outcome};

/// Components of released contracts must work forever; more would belong to their own pages, not to this folder.
const MOST_BYTES: usize = 200_000;

#[tokio::test]
pub async fn golden() {
    let world = World::new();
    let component = world.load("golden").await;
    check(&world, &component).await;
}

#[tokio::test]
async fn every_released_golden_component_still_works() {
    let released = built::workspace().join("tests/guests/golden");
    let mut seen = 0;
    for file in std::fs::read_dir(released).expect("it is part of the repository") {
        let file = file.expect("it can be read").path();
        let bytes = std::fs::read(&file).expect("it can be read");
        assert!(bytes.len() < MOST_BYTES, "{} is too large", file.display());
        let world = World::new();
        let component = world.runtime.load(&bytes).await.expect("it was released");
        check(&world, &component).await;
        seen += 1;
    }
    assert!(seen > 0, "no component of any version is there");
}

/// A contact becomes a person once, under its lock, with its link, its log line and the account's credential.
async fn check(world: &World, component: &Component) {
    let crm = Crm::start().await;
    assert_eq!(component.descriptor().id, "golden");
    assert!(component.descriptor().mapping.contains_key("person"));

    let report = handle_at(component, &crm.base_url).await;
    assert_eq!(
        report.attempt.locks,
        Some(vec!["email:jane@example.com".to_owned()])
    );
    assert_eq!(report.cost.http_calls, 2);
    assert_eq!(report.attempt.changes.answers[0].verdict, Verdict::Done);
    assert_eq!(report.log[0].message, "created for support");
    assert_eq!(report.log[0].fields[0].0, "at");
    let [LinkChange::Put(entity, link)] = &report.attempt.changes.links[..] else {
        panic!("expected one link, got {:?}", report.attempt.changes.links);
    };
    assert_eq!((entity.kind.as_str(), entity.id.as_str()), ("contact", "7"));
    assert_eq!(
        (link.object.as_str(), link.remote_id.as_str()),
        ("person", "p1")
    );
    assert_eq!(report.attempt.changes.cache.len(), 1);
    let said = format!("{report:?}");
    assert!(!said.contains(SECRET), "the credential got out: {said}");

    let link = (entity.clone(), link.clone());
    assert_eq!(outcome(report), synced("created"));
    assert_eq!(
        crm.people(),
        [json!({ "id": "p1", "name": "Jane Doe", "email": "jane@example.com" })]
    );
    assert_eq!(crm.seen_tokens(), [format!("Bearer {SECRET}")]);

    // What the settle would store is what the next attempt finds.
    world.stored.links.lock().expect("unpoisoned").push(link);
    let report = handle_at(component, &crm.base_url).await;
    assert_eq!(report.cost.http_calls, 0);
    assert_eq!(outcome(report), synced("unchanged"));
}

fn synced(action: &str) -> Outcome {
    Outcome::Synced {
        changes: vec![Change {
            object: "person".to_owned(),
            remote_id: "p1".to_owned(),
            action: action.to_owned(),
            url: None,
        }],
    }
}

#[tokio::test]
async fn setup_is_asked_and_its_refusals_are_failures() {
    let world = World::new();
    let component = world.load("golden").await;
    let checks = component
        .check(call(&component, "http://127.0.0.1:9"))
        .await;
    assert_eq!(checks, Ok(Vec::new()));

    let failure = component
        .discover(call(&component, "http://127.0.0.1:9"), "stages")
        .await
        .expect_err("it discovers nothing");
    assert_eq!(
        (failure.kind.as_str(), failure.message.as_str()),
        ("unsupported", "stages")
    );
}

#[tokio::test]
async fn a_person_that_the_crm_already_has_is_linked_and_not_created() {
    let (world, crm) = (World::new(), Crm::start().await);
    let component = world.load("golden").await;
    outcome(handle_at(&component, &crm.base_url).await);
    let entity = Entity {
        kind: "contact".to_owned(),
        id: "7".to_owned(),
    };
    let report = handle_at(&component, &crm.base_url).await;
    assert_eq!(
        report
            .attempt
            .own_link(&entity, "person")
            .flatten()
            .map(|link| &*link.remote_id),
        Some("p1")
    );
    assert_eq!(crm.people().len(), 1);
}
