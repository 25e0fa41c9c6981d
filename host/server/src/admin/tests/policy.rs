//! What a connection does about failures, set key by key.

use super::*;

#[tokio::test]
async fn the_policy_of_a_connection_is_set_key_by_key() {
    let (world, admin) = world().await;
    let new = NewConnection {
        policy: PolicyChange {
            on_dead: Some(OnDead::Hold),
            ..PolicyChange::default()
        },
        ..connection("main", CRM, "token")
    };
    let added = admin.add_connection(new).await.expect("a connection");
    let expect = PolicyView {
        on_dead: OnDead::Hold,
        retry_from_secs: 5,
        retry_to_secs: 3_600,
        retry_for_secs: 86_400,
    };
    assert_eq!(added.policy, expect);
    let set = |policy| ConnectionChange {
        policy,
        ..ConnectionChange::default()
    };
    let change = PolicyChange {
        retry_to_secs: Some(60),
        ..PolicyChange::default()
    };
    let reloads = || *world.reloads.lock().expect("no test panics with it");
    let before = reloads();
    let changed = admin.set_connection("main", set(change)).await;
    let expect = PolicyView {
        retry_to_secs: 60,
        ..expect
    };
    assert_eq!(changed.expect("it can be").policy, expect);
    let change = PolicyChange {
        retry_from_secs: Some(90),
        ..PolicyChange::default()
    };
    check_problems(
        admin.set_connection("main", set(change)).await,
        &["the first wait, `retry_from_secs` of 90s, cannot be longer than `retry_to_secs` of 1m"],
    );
    let shown = admin.show_connection("main").await.expect("it is there");
    assert_eq!(shown.policy, expect, "what was refused changed nothing");
    assert_eq!(reloads(), before + 1, "the engine heard of what was taken");
}
