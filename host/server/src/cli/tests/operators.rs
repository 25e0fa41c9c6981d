//! What operators see: whole sessions at the terminal, for a person to read.

use super::scene::Scene;
use crate::admin::declared::Names;

const DEAD: &str = "dlv_00000000000000000000000000000003";
const RUNNING: &str = "dlv_00000000000000000000000000000006";
const SUPERSEDED: &str = "dlv_00000000000000000000000000000007";

#[tokio::test]
async fn an_empty_listing_says_so() {
    let scene = Scene::empty();
    let told = scene
        .tell(&[
            &["source", "list"],
            &["connection", "list"],
            &["delivery", "list"],
            &["dead", "list"],
            &["effect", "list", "--in-doubt"],
            &["account", "list"],
            &["events", "tail"],
            &["audit", "list"],
            &["audit", "list", "--json"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn what_a_pause_holds_back_says_so() {
    let scene = Scene::after_a_day().await.with_a_refused_token();
    let told = scene
        .tell(&[
            &["delivery", "list", "--state", "paused"],
            &["delivery", "list", "--state", "waiting"],
            &["delivery", "show", "dlv_00000000000000000000000000000002"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn the_policy_of_a_connection_is_set() {
    let scene = Scene::with_connections().await;
    let told = scene
        .tell(&[
            &[
                "connection",
                "set",
                "main",
                "--on-dead",
                "hold",
                "--retry-from",
                "10s",
                "--retry-for",
                "2d",
            ],
            &["connection", "set", "main", "--retry-to", "5s"],
            &["connection", "set", "main", "--retry-for", "0s"],
            &[
                "connection",
                "set",
                "main",
                "--on-dead",
                "continue",
                "--json",
            ],
        ])
        .await;
    insta::assert_snapshot!(told);
    for wrong in [["--on-dead", "wait"], ["--retry-for", "soon"]] {
        let arguments = [&["connection", "set", "main"], &wrong[..]].concat();
        let refused = super::parse(&arguments).expect_err("it means nothing");
        assert_eq!(refused.exit_code(), 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn deliveries_are_listed_shown_retried_and_skipped() {
    let scene = Scene::after_a_day().await;
    let told = scene
        .tell(&[
            &["delivery", "list"],
            &["delivery", "list", "--state", "waiting", "--json"],
            &["delivery", "show", "dlv_00000000000000000000000000000001"],
            &["delivery", "retry", DEAD],
            &[
                "delivery",
                "skip",
                DEAD,
                "--reason",
                "the customer is a test",
            ],
            &["delivery", "skip", DEAD],
            &["delivery", "retry", RUNNING],
            &["delivery", "retry", SUPERSEDED],
            &["delivery", "retry", "dlv_9", "--json"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_listing_says_that_there_is_more_than_it_shows() {
    let scene = Scene::after_a_day().await;
    let told = scene
        .tell(&[
            &["delivery", "list", "--limit", "2"],
            &["delivery", "list", "--limit", "7"],
            &["dead", "list", "--limit", "1"],
        ])
        .await;
    let notes: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("stderr"))
        .collect();
    let note = |these: &str| {
        format!("[stderr] there are more than {these}; --limit NUMBER shows up to 100000")
    };
    assert_eq!(notes, [note("these 2"), note("this one")]);
}

#[tokio::test]
async fn dead_letters_are_listed_retried_and_discarded() {
    let scene = Scene::after_a_day().await;
    let told = scene
        .tell(&[
            &["dead", "list"],
            &["dead", "list", "--code", "conflict"],
            &["dead", "list", "--until", "2026-11-20T08:30:00Z", "--json"],
            &["dead", "retry", "--connection", "mian"],
            &[
                "dead",
                "retry",
                "--connection",
                "main",
                "--since",
                "2026-11-20T08:30:00Z",
            ],
            &[
                "dead",
                "discard",
                "--all",
                "--reason",
                "test data",
                "--json",
            ],
            &["dead", "discard", "--code", "invalid"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_contact_is_explained_held_and_synced() {
    let scene = Scene::after_a_day().await.with_a_refused_token();
    let told = scene
        .tell(&[
            &["explain", "--source", "support", "--contact", "7"],
            &["explain", "--source", "support", "--contact", "99"],
            &["explain", "--source", "suport", "--contact", "7"],
            &["lane", "list"],
            &["lane", "hold", "--connection", "main", "--contact", "8"],
            &["lane", "list"],
            &["lane", "list", "--connection", "main", "--json"],
            &["lane", "list", "--connection", "observer"],
            &["lane", "release", "--connection", "main", "--contact", "8"],
            &["lane", "release", "--connection", "main", "--contact", "8"],
            &["lane", "hold", "--connection", "main", "--contact", "99"],
            &["sync", "contact", "7", "--source", "support"],
            &["sync", "contact", "99", "--source", "support"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn what_a_lane_holds_back_says_so() {
    let scene = Scene::after_a_day().await;
    let told = scene
        .tell(&[
            &["lane", "hold", "--connection", "main", "--contact", "8"],
            &["delivery", "list", "--contact", "8"],
            &["delivery", "show", "dlv_00000000000000000000000000000002"],
            &["explain", "--source", "support", "--contact", "8"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_contact_is_explained_as_one_json_object() {
    let scene = Scene::after_a_day().await;
    let command = ["explain", "--source", "support", "--contact", "7", "--json"];
    let told = scene.tell(&[&command]).await;
    let object = told.lines().nth(1).expect("a line");
    let explained: serde_json::Value = serde_json::from_str(object).expect("one JSON object");
    insta::assert_json_snapshot!(explained);
}

#[tokio::test]
async fn writes_in_doubt_are_listed_and_concluded() {
    let scene = Scene::after_a_day().await;
    let told = scene
        .tell(&[
            &["effect", "list"],
            &["effect", "list", "--account", "main", "--in-doubt"],
            &[
                "effect",
                "conclude",
                "deal/contact:8",
                "--account",
                "main",
                "--done",
                "5",
            ],
            &[
                "effect",
                "conclude",
                "deal/contact:8",
                "--account",
                "main",
                "--not-done",
            ],
            &[
                "effect",
                "conclude",
                "deal/contact:9",
                "--account",
                "main",
                "--not-done",
            ],
            &[
                "effect",
                "conclude",
                "deal/contact:8",
                "--account",
                "mian",
                "--not-done",
            ],
            &["effect", "list", "--in-doubt"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn accounts_and_connections_say_why_they_are_paused() {
    let scene = Scene::with_connections().await.with_a_refused_token();
    let told = scene
        .tell(&[
            &["account", "list"],
            &["account", "show", "main"],
            &["connection", "list"],
            &["account", "resume", "main"],
            &["connection", "pause", "main"],
            &["connection", "show", "main"],
            &["connection", "list"],
            &["connection", "resume", "main"],
            &["account", "pause", "main"],
            &["connection", "list", "--json"],
            &["account", "pause", "nobody"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn events_are_told_as_they_came_in() {
    let scene = Scene::after_a_day().await;
    let told = scene
        .tell(&[
            &["events", "tail"],
            &["events", "tail", "--limit", "1", "--json"],
        ])
        .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn every_deed_is_kept() {
    let scene = Scene::after_a_day().await;
    scene
        .tell(&[
            &["connection", "set", "main", "--mode", "observe"],
            &["connection", "pause", "main"],
            &["connection", "resume", "main"],
            &["account", "pause", "main"],
            &["account", "resume", "main"],
            &["delivery", "retry", DEAD],
            &["delivery", "skip", DEAD],
            &["dead", "retry", "--connection", "main", "--until", "1m"],
            &["dead", "discard", "--all"],
            &["lane", "hold", "--connection", "main", "--contact", "8"],
            &["lane", "release", "--connection", "main", "--contact", "8"],
            &[
                "effect",
                "conclude",
                "deal/contact:8",
                "--account",
                "main",
                "--not-done",
            ],
            &[
                "link",
                "remove",
                "--connection",
                "main",
                "--contact",
                "7",
                "--object",
                "person",
            ],
            &["sync", "contact", "7", "--source", "support"],
            &["connection", "remove", "main"],
            &["connection", "remove", "observer"],
            &["source", "remove", "support"],
        ])
        .await;
    insta::assert_snapshot!(scene.tell(&[&["audit", "list"]]).await);
}

#[tokio::test]
async fn what_the_file_undoes_at_the_next_start_is_said() {
    let scene = Scene::with_connections().await;
    *scene.world.declared.lock().expect("no test panics with it") = Names {
        sources: vec!["support".to_owned()],
        connections: vec!["main".to_owned()],
    };
    let told = scene
        .tell(&[
            &["connection", "set", "main", "--mode", "observe"],
            &["connection", "set", "observer", "--mode", "live"],
            &["connection", "remove", "main"],
            &["connection", "remove", "observer"],
            &["source", "remove", "support"],
        ])
        .await;
    let notes = told.lines().filter(|line| line.contains("the next start"));
    let notes: Vec<&str> = notes.collect();
    let expect = [
        "connection `main`: the next start of the host sets it as it is written there; make the change there, too",
        "connection `main`: the next start of the host adds it again; take it out there, too",
        "source `support`: the next start of the host adds it again; take it out there, too",
    ];
    assert_eq!(
        notes,
        expect.map(|note| format!("[stderr] the configuration file declares {note}"))
    );
}

#[tokio::test]
async fn who_else_has_another_credential_is_said_where_it_is_another() {
    let scene = Scene::with_connections().await;
    let set = [
        "connection",
        "set",
        "main",
        "--credential",
        "token=env:SECRET",
    ];
    let told = scene.tell(&[&set, &set]).await;
    let notes = told.lines().filter(|line| line.contains("another"));
    let notes: Vec<&str> = notes.collect();
    let note = "account `main`, which `observer` also uses, has another credential now";
    assert_eq!(notes, [format!("[stderr] {note}")]);
    let deeds = scene.world.deeds.lock().expect("no test panics with it");
    let details: Vec<&str> = deeds.iter().map(|deed| deed.detail.as_str()).collect();
    let expect = [
        format!("credential `token`; {note}"),
        "credential `token`".to_owned(),
    ];
    assert_eq!(details[details.len() - 2..], expect);
}

#[tokio::test]
async fn what_can_never_work_is_refused_before_it_is_stored() {
    let scene = Scene::with_connections().await;
    let told = scene
        .tell(&[
            &["connection", "set", "main", "--time-zone", "Europe/Berln"],
            &[
                "connection",
                "set",
                "main",
                "--time-zone",
                "Europe/Berlin",
                "--json",
            ],
            &["connection", "set", "main", "--no-time-zone", "--json"],
            &["connection", "show", "mian"],
        ])
        .await;
    insta::assert_snapshot!(told);
    let none = super::parse(&["connection", "set", "main", "--concurrency", "0"]);
    assert_eq!(none.expect_err("nothing would run").exit_code(), 2);
}
