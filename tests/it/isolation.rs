//! Two inboxes of one source, each joined to a CRM of its own: nothing of one reaches the other.

use gladhand_core::delivery::Delivery;
use gladhand_core::event::EventKind;
use gladhand_core::ids::ConnectionId;
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_tests::chatwoot::account::{Contact, EMAIL, Inbox, WEB};
use gladhand_tests::chatwoot::{Account, Webhook, day};
use gladhand_tests::host::{Setup, TestHost};
use gladhand_tests::krayin::{Config, Krayin, Snapshot};
use tempfile::TempDir;

use crate::bed::{NOON, joined};

/// Two CRMs and the host between them.
struct Two {
    web: Krayin,
    mail: Krayin,
    host: TestHost,
    _dir: TempDir,
}

impl Two {
    async fn new() -> Self {
        let crm = || {
            Krayin::start(Config {
                throttle: Some(60_000),
                ..Config::default()
            })
            .expect("a port is free")
        };
        let (web, mail) = (crm(), crm());
        let connection = |name: &str, crm: &Krayin, inbox: Inbox| {
            let mut connection = joined(name, crm.base_url(), &crm.token());
            connection.inboxes = vec![inbox.id];
            connection
        };
        let dir = TempDir::new().expect("a folder");
        let both = vec![
            connection("web", &web, WEB),
            connection("mail", &mail, EMAIL),
        ];
        let host = TestHost::start(&Setup::new(dir.path(), both))
            .await
            .expect("the host starts");
        Self {
            web,
            mail,
            host,
            _dir: dir,
        }
    }

    async fn play(&self, run: &str, webhooks: &[Webhook]) {
        let mut sender = self.host.sender(run);
        for webhook in webhooks {
            sender.send(webhook).await.expect("the host takes it");
        }
        self.host.settle().await.expect("everything settles");
    }

    /// The deliveries of one connection, oldest first.
    async fn deliveries(&self, name: &str) -> Vec<Delivery> {
        let connections = self
            .host
            .host
            .admin
            .list_connections()
            .await
            .expect("a list");
        let id: ConnectionId = connections
            .iter()
            .find(|one| one.name == name)
            .expect("it is joined")
            .id;
        let mut deliveries = self.host.deliveries().await.expect("a list");
        deliveries.retain(|delivery| delivery.connection == id);
        deliveries
    }
}

fn anna() -> Contact {
    Contact {
        id: 301,
        name: "Anna Berg".into(),
        email: Some("anna@berg.example".into()),
        ..Contact::default()
    }
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    let mut names: Vec<_> = snapshot
        .persons
        .iter()
        .filter_map(|person| person["name"].as_str())
        .collect();
    names.sort_unstable();
    names
}

fn is_filtered(delivery: &Delivery) -> bool {
    matches!(
        &delivery.outcome,
        Some(Outcome::Skipped {
            code: SkipCode::FilteredInbox,
            ..
        })
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_day_each_crm_holds_the_people_of_its_own_inbox_alone() {
    let two = Two::new().await;
    let (webhooks, _) = day(NOON);
    two.play("day", &webhooks).await;
    let (web, mail) = (two.web.snapshot(), two.mail.snapshot());
    assert_eq!(names(&web), ["Anna Kowalska"]);
    assert_eq!(
        names(&mail),
        [
            "Jonas Weber",
            "Lena Weber",
            "Mateo Díaz",
            "Siobhán O'Neill",
            "李小龍"
        ]
    );
    let counts = |snapshot: &Snapshot| {
        (
            snapshot.organizations.len(),
            snapshot.leads.len(),
            snapshot.activities.len(),
        )
    };
    assert_eq!(counts(&web), (0, 1, 1), "{web:#?}");
    assert_eq!(counts(&mail), (3, 5, 5), "{mail:#?}");
    // Not even a question about somebody else's contacts was asked.
    for (crm, foreign) in [
        (&two.web, "weber-soehne"),
        (&two.mail, "kowalska"),
        (&two.mail, "919812345678"),
    ] {
        let is_named = |seen: &&gladhand_tests::seen::Seen| {
            seen.query.contains(foreign) || String::from_utf8_lossy(&seen.body).contains(foreign)
        };
        let requests = crm.requests();
        assert_eq!(
            requests.iter().find(is_named).map(|seen| &seen.path),
            None,
            "{foreign}"
        );
    }
    two.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_was_in_no_inbox_yet_reaches_nobody_until_a_conversation_brings_it_along() {
    let two = Two::new().await;
    let mut account = Account::new(NOON);
    let contact = account.meets(anna());
    two.play("contact", &account.webhooks).await;
    for name in ["web", "mail"] {
        let deliveries = two.deliveries(name).await;
        assert_eq!(deliveries.len(), 1);
        assert!(is_filtered(&deliveries[0]), "{deliveries:#?}");
    }
    assert_eq!(two.web.request_count() + two.mail.request_count(), 0);

    account.webhooks.clear();
    account.opens(contact, WEB, "Hello");
    two.play("conversation", &account.webhooks).await;
    let web = two.web.snapshot();
    assert_eq!(names(&web), ["Anna Berg"]);
    assert_eq!((web.leads.len(), web.activities.len()), (1, 1));
    assert_eq!(
        two.mail.request_count(),
        0,
        "the other CRM is not even asked"
    );
    two.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_contact_reaches_the_inbox_that_it_was_seen_in() {
    let two = Two::new().await;
    let mut account = Account::new(NOON);
    let contact = account.meets(anna());
    account.opens(contact, EMAIL, "Hello");
    two.play("first", &account.webhooks).await;
    account.webhooks.clear();
    account.identifies(contact, "Anna Berg-Lund", "anna@berg.example");
    two.play("second", &account.webhooks).await;

    assert_eq!(names(&two.mail.snapshot()), ["Anna Berg-Lund"]);
    assert_eq!(two.web.request_count(), 0);
    let of_web = two.deliveries("web").await;
    let change = of_web
        .iter()
        .rfind(|delivery| delivery.kind == Some(EventKind::ContactChanged));
    assert!(change.is_some_and(is_filtered), "{of_web:#?}");
    two.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_seen_in_both_inboxes_is_in_both_crms_with_the_conversation_of_each() {
    let two = Two::new().await;
    let mut account = Account::new(NOON);
    let contact = account.meets(anna());
    account.opens(contact, WEB, "A question about prices");
    account.wait_ms(60_000);
    account.opens(contact, EMAIL, "And one about terms");
    two.play("both", &account.webhooks).await;
    for snapshot in [two.web.snapshot(), two.mail.snapshot()] {
        assert_eq!(names(&snapshot), ["Anna Berg"]);
        assert_eq!(
            (snapshot.leads.len(), snapshot.activities.len()),
            (1, 1),
            "{snapshot:#?}"
        );
    }
    two.host.stop().await;
}
