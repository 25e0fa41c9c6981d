//! A CRM on the loopback interface, a journal that says what it is told to, and an attempt to send with.

mod crm;

pub use self::crm::{Crm, reply, rude_server, server_of_bytes};

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gladhand_core::attempt::{Attempt, Changes, End, Lease};
use gladhand_core::clock::{Clock, ManualClock, Timestamp};
use gladhand_core::connection::{Account, Mode};
use gladhand_core::descriptor::Descriptor;
use gladhand_core::effect::{Doubt, Effect, Intended, Intent, Journalled, Verdict};
use gladhand_core::exchange::{Answer, Exchange};
use gladhand_core::ids::{
    AccountId, AttemptId, ConnectionId, DeliveryId, EffectId, Ids, LeaseToken,
};
use gladhand_core::port::{self, Journal, Standing, Standings};
use gladhand_egress::resolver::{Lookup, SystemLookup};
use gladhand_egress::{Config, Egress, Error, Request, Response, Target};
use serde_json::{Value, json};
use uuid::Uuid;

/// What egress must never show: with characters that every encoding writes differently.
pub const SECRET: &str = "12|s3cr+t/\"key\"~xyzzy";

pub const START: Timestamp = Timestamp(1_800_000_000_000);

/// A journal that answers what it was told to (`Send` where it was told nothing) and remembers what it was asked.
#[derive(Default)]
pub struct Script {
    answers: Mutex<VecDeque<Result<Intended, port::Error>>>,
    asked: Mutex<Vec<(Changes, Intent)>>,
}

impl Script {
    pub fn then(&self, answer: Result<Intended, port::Error>) {
        self.answers.lock().expect("no panic").push_back(answer);
    }

    pub fn asked(&self) -> Vec<(Changes, Intent)> {
        self.asked.lock().expect("no panic").clone()
    }
}

#[async_trait]
impl Journal for Script {
    async fn intend(
        &self,
        _: &Lease,
        _: AccountId,
        _: u32,
        changes: Changes,
        intent: Intent,
    ) -> Result<Intended, port::Error> {
        self.asked.lock().expect("no panic").push((changes, intent));
        let told = self.answers.lock().expect("no panic").pop_front();
        told.unwrap_or(Ok(Intended::Send))
    }
}

/// What hosts know together, in memory; it can be out of reach.
#[derive(Default)]
pub struct Board {
    standings: Mutex<HashMap<(AccountId, String), (i64, Value)>>,
    pub is_down: AtomicBool,
    /// How often something was replaced.
    pub replaced: AtomicU64,
}

impl Board {
    fn check(&self) -> Result<(), port::Error> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(port::Error::Unavailable("no database".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Standings for Board {
    async fn all(&self) -> Result<Vec<Standing>, port::Error> {
        self.check()?;
        let standings = self.standings.lock().expect("no panic");
        let shown = standings
            .iter()
            .map(|((account, name), (revision, value))| Standing {
                account: *account,
                name: name.clone(),
                revision: *revision,
                value: value.clone(),
            });
        Ok(shown.collect())
    }

    async fn get(&self, account: AccountId, name: &str) -> Result<Option<Standing>, port::Error> {
        let all = self.all().await?;
        let mut all = all.into_iter();
        Ok(all.find(|standing| standing.account == account && standing.name == name))
    }

    async fn replace(
        &self,
        account: AccountId,
        name: &str,
        revision: i64,
        value: &Value,
    ) -> Result<Option<i64>, port::Error> {
        self.check()?;
        let mut standings = self.standings.lock().expect("no panic");
        let entry = standings
            .entry((account, name.to_owned()))
            .or_insert((0, Value::Null));
        if entry.0 != revision {
            return Ok(None);
        }
        *entry = (revision + 1, value.clone());
        self.replaced.fetch_add(1, Ordering::Relaxed);
        Ok(Some(revision + 1))
    }
}

/// Names whose addresses change with every question; the last answer stays.
pub struct Names {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    pub asked: AtomicU64,
}

impl Names {
    pub fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |texts: &&[&str]| {
            texts
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect()
        };
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            asked: AtomicU64::new(0),
        })
    }
}

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().expect("no panic");
        match answers.len() {
            0 => Err(io::Error::other("no such name")),
            1 => Ok(answers[0].clone()),
            _ => Ok(answers.pop_front().expect("there are two")),
        }
    }
}

/// Ids in order.
#[derive(Default)]
struct Counter(AtomicU64);

impl Ids for Counter {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1_000)
    }
}

/// Everything that a request needs.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub journal: Script,
    pub standings: Arc<Board>,
    pub egress: Egress,
    pub target: Target,
    pub attempt: Attempt,
}

/// How a world differs from the usual one.
pub struct Setting {
    pub descriptor: Value,
    pub allow_private_network: bool,
    pub allow_http: bool,
    pub config: Config,
    pub lookup: Arc<dyn Lookup>,
    pub standings: Arc<Board>,
    pub clock: Arc<ManualClock>,
    pub credentials: Vec<(&'static str, &'static str)>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            descriptor: json!({}),
            allow_private_network: true,
            allow_http: true,
            config: Config::default(),
            lookup: Arc::new(SystemLookup),
            standings: Arc::default(),
            clock: Arc::new(ManualClock::new(START)),
            credentials: vec![("token", SECRET)],
        }
    }
}

impl World {
    pub fn new(base_url: &str) -> Self {
        Self::with(base_url, Setting::default())
    }

