//! Who may get lanes: each condition alone, and accounts beside one another.

use std::collections::HashMap;
use std::sync::Arc;

use gladhand_core::connection::{Account, Connection, Mode, Policy, Source};
use gladhand_core::ids::{AttemptId, ConnectionId, DeliveryId, SourceId};
use serde_json::Value;

use super::*;

/// What holds for the accounts of a test, by their name.
#[derive(Default)]
struct Told {
    paused: Vec<&'static str>,
    breakers: HashMap<&'static str, Admission>,
    rooms: HashMap<&'static str, Result<u32, Timestamp>>,
}

impl Conditions for (Told, Arc<Directory>) {
    fn is_paused(&self, entry: &ConnectionEntry) -> bool {
        self.0.paused.contains(&entry.account.name.as_str())
    }

    fn admits(&self, account: AccountId) -> Admission {
        let mut entries = self.1.connections.values();
        let entry = entries
            .find(|entry| entry.account.id == account)
            .expect("it has a connection");
        let told = self.0.breakers.get(entry.account.name.as_str());
        told.copied().unwrap_or(Admission::Everything)
    }

    fn room(&self, entry: &ConnectionEntry, _: u32, wanted: u32) -> Result<u32, Timestamp> {
        let told = self.0.rooms.get(entry.account.name.as_str());
        told.copied().unwrap_or(Ok(wanted))
    }
}

fn connection(name: char) -> ConnectionId {
    format!("con_{:032x}", u32::from(name))
        .parse()
        .expect("an id")
}

/// Accounts, each with its connections; an account is called as its first.
fn directory(accounts: &[&str]) -> Arc<Directory> {
    let mut directory = Directory::default();
    for names in accounts {
        let first_letter: String = names.chars().take(1).collect();
        let first = connection(names.chars().next().expect("a connection"));
        for name in names.chars() {
            let id = connection(name);
            let entry = entry(name, AccountId::from_uuid(first.uuid()), &first_letter);
            directory.order.push(id);
            directory.connections.insert(id, Arc::new(entry));
        }
    }
    Arc::new(directory)
}

fn entry(name: char, account: AccountId, account_name: &str) -> ConnectionEntry {
    let id = connection(name);
    let source = Source {
        id: SourceId::from_uuid(id.uuid()),
        name: "support".to_owned(),
        kind: "chatwoot".to_owned(),
        base_url: None,
        account_id: None,
        is_signed: true,
        allow_private_network: false,
        allow_http: false,
    };
    let account = Account {
        id: account,
        name: account_name.to_owned(),
        connector: "crm".to_owned(),
        base_url: None,
        allow_private_network: false,
        allow_http: false,
        concurrency: 4,
    };
    let connection = Connection {
        id,
        name: name.to_string(),
        source: source.id,
        account: account.id,
        connector: "crm".to_owned(),
        inboxes: Vec::new(),
        mode: Mode::Live,
        settings: Value::Null,
        time_zone: None,
        is_paused: false,
        policy: Policy::default(),
    };
    ConnectionEntry {
        connection: Arc::new(connection),
        source: Arc::new(source),
        account,
        credentials: Vec::new(),
        target: None,
        problem: None,
    }
}

fn lanes(open: &Open) -> Vec<(ConnectionId, u32)> {
    let wanted = open.connections.iter();
    wanted
        .map(|wanted| (wanted.connection, wanted.lanes))
        .collect()
}

fn named(expect: &[(char, u32)]) -> Vec<(ConnectionId, u32)> {
    let expect = expect.iter();
    expect
        .map(|(name, lanes)| (connection(*name), *lanes))
        .collect()
}

#[track_caller]
fn check(told: Told, workers: u32, expect: &[(char, u32)], next: Option<i64>) {
    let directory = directory(&["a", "b"]);
    let running = Arc::new(Running::default());
    let open = running.open(&directory, &(told, directory.clone()), workers, 0);
    assert_eq!(lanes(&open), named(expect));
    assert_eq!(
        (open.lanes, open.next, open.seen),
        (workers, next.map(Timestamp), 2)
    );
}

