//! What the configuration file declares, applied at start.

use super::*;

fn declared(connections: Vec<NewConnection>) -> Declared {
    Declared {
        sources: vec![source("support", Some("0123456789abcdef"))],
        connections,
    }
}

#[tokio::test]
async fn what_is_declared_is_applied_by_name_and_twice_is_once() {
    let world = World::new();
    let admin = world.admin();
    for _ in 0..2 {
        admin
            .apply(declared(vec![connection("main", CRM, "token")]))
            .await
            .expect("it fits");
    }
    assert_eq!(
        world.sources.lock().expect("no test panics with it").len(),
        1
    );
    assert_eq!(
        world
            .connections
            .lock()
            .expect("no test panics with it")
            .len(),
        1
    );
    assert_eq!(
        world.accounts.lock().expect("no test panics with it").len(),
        1
    );
}

#[tokio::test]
async fn a_path_token_survives_being_declared_again() {
    let world = World::new();
    let admin = world.admin();
    let unsigned = || Declared {
        sources: vec![source("old", None)],
        connections: Vec::new(),
    };
    admin.apply(unsigned()).await.expect("it fits");
    let url = admin
        .show_source("old")
        .await
        .expect("it was applied")
        .webhook_url;
    admin.apply(unsigned()).await.expect("it fits");
    assert_eq!(
        admin
            .show_source("old")
            .await
            .expect("it was applied")
            .webhook_url,
        url
    );
}

#[tokio::test]
async fn what_was_paused_at_run_time_stays_paused_when_declared_again() {
    let world = World::new();
    let admin = world.admin();
    admin
        .apply(declared(vec![connection("main", CRM, "token")]))
        .await
        .expect("it fits");
    admin
        .pause_connection("main", true)
        .await
        .expect("it is there");
    admin
        .apply(declared(vec![connection("main", CRM, "token")]))
        .await
        .expect("it fits");
    assert!(
        admin
            .show_connection("main")
            .await
            .expect("it is there")
            .paused
    );
}

#[tokio::test]
async fn what_the_file_says_about_failures_holds_at_every_start() {
    let world = World::new();
    let admin = world.admin();
    let says = |on_dead| {
        let policy = PolicyChange {
            on_dead,
            ..PolicyChange::default()
        };
        declared(vec![NewConnection {
            policy,
            ..connection("main", CRM, "token")
        }])
    };
    for (said, expect) in [(Some(OnDead::Hold), OnDead::Hold), (None, OnDead::Continue)] {
        admin.apply(says(said)).await.expect("it fits");
        let shown = admin.show_connection("main").await.expect("it is there");
        assert_eq!(shown.policy.on_dead, expect);
    }
}

#[tokio::test]
async fn a_rotated_credential_stays_in_its_account() {
    let world = World::new();
    let admin = world.admin();
    let both = |token: &str| {
        declared(vec![
            connection("a", CRM, token),
            connection("b", CRM, token),
        ])
    };
    admin.apply(both("first")).await.expect("it fits");
    admin.apply(both("second")).await.expect("it fits");
    assert_eq!(accounts_used(&world), ["a", "a"]);
    assert_eq!(secrets_named(&world, "token"), ["second"]);
}

#[tokio::test]
async fn a_connection_that_names_an_account_has_its_credential_also_when_that_rotates() {
    let world = World::new();
    let admin = world.admin();
    for token in ["first", "second"] {
        let named = NewConnection {
            account: Some("a".to_owned()),
            credentials: Vec::new(),
            ..connection("b", CRM, token)
        };
        let both = declared(vec![connection("a", CRM, token), named]);
        admin.apply(both).await.expect("it fits");
        assert_eq!(accounts_used(&world), ["a", "a"]);
        assert_eq!(secrets_named(&world, "token"), [token]);
    }
}

#[tokio::test]
async fn a_connection_that_gets_its_own_credential_leaves_the_shared_account() {
    let world = World::new();
    let admin = world.admin();
    let first = vec![connection("a", CRM, "first"), connection("b", CRM, "first")];
    admin.apply(declared(first)).await.expect("it fits");
    let second = || {
        vec![
            connection("a", CRM, "first"),
            connection("b", CRM, "second"),
        ]
    };
    for _ in 0..2 {
        admin.apply(declared(second())).await.expect("it fits");
        assert_eq!(accounts_used(&world), ["a", "b"]);
        assert_eq!(secrets_named(&world, "token"), ["first", "second"]);
    }
}

#[tokio::test]
async fn what_does_not_fit_keeps_nothing_else_from_being_applied() {
    let world = World::new();
    let admin = world.admin();
    let mut wrong = connection("wrong", CRM, "token");
    wrong.settings = json!({ "stage": 0 })
        .as_object()
        .cloned()
        .expect("an object");
    let result = admin
        .apply(declared(vec![wrong, connection("right", CRM, "token")]))
        .await;
    check_problems(
        result,
        &["connection `wrong`: settings.stage: 0 is less than the minimum of 1"],
    );
    assert!(admin.show_connection("right").await.is_ok());
}
