//! The rules for sources, accounts and connections.

mod declared;

mod policy;

mod sources;

use gladhand_core::connection::{Mode, OnDead};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, json};

use super::*;
use crate::doubles::World;

fn source(name: &str, webhook_secret: Option<&str>) -> NewSource {
    NewSource {
        name: name.to_owned(),
        webhook_secret: webhook_secret.map(SecretString::from),
        base_url: None,
        account_id: None,
        api_token: None,
        allow_private_network: false,
        allow_http: false,
    }
}

fn connection(name: &str, base_url: &str, token: &str) -> NewConnection {
    NewConnection {
        name: name.to_owned(),
        source: "support".to_owned(),
        connector: "crm".to_owned(),
        base_url: Some(base_url.to_owned()),
        credentials: vec![("token".to_owned(), token.into())],
        account: None,
        concurrency: None,
        inboxes: Vec::new(),
        mode: Mode::Live,
        policy: PolicyChange::default(),
        time_zone: None,
        settings: Map::new(),
        allow_private_network: false,
        allow_http: false,
    }
}

const CRM: &str = "https://crm.example.com";

async fn world() -> (Arc<World>, Arc<Admin>) {
    let world = World::new();
    let admin = world.admin();
    admin
        .add_source(source("support", Some("0123456789abcdef")))
        .await
        .expect("a source");
    (world, admin)
}

#[track_caller]
fn check_problems<T: std::fmt::Debug>(result: Result<T, Error>, expect: &[&str]) {
    match result {
        Err(Error::Invalid(problems)) => assert_eq!(problems, expect),
        other => panic!("expected problems, got {other:?}"),
    }
}

/// The names of the accounts that the connections use, in order.
fn accounts_used(world: &World) -> Vec<String> {
    let accounts = world.accounts.lock().expect("no test panics with it");
    let connections = world.connections.lock().expect("no test panics with it");
    let name = |id| {
        accounts
            .iter()
            .find(|account| account.id == id)
            .map(|account| account.name.clone())
    };
    connections
        .iter()
        .filter_map(|connection| name(connection.account))
        .collect()
}

fn secrets_named(world: &World, wanted: &str) -> Vec<String> {
    let secrets = world.secrets.lock().expect("no test panics with it");
    let found = secrets.iter().filter(|(_, name, _)| name == wanted);
    found
        .map(|(_, _, secret)| secret.expose_secret().to_owned())
        .collect()
}

#[tokio::test]
async fn everything_that_does_not_fit_is_said_at_once() {
    let (world, admin) = world().await;
    let mut new = connection("main", "http://crm.example.com", "token");
    new.credentials = vec![("tokn".to_owned(), "x".into())];
    new.settings = json!({ "stage": 0, "country": "US" })
        .as_object()
        .cloned()
        .expect("an object");
    check_problems(
        admin.add_connection(new).await,
        &[
            "`http://crm.example.com` goes without TLS: use https://, or say allow_http (--allow-http) where that is meant",
            "the connector `crm` needs the credential `token`",
            "the connector `crm` knows no credential `tokn`; it takes token",
            "settings.stage: 0 is less than the minimum of 1",
        ],
    );
    assert!(
        world
            .accounts
            .lock()
            .expect("no test panics with it")
            .is_empty(),
        "nothing was stored"
    );
}

#[tokio::test]
async fn a_setting_that_nobody_knows_is_named_with_the_one_that_was_meant() {
    let (_, admin) = world().await;
    let mut new = connection("main", CRM, "token");
    new.settings = json!({ "stge": 1, "mood": "good" })
        .as_object()
        .cloned()
        .expect("an object");
    check_problems(
        admin.add_connection(new).await,
        &[
            "the connector `crm` has no setting `mood`; it has country, stage",
            "the connector `crm` has no setting `stge`; did you mean `stage`?",
        ],
    );
}

#[tokio::test]
async fn a_connection_that_could_never_run_is_not_stored() {
    let (world, admin) = world().await;
    let mut new = connection("main", CRM, "token");
    new.concurrency = Some(0);
    new.time_zone = Some("Europe/Berln".to_owned());
    let expect = [
        "the concurrency must be at least 1; to stop everything, pause the connection",
        "there is no time zone `Europe/Berln`; did you mean `Europe/Berlin`?",
    ];
    check_problems(admin.add_connection(new).await, &expect);
    assert!(
        world
            .connections
            .lock()
            .expect("no test panics with it")
            .is_empty()
    );
    admin
        .add_connection(connection("main", CRM, "token"))
        .await
        .expect("a connection");
    let change = ConnectionChange {
        concurrency: Some(0),
        time_zone: Some("Europe/Berln".to_owned()),
        ..ConnectionChange::default()
    };
    check_problems(admin.set_connection("main", change).await, &expect);
}