#[test]
fn nothing_in_the_way_shares_the_workers() {
    check(Told::default(), 16, &[('a', 4), ('b', 4)], None);
    check(Told::default(), 3, &[('a', 3), ('b', 3)], None);
}

#[test]
fn connections_of_one_account_are_all_asked_for_and_share_what_it_may_run() {
    let directory = directory(&["abc", "d"]);
    let running = Arc::new(Running::default());
    let conditions = (Told::default(), directory.clone());
    let open = || running.open(&directory, &conditions, 16, 1);
    assert_eq!(
        lanes(&open()),
        named(&[('b', 4), ('c', 4), ('d', 4), ('a', 4)])
    );
    let account = |wanted: &Wanted| wanted.account == AccountId::from_uuid(connection('a').uuid());
    assert_eq!(open().connections.iter().filter(|w| account(w)).count(), 3);

    let begin = |digit: char| {
        let lease = Lease {
            token: LeaseToken::from_uuid(connection(digit).uuid()),
            connection: connection('a'),
            contact: digit.to_string(),
            delivery: DeliveryId::from_uuid(connection(digit).uuid()),
            attempt: AttemptId::from_uuid(connection(digit).uuid()),
            until: std::time::Duration::ZERO.into(),
        };
        running.begin(Some(AccountId::from_uuid(connection('a').uuid())), &lease)
    };
    let mut permits: Vec<Permit> = "1234".chars().map(begin).collect();
    assert_eq!(lanes(&open()), named(&[('d', 4)]));
    permits.pop();
    assert_eq!(
        lanes(&open()),
        named(&[('b', 1), ('c', 1), ('d', 4), ('a', 1)])
    );
}

#[test]
fn more_connections_than_a_claim_asks_for_come_with_the_next() {
    let names: Vec<String> = ('\u{400}'..).take(ASKED + 2).map(String::from).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let directory = directory(&names);
    let running = Running::default();
    let conditions = (Told::default(), directory.clone());
    let first = running.open(&directory, &conditions, 4, 1);
    assert_eq!((first.connections.len(), first.seen), (ASKED, ASKED));
    assert_eq!(first.connections[0].connection, directory.order[1]);
    let next = running.open(&directory, &conditions, 4, 1 + first.seen);
    let order: Vec<ConnectionId> = next.connections.iter().map(|w| w.connection).collect();
    assert_eq!(order[..2], [directory.order[ASKED + 1], directory.order[0]]);
}

#[test]
fn a_claim_is_the_last_one_where_nobody_can_have_got_all_that_it_may() {
    let wanted = |name: char, lanes| Wanted {
        connection: connection(name),
        account: AccountId::from_uuid(connection(name).uuid()),
        lanes,
    };
    let open = Open {
        connections: vec![wanted('a', 4), wanted('b', 2)],
        lanes: 8,
        next: None,
        seen: 3,
    };
    assert!(open.is_exhausted_by(1, 3));
    assert!(
        !open.is_exhausted_by(2, 3),
        "`b` may have more than it may run"
    );
    assert!(!open.is_exhausted_by(1, 4), "one was not asked");
}

#[test]
fn a_paused_account_gets_none_and_takes_none_from_others() {
    let told = Told {
        paused: vec!["a"],
        ..Told::default()
    };
    check(told, 4, &[('b', 4)], None);
}

#[test]
fn an_open_breaker_gets_none_until_one_may_find_out() {
    for (admission, lanes, next) in [
        (Admission::Nothing(Timestamp(9)), vec![('b', 4)], Some(9)),
        (Admission::Probe, vec![('a', 1), ('b', 4)], None),
    ] {
        let told = Told {
            breakers: HashMap::from([("a", admission)]),
            ..Told::default()
        };
        check(told, 16, &lanes, next);
    }
}

#[test]
fn an_empty_budget_gets_none_and_a_small_one_gets_few() {
    for (room, lanes, next) in [
        (Err(Timestamp(7)), vec![('b', 4)], Some(7)),
        (Ok(2), vec![('a', 2), ('b', 4)], None),
    ] {
        let told = Told {
            rooms: HashMap::from([("a", room)]),
            ..Told::default()
        };
        check(told, 16, &lanes, next);
    }
}