    pub fn with(base_url: &str, setting: Setting) -> Self {
        let clock = setting.clock;
        let egress = Egress::with_lookup(
            setting.config,
            clock.clone(),
            Arc::new(Counter::default()),
            setting.standings.clone(),
            setting.lookup,
        )
        .expect("a client");
        let account = Account {
            id: AccountId::from_uuid(Uuid::from_u128(1)),
            name: "crm".into(),
            connector: "crm".into(),
            base_url: Some(base_url.into()),
            allow_private_network: setting.allow_private_network,
            allow_http: setting.allow_http,
            concurrency: 4,
        };
        let credentials = setting
            .credentials
            .iter()
            .map(|(name, secret)| ((*name).to_owned(), (*secret).into()))
            .collect();
        let descriptor = Arc::new(descriptor(setting.descriptor));
        let target = Target::new(account, descriptor, credentials).expect("a target");
        let attempt = attempt(clock.monotonic() + Duration::from_mins(1));
        Self {
            clock,
            journal: Script::default(),
            standings: setting.standings,
            egress,
            target,
            attempt,
        }
    }

    /// Moves the end of the lease.
    pub fn prolong(&self, duration: Duration) {
        let until = &self.attempt.lease.until;
        until.set(until.get() + duration);
    }

    /// Leaves so much of the lease.
    pub fn leave(&self, duration: Duration) {
        self.attempt
            .lease
            .until
            .set(self.clock.monotonic() + duration);
    }

    pub async fn send(&mut self, request: Request) -> Result<Response, Error> {
        self.egress
            .send(&self.target, &mut self.attempt, &self.journal, request)
            .await
    }

    /// Sends a `once` about which there is this doubt: it is put off, and once so much time has passed, told how old it is.
    pub async fn show_until_old(&mut self, doubt: &Doubt, age: Duration) {
        self.journal.then(Ok(Intended::InDoubt(doubt.clone())));
        let result = self.send(once()).await;
        assert!(
            matches!(result, Err(Error::End(End::Deferred { .. }))),
            "{result:?}"
        );
        self.clock.advance(age);
        self.journal.then(Ok(Intended::InDoubt(doubt.clone())));
        match self.send(once()).await {
            Err(Error::InDoubt { age: told }) => assert_eq!(told, age),
            other => panic!("{other:?}"),
        }
    }

    pub fn last_exchange(&self) -> &Exchange {
        self.attempt.changes.exchanges.last().expect("an exchange")
    }

    /// The verdict of the newest write that is not committed.
    pub fn last_verdict(&self) -> Verdict {
        self.attempt
            .changes
            .answers
            .last()
            .expect("a write")
            .verdict
    }
}

pub fn delivery() -> DeliveryId {
    DeliveryId::from_uuid(Uuid::from_u128(7))
}

pub fn attempt(until: Duration) -> Attempt {
    let lease = Lease {
        token: LeaseToken::from_uuid(Uuid::from_u128(2)),
        connection: ConnectionId::from_uuid(Uuid::from_u128(3)),
        contact: "7".into(),
        delivery: delivery(),
        attempt: AttemptId::from_uuid(Uuid::from_u128(4)),
        until: until.into(),
    };
    let account = AccountId::from_uuid(Uuid::from_u128(1));
    let mut attempt = Attempt::new(lease, account, 1, Mode::Live, 2, Vec::new());
    attempt.locks = Some(keys());
    attempt
}

/// A descriptor with `fields` in place of the usual ones.
fn descriptor(fields: Value) -> Descriptor {
    let mut usual = json!({
        "id": "crm", "name": "CRM", "version": "1.0.0", "state": 1,
        "auth": { "scheme": "static-header", "header": "Authorization", "prefix": "Bearer ", "secret": "token" },
        "hosts": ["{base-url}"], "events": [], "lookup-after-ms": 60_000,
    });
    let Value::Object(fields) = fields else {
        panic!("fields are an object");
    };
    usual.as_object_mut().expect("an object").extend(fields);
    serde_json::from_value(usual).expect("a descriptor")
}

pub fn keys() -> Vec<String> {
    vec![
        "person/email:jane@example.com".to_owned(),
        "person/phone:+15551230001".to_owned(),
    ]
}

pub fn once() -> Request {
    post(Effect::Once(keys()))
}

pub fn set(key: &str, body: &str) -> Request {
    let mut request = post(Effect::Set(key.into()));
    request.method = "PUT".into();
    request.body = Some(body.as_bytes().to_vec());
    request
}

fn post(effect: Effect) -> Request {
    let mut request = Request::get("/api/persons");
    request.method = "POST".into();
    request.body = Some(br#"{"name":"Jane"}"#.to_vec());
    request.effect = effect;
    request
}

pub fn effect_id(n: u128) -> EffectId {
    EffectId::from_uuid(Uuid::from_u128(n))
}

pub fn doubt(verdict: Verdict, at: Timestamp) -> Doubt {
    Doubt {
        effect: effect_id(5),
        verdict,
        at,
    }
}

pub fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

/// A `set` of key `person` that an earlier attempt of the delivery sent at the start of the world.
pub fn earlier_set(digest: [u8; 32], verdict: Verdict) -> Journalled {
    Journalled {
        id: effect_id(5),
        delivery: delivery(),
        effect: Effect::Set("person".into()),
        digest,
        verdict,
        at: START,
        answer: Some(answer(200, "before")),
    }
}

pub fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).expect("text")
}