#[tokio::test]
async fn a_connection_that_stopped_by_itself_says_why_and_is_resumed() {
    let (world, admin) = world().await;
    admin
        .add_connection(connection("main", CRM, "token"))
        .await
        .expect("a connection");
    let id = world.connections.lock().expect("no test panics with it")[0].id;
    let paused = gladhand_core::pause::Paused {
        by: gladhand_core::pause::By::Host,
        since: crate::doubles::NOW,
        kind: None,
        message: "the role of the token lacks leads".to_owned(),
        connection: Some(id),
        next_test: None,
    };
    world
        .pauses
        .lock()
        .expect("no test panics with it")
        .connections
        .push((id, paused));
    let shown = admin.show_connection("main").await.expect("it is there");
    assert_eq!(
        (shown.paused, shown.paused_because.as_deref()),
        (
            true,
            Some("it paused itself: the role of the token lacks leads")
        )
    );
    let resumed = admin
        .pause_connection("main", false)
        .await
        .expect("it is there");
    assert_eq!((resumed.paused, resumed.paused_because), (false, None));
}

#[tokio::test]
async fn a_connector_that_needs_the_base_url_gets_it() {
    let (_, admin) = world().await;
    let mut new = connection("main", CRM, "token");
    new.base_url = None;
    check_problems(
        admin.add_connection(new).await,
        &["the connector `crm` needs the `base_url` (--base-url) of the CRM"],
    );
}

#[tokio::test]
async fn a_stored_credential_that_no_version_knows_any_more_stands_in_nobodys_way() {
    let (world, admin) = world().await;
    admin
        .add_connection(connection("main", CRM, "token"))
        .await
        .expect("a connection");
    let account = world.accounts.lock().expect("no test panics with it")[0].id;
    let owner = gladhand_store::settings::SecretOwner::Account(account);
    gladhand_store::Settings::put_secret(&*world, owner, "old", &"x".into())
        .await
        .expect("a double does not fail");
    admin
        .set_connection("main", ConnectionChange::default())
        .await
        .expect("it fits");
    let change = ConnectionChange {
        credentials: vec![("older".to_owned(), "x".into())],
        ..ConnectionChange::default()
    };
    check_problems(
        admin.set_connection("main", change).await,
        &["the connector `crm` knows no credential `older`; it takes token"],
    );
}

#[tokio::test]
async fn a_source_or_connector_that_is_not_there_is_named() {
    let (_, admin) = world().await;
    let mut new = connection("main", CRM, "token");
    new.source = "sales".to_owned();
    check_problems(
        admin.add_connection(new).await,
        &["there is no source `sales`; `gladhand source list` shows those there are"],
    );
    let mut new = connection("main", CRM, "token");
    new.connector = "crm@2.0.0".to_owned();
    check_problems(
        admin.add_connection(new).await,
        &["there is no connector `crm@2.0.0`; there are crm"],
    );
}

#[tokio::test]
async fn equal_connector_url_and_credential_share_an_account() {
    let (world, admin) = world().await;
    admin
        .add_connection(connection("a", CRM, "token"))
        .await
        .expect("a connection");
    admin
        .add_connection(connection("b", "https://CRM.example.com:443/", "token"))
        .await
        .expect("a connection");
    admin
        .add_connection(connection("c", CRM, "another"))
        .await
        .expect("a connection");
    admin
        .add_connection(connection("d", "https://other.example.com", "token"))
        .await
        .expect("a connection");
    assert_eq!(accounts_used(&world), ["a", "a", "c", "d"]);
}

