//! Who may get lanes: each condition alone, and accounts beside one another.

use std::collections::HashMap;
use std::sync::Arc;

use gladhand_core::connection::{Account, Connection, Mode, Policy, Source};
use gladhand_core::ids::SourceId;
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

fn connection(digit: char) -> ConnectionId {
    let digits: String = std::iter::repeat_n(digit, 32).collect();
    format!("con_{digits}").parse().expect("an id")
}

/// Two accounts, `a` and `b`, with a connection each.
fn directory() -> Arc<Directory> {
    let mut directory = Directory::default();
    for name in ['a', 'b'] {
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
            id: AccountId::from_uuid(id.uuid()),
            name: name.to_string(),
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
        let entry = ConnectionEntry {
            connection: Arc::new(connection),
            source: Arc::new(source),
            account,
            credentials: Vec::new(),
            target: None,
            problem: None,
        };
        directory.order.push(id);
        directory.connections.insert(id, Arc::new(entry));
    }
    Arc::new(directory)
}

#[track_caller]
fn check(told: Told, workers: u32, lanes: &[(char, u32)], next: Option<i64>) {
    let directory = directory();
    let running = Running::default();
    let open = running.open(&directory, &(told, directory.clone()), workers, 0);
    let expect = Open {
        connections: lanes
            .iter()
            .map(|(name, lanes)| (connection(*name), *lanes))
            .collect(),
        next: next.map(Timestamp),
    };
    assert_eq!(open, expect);
}

#[test]
fn nothing_in_the_way_shares_the_workers() {
    check(Told::default(), 16, &[('a', 4), ('b', 4)], None);
    check(Told::default(), 5, &[('a', 4), ('b', 1)], None);
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
