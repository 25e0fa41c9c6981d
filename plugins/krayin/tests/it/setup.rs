//! Setup says what is wrong in the operator's terms, and offers what Krayin has.

use gladhand_krayin::Krayin;
use gladhand_sdk::testing;
use gladhand_sdk::{CheckState, Connector};
use serde_json::json;

use crate::world::{World, changed, jane};

/// `name: state` of every check.
fn checks(world: &World) -> Vec<String> {
    let checks = world
        .host
        .run(|| Krayin.check(&world.connection))
        .expect("a check reports, it does not fail");
    for check in &checks {
        assert!(
            check.state != CheckState::Failed || check.hint.is_some(),
            "{check:?}"
        );
    }
    let line = |check: &gladhand_sdk::Check| format!("{}: {}", check.name, check.state);
    checks.iter().map(line).collect()
}

#[test]
fn a_working_krayin_passes_every_check() {
    let mut world = World::new();
    world.connection.settings["stage_on_first_response"] = json!(3);
    assert_eq!(
        checks(&world),
        [
            "reachable: passed",
            "rest-api: passed",
            "token: passed",
            "view-permission: passed",
            "pipeline: passed",
            "stage-on-first-response: passed",
            "source: passed",
            "type: passed",
        ]
    );
}

#[track_caller]
fn check_fails(world: &World, failed: &str) {
    let checks = checks(world);
    let failures: Vec<&String> = checks
        .iter()
        .filter(|check| check.ends_with("failed"))
        .collect();
    assert_eq!(failures, [&format!("{failed}: failed")], "{checks:?}");
}

#[test]
fn the_check_that_failed_says_where_to_look() {
    let world = World::new();
    world.crm.borrow_mut().always = Some(|| {
        Err(gladhand_sdk::http::Error::Unreachable(
            "no such host".into(),
        ))
    });
    check_fails(&world, "reachable");

    world.crm.borrow_mut().always = Some(|| testing::html(404, "Not Found"));
    check_fails(&world, "rest-api");

    let world = World::new();
    world.crm.borrow_mut().token_is_dead = true;
    check_fails(&world, "token");

    let world = World::new();
    world.crm.borrow_mut().permission = Some("individual");
    check_fails(&world, "view-permission");

    let mut world = World::new();
    world.connection.base_url = Some("ftp://crm.example.com".into());
    check_fails(&world, "base-url");
}

#[test]
fn settings_that_do_not_fit_krayin_are_named() {
    for (setting, value, check) in [
        ("default_pipeline_id", 9, "pipeline"),
        ("default_stage_id", 9, "pipeline"),
        ("default_source_id", 9, "source"),
        ("default_type_id", 9, "type"),
        ("stage_on_first_response", 9, "stage-on-first-response"),
    ] {
        let mut world = World::new();
        world.connection.settings[setting] = json!(value);
        check_fails(&world, check);
    }
}

#[test]
fn what_setup_found_saves_the_deliveries_their_calls() {
    let world = World::with(json!({}));
    checks(&world);
    world.handle(&changed(jane())).unwrap();
    assert_eq!(world.calls().len(), 3);
}

#[test]
fn pipelines_say_which_stages_are_closed_and_won() {
    let world = World::new();
    let found = world
        .host
        .run(|| Krayin.discover(&world.connection, "pipelines"))
        .unwrap();
    let pipeline = &found["items"][0];
    assert_eq!(pipeline["default"], true);
    assert_eq!(
        pipeline["stages"][4],
        json!({"id": "5", "value": 5, "name": "Won", "closed": true, "won": true})
    );
    assert_eq!(
        pipeline["stages"][5],
        json!({"id": "6", "value": 6, "name": "Lost", "closed": true, "won": false})
    );
}

#[test]
fn sources_types_and_owners_are_listed() {
    let world = World::new();
    for (what, first) in [
        ("sources", json!({"id": "2", "value": 2, "name": "Web"})),
        (
            "types",
            json!({"id": "2", "value": 2, "name": "Existing Business"}),
        ),
        (
            "owners",
            json!({"id": "1", "value": 1, "name": "Example", "email": "admin@example.com"}),
        ),
    ] {
        let found = world.host.run(|| Krayin.discover(&world.connection, what));
        assert_eq!(found.unwrap()["items"][0], first, "{what}");
    }
    let unknown = world
        .host
        .run(|| Krayin.discover(&world.connection, "planets"));
    assert!(unknown.is_err());
}