#[tokio::test]
async fn an_account_can_be_named_and_must_then_be_the_same_crm() {
    let (world, admin) = world().await;
    let named = |new: NewConnection| NewConnection {
        account: Some("shared".to_owned()),
        ..new
    };
    admin
        .add_connection(named(connection("a", CRM, "token")))
        .await
        .expect("a connection");
    let second = admin
        .add_connection(named(connection("b", CRM, "rotated")))
        .await
        .expect("a connection");
    assert_eq!(second.also_changed, ["a"]);
    let mut bare = named(connection("bare", CRM, "token"));
    bare.credentials.clear();
    admin.add_connection(bare).await.expect("a connection");
    assert_eq!(accounts_used(&world), ["shared", "shared", "shared"]);
    assert_eq!(secrets_named(&world, "token"), ["rotated"]);
    check_problems(
        admin
            .add_connection(named(connection("c", "https://other.example.com", "token")))
            .await,
        &[
            "account `shared` is one of `crm` at https://crm.example.com; give the connection the same connector and base URL, or name another account",
        ],
    );
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let (world, admin) = world().await;
    let mut new = connection("main", CRM, "token");
    new.settings = json!({ "stage": 1, "country": "US" })
        .as_object()
        .cloned()
        .expect("an object");
    new.inboxes = vec!["7".to_owned()];
    admin.add_connection(new).await.expect("a connection");
    let change = ConnectionChange {
        settings: json!({ "stage": 2, "country": null })
            .as_object()
            .cloned()
            .expect("an object"),
        mode: Some(Mode::Observe),
        concurrency: Some(1),
        credentials: vec![("token".to_owned(), "rotated".into())],
        ..ConnectionChange::default()
    };
    let changed = admin.set_connection("main", change).await.expect("it fits");
    assert_eq!(changed.settings, json!({ "stage": 2 }));
    assert_eq!(
        (changed.mode, changed.concurrency, changed.inboxes),
        (Mode::Observe, 1, vec!["7".to_owned()])
    );
    assert_eq!(secrets_named(&world, "token"), ["rotated"]);
    let change = ConnectionChange {
        settings: json!({ "stge": 2 })
            .as_object()
            .cloned()
            .expect("an object"),
        ..ConnectionChange::default()
    };
    assert!(matches!(
        admin.set_connection("main", change).await,
        Err(Error::Invalid(_))
    ));
}

#[tokio::test]
async fn a_paused_connection_says_so_and_every_change_reaches_the_engine() {
    let (world, admin) = world().await;
    admin
        .add_connection(connection("main", CRM, "token"))
        .await
        .expect("a connection");
    let before = *world.reloads.lock().expect("no test panics with it");
    assert!(
        admin
            .pause_connection("main", true)
            .await
            .expect("it is there")
            .paused
    );
    assert!(
        !admin
            .pause_connection("main", false)
            .await
            .expect("it is there")
            .paused
    );
    assert_eq!(
        *world.reloads.lock().expect("no test panics with it"),
        before + 2
    );
}

#[tokio::test]
async fn a_connection_keeps_its_connector_and_source() {
    let (_, admin) = world().await;
    admin
        .add_connection(connection("main", CRM, "token"))
        .await
        .expect("a connection");
    let moved = Declared {
        sources: vec![source("sales", None)],
        connections: vec![NewConnection {
            source: "sales".to_owned(),
            ..connection("main", CRM, "token")
        }],
    };
    check_problems(
        admin.apply(moved).await,
        &[
            "connection `main`: connection `main` belongs to another source and stays with it; remove the connection, or give the new one another name",
        ],
    );
}

#[tokio::test]
async fn what_came_in_before_a_connection_was_added_is_not_said_to_be_unknown() {
    let (world, admin) = world().await;
    admin
        .add_connection(connection("main", CRM, "token"))
        .await
        .expect("a connection");
    world
        .contacts
        .lock()
        .expect("no test panics with it")
        .push("7".to_owned());
    for (contact, words) in [
        ("7", "`gladhand sync contact 7 --source support`"),
        ("8", "nothing is known of contact `8`"),
    ] {
        let refused = admin.explain("support", contact, 10).await;
        let said = refused.expect_err("nothing became of it").to_string();
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn what_a_change_made_different_is_kept_without_what_is_secret() {
    let (world, admin) = world().await;
    admin
        .add_connection(connection("main", CRM, "token"))
        .await
        .expect("a connection");
    let settings = json!({ "stage": 2 });
    let change = ConnectionChange {
        settings: settings.as_object().cloned().expect("an object"),
        credentials: vec![("token".to_owned(), "rotated".into())],
        concurrency: Some(2),
        mode: Some(Mode::Live),
        inboxes: Some(vec!["7".to_owned()]),
        ..ConnectionChange::default()
    };
    admin
        .set_connection("main", change)
        .await
        .expect("it can be");
    let deeds = world.deeds.lock().expect("no test panics with it");
    let last = deeds.last().expect("it is kept");
    let expect =
        "inboxes from [] to [\"7\"], concurrency from 4 to 2, setting `stage`, credential `token`";
    assert_eq!(last.detail, expect);
}
