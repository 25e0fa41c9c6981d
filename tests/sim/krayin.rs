//! A stateful Krayin 2.1.0 with rest-api 2.1.1: an HTTP server that answers as the real one did
//! (`facts/krayin.md`; the recordings in `tests/fixtures/krayin/transcripts` are replayed against it).
//!
//! It knows nothing of Gladhand. Time is a parameter; ids are those of a fresh installation. Rules that no
//! recording shows were read in the sources of both packages.

mod activities;
mod answer;
mod attributes;
mod audit;
mod auth;
mod cell;
mod error;
mod leads;
mod like;
mod list;
mod lookup;
mod organizations;
mod persons;
mod php;
mod request;
mod route;
mod rules;
mod search;
mod seed;
mod server;
mod settings;
mod snapshot;
mod state;
mod table;
mod tags;
mod throttle;
mod users;
mod values;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use gladhand_core::clock::Clock;
use tokio::task::AbortHandle;

pub use self::error::Contract;
pub use self::snapshot::Snapshot;

use self::server::{Server, Switches, handle};
use self::state::State;
use crate::fault::Rule;
use crate::seen::{Log, Seen};
use crate::wire::Listener;
use gladhand_server::system::SystemClock;

/// The administrator of a fresh installation.
const ADMIN: u32 = 1;

/// How a simulator starts; all but the clock, the log and the audit can be switched later.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// How errors are said.
    pub contract: Contract,
    /// Requests per minute and user; none for no limit and no headers about it.
    pub throttle: Option<u32>,
    /// How long every answer takes.
    pub latency: Duration,
    /// Whether changes write `system` activities, as the real server does. Load that never reads them is
    /// cheaper without: about twenty rows for a person with a lead.
    pub is_audited: bool,
    /// How many requests are remembered.
    pub kept_requests: usize,
    /// The administrator's address.
    pub email: String,
    /// The administrator's password.
    pub password: String,
}

/// A running simulator; it stops accepting connections when dropped.
#[derive(Debug)]
pub struct Krayin {
    server: Arc<Server>,
    accepting: AbortHandle,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            contract: Contract::Production,
            throttle: Some(60),
            latency: Duration::ZERO,
            is_audited: true,
            kept_requests: 100_000,
            email: "admin@example.com".to_owned(),
            password: "admin123".to_owned(),
        }
    }
}

impl Krayin {
    /// Starts on a free port of 127.0.0.1, in the tokio runtime of the caller. It is bound when this returns.
    pub fn start(config: Config) -> io::Result<Self> {
        let listener = Listener::bind()?;
        let base_url = format!("http://{}", listener.address()?);
        let admin = (config.email.as_str(), config.password.as_str());
        let state = State::seeded(config.clock.now(), admin, config.is_audited);
        let switches = Switches {
            contract: config.contract,
            throttle: config.throttle,
            latency: config.latency,
            search_lag: Duration::ZERO,
        };
        let log = Log::new(config.kept_requests);
        let server = Arc::new(Server::new(config.clock, base_url, log, state, switches));
        let router = Router::new().fallback(handle).with_state(server.clone());
        let service = router.into_make_service_with_connect_info::<crate::wire::Connection>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await });
        Ok(Self {
            server,
            accepting: serving.abort_handle(),
        })
    }

    /// Where it listens, such as `http://127.0.0.1:40123`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.server.base_url
    }

    /// A new token of the administrator; unlike a login it leaves the others alive.
    pub fn token(&self) -> String {
        self.server.state().tokens.issue(ADMIN)
    }

    /// Deletes every token of the administrator, as a login elsewhere does.
    pub fn revoke_tokens(&self) {
        self.server.state().tokens.revoke(ADMIN);
    }

    /// What the database holds.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.server.state())
    }

    /// How many `system` activities there are.
    pub fn audit_count(&self) -> usize {
        self.server
            .state()
            .activities
            .rows()
            .filter(|row| row.kind == "system")
            .count()
    }

    /// What it was asked, in order of arrival, as far as it is remembered.
    pub fn requests(&self) -> Vec<Seen> {
        self.server.log.all()
    }

    /// How many requests arrived since the start.
    pub fn request_count(&self) -> u64 {
        self.server.log.count()
    }

    /// Forgets what it was asked.
    pub fn forget_requests(&self) {
        self.server.log.clear();
    }

    /// Adds a rule about what goes wrong.
    pub fn inject(&self, rule: Rule) {
        self.server.plan().add(rule);
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
        self.server.plan().clear();
    }

    /// Switches how errors are said.
    pub fn set_contract(&self, contract: Contract) {
        self.server.switches().contract = contract;
    }

    /// Switches the rate limit, in requests per minute and user; none for off.
    pub fn set_throttle(&self, limit: Option<u32>) {
        self.server.switches().throttle = limit;
    }

    /// Starts every rate limit window anew.
    pub fn reset_throttle(&self) {
        self.server.state().throttle.reset();
    }

    /// Switches how long every answer takes, in real time.
    pub fn set_latency(&self, latency: Duration) {
        self.server.switches().latency = latency;
    }

    /// Switches how long lists and searches do not find a new record, by the simulator's clock.
    pub fn set_search_lag(&self, lag: Duration) {
        self.server.switches().search_lag = lag;
    }
}

impl Drop for Krayin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
