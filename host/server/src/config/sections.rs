//! The sections of a configuration: one struct each, read from one table each.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use gladhand_core::connection::Mode;
use serde_json::{Map, Value};
use url::Url;

use super::node::Origin;
use super::policy;
use super::secret::Secret;
use super::section::Section;
use crate::admin::PolicyChange;
use crate::telemetry::LogFormat;

/// A number of things of which there must be one: with none nothing is delivered.
struct Count(u32);

impl TryFrom<i64> for Count {
    type Error = ();

    fn try_from(number: i64) -> Result<Self, ()> {
        u32::try_from(number)
            .ok()
            .filter(|count| *count > 0)
            .map(Self)
            .ok_or(())
    }
}

/// How an address of a CRM or a source is written.
const ADDRESS: &str = "a URL, like https://crm.example.com";

/// A URL with a host, as it was written.
struct Address(String);

impl FromStr for Address {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let url = Url::parse(text).map_err(|_| ())?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        is_web.then(|| Self(text.to_owned())).ok_or(())
    }
}

/// `[server]`
#[derive(Debug, Clone)]
pub struct Server {
    /// Webhooks and the admin API.
    pub listen: SocketAddr,
    /// Prometheus.
    pub metrics_listen: SocketAddr,
    /// How the outside reaches `listen`; no trailing slash.
    pub public_url: Option<String>,
    /// What this host does.
    pub roles: Roles,
}

/// The words for what a host does.
pub const ROLES: [&str; 3] = ["intake", "worker", "console"];

/// What a host does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    /// Takes webhooks.
    pub intake: bool,
    /// Delivers.
    pub worker: bool,
    /// Serves the admin API.
    pub console: bool,
}

/// `[store]`
#[derive(Debug, Clone)]
pub struct Store {
    /// `sqlite:PATH` or `postgres://…`
    pub url: String,
    /// What belongs to this machine.
    pub data_dir: PathBuf,
    /// Seals credentials; made once and kept in `data_dir` where there is none.
    pub master_key: Option<Secret>,
}

/// `[connectors]`
#[derive(Debug, Clone)]
pub struct Connectors {
    /// Components that are added at start.
    pub dir: PathBuf,
}

/// `[limits]`
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a webhook's body.
    pub body_bytes: usize,
    /// Webhooks on their way to the disk.
    pub events_in_flight: usize,
    /// How far the time in a signature may be off.
    pub signature_age: Duration,
    /// Attempts under way at once.
    pub attempts: u32,
    /// How long a lane that was empty waits for the rest of a burst.
    pub hold: Duration,
    /// A request to a CRM that is not answered by then counts as lost.
    pub request: Duration,
    /// How long a lane stays a host's that is gone.
    pub lease: Duration,
}

/// An attempt ends after 30 s (`runtime/limits.rs`); what is left of it is for recording and settling.
const LONGEST_REQUEST: Duration = Duration::from_secs(25);

/// What must be left of a lease beside a request when it is renewed: time to renew, to record and to settle.
const LEASE_SPARE: Duration = Duration::from_secs(2);

/// `[log]`
#[derive(Debug, Clone)]
pub struct Log {
    /// `info,gladhand_engine=debug`
    pub filter: String,
    /// For people or for programs.
    pub format: LogFormat,
}

/// `[[source]]`
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it was written.
    pub origin: Origin,
    /// Part of its webhook's path.
    pub name: String,
    /// Signs its events.
    pub webhook_secret: Option<Secret>,
    /// Of its own API.
    pub base_url: Option<String>,
    /// Its own number for the account.
    pub account_id: Option<i64>,
    /// For its own API.
    pub api_token: Option<Secret>,
    /// Requests to it may go to private addresses.
    pub allow_private_network: bool,
    /// Requests to it may go without TLS.
    pub allow_http: bool,
}

/// `[[connection]]`
#[derive(Debug, Clone)]
pub struct Connection {
    /// Where it was written.
    pub origin: Origin,
    /// Unique.
    pub name: String,
    /// The source's name.
    pub source: String,
    /// `name`, `name@version` or `name@sha256:…`
    pub connector: String,
    /// Of the CRM.
    pub base_url: Option<String>,
    /// By name.
    pub credentials: Vec<(String, Secret)>,
    /// The account's name, where it is said.
    pub account: Option<String>,
    /// Attempts at once, over all connections of the account.
    pub concurrency: Option<u32>,
    /// Empty takes all.
    pub inboxes: Vec<String>,
    /// Whether writes are sent.
    pub mode: Mode,
    /// What is different about failures.
    pub policy: PolicyChange,
    /// IANA, of the CRM.
    pub time_zone: Option<String>,
    /// The connector's own settings.
    pub settings: Map<String, Value>,
    /// Requests to the CRM may go to private addresses.
    pub allow_private_network: bool,
    /// Requests to the CRM may go without TLS.
    pub allow_http: bool,
}

impl Server {
    /// `None` where anything was reported.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        const LISTEN: &str = "an address and a port, like 127.0.0.1:8787";
        let listen = section.parsed::<SocketAddr>("listen", LISTEN);
        let metrics_listen = section.parsed::<SocketAddr>("metrics_listen", LISTEN);
        // Where the port is 0, each gets a free one.
        if let Some(address) = listen.filter(|address| address.port() != 0)
            && metrics_listen == listen
        {
            let message = format!(
                "`listen` and `metrics_listen` in [server] are both {address}; each needs an address of its own"
            );
            section.report_at(&["metrics_listen", "listen"], &message);
        }
        let public_url =
            section.parsed::<Url>("public_url", "a URL, like https://hooks.example.com");
        let roles = roles(&mut section);
        section.finish();
        Some(Self {
            roles: roles?,
            listen: listen?,
            metrics_listen: metrics_listen?,
            public_url: public_url.map(|url| url.as_str().trim_end_matches('/').to_owned()),
        })
    }
}

fn roles(section: &mut Section<'_>) -> Option<Roles> {
    let mut roles = Roles::default();
    for word in section.words("roles", &ROLES)? {
        match word {
            "intake" => roles.intake = true,
            "worker" => roles.worker = true,
            _ => roles.console = true,
        }
    }
    Some(roles)
}

impl Store {
    /// `None` where anything was reported.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let url = section.text("url");
        let data_dir = section.text("data_dir");
        let master_key = section.secret("master_key");
        section.finish();
        Some(Self {
            url: url?,
            data_dir: data_dir?.into(),
            master_key,
        })
    }
}

impl Connectors {
    /// `None` where anything was reported.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let dir = section.text("dir");
        section.finish();
        Some(Self { dir: dir?.into() })
    }
}

impl Limits {
    /// `None` where anything was reported.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let body_bytes = section.integer("body_bytes");
        let events_in_flight = section.integer("events_in_flight");
        let signature_age_secs = section.integer("signature_age_secs");
        let attempts = section.integer("attempts").map(|Count(attempts)| attempts);
        let hold_ms = section.integer("hold_ms");
        let request = section.integer("request_secs").map(|Count(secs)| secs);
        let request = request.map(|secs| Duration::from_secs(secs.into()));
        let lease = section.integer("lease_secs").map(|Count(secs)| secs);
        let lease = lease.map(|secs| Duration::from_secs(secs.into()));
        if let Some(request) = request.filter(|request| *request > LONGEST_REQUEST) {
            let message = format!(
                "`request_secs` in [limits] is {}; it must be at most {}: an attempt ends after 30 seconds, and its request \
                 before that",
                request.as_secs(),
                LONGEST_REQUEST.as_secs()
            );
            section.report_at(&["request_secs"], &message);
        } else if let (Some(request), Some(lease)) = (request, lease)
            && lease.saturating_sub(lease / 3) < request + LEASE_SPARE
        {
            let message = format!(
                "with `request_secs` = {}, `lease_secs` in [limits] must be at least {}: a lease is renewed when a third of \
                 it is over, and a whole request must fit into the rest",
                request.as_secs(),
                ((request + LEASE_SPARE) * 3 / 2).as_secs_f64().ceil()
            );
            section.report_at(&["lease_secs", "request_secs"], &message);
        }
        section.finish();
        Some(Self {
            body_bytes: body_bytes?,
            events_in_flight: events_in_flight?,
            signature_age: Duration::from_secs(signature_age_secs?),
            attempts: attempts?,
            hold: Duration::from_millis(hold_ms?),
            request: request?,
            lease: lease?,
        })
    }
}

impl Log {
    /// `None` where anything was reported.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let filter = section.text("filter");
        let format = section.one_of(
            "format",
            &[("text", LogFormat::Text), ("json", LogFormat::Json)],
        );
        section.finish();
        Some(Self {
            filter: filter?,
            format: format?,
        })
    }
}

impl Source {
    /// `None` where anything was reported.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let origin = section.origin().clone();
        let name = section.required_text("name");
        section.one_of("kind", &[("chatwoot", ())]);
        let webhook_secret = section.secret("webhook_secret");
        let base_url = section.parsed("base_url", ADDRESS).map(|Address(url)| url);
        let account_id = section.integer("account_id");
        let api_token = section.secret("api_token");
        let allow_private_network = section.boolean("allow_private_network").unwrap_or(false);
        let allow_http = section.boolean("allow_http").unwrap_or(false);
        section.finish();
        Some(Self {
            origin,
            name: name?,
            webhook_secret,
            base_url,
            account_id,
            api_token,
            allow_private_network,
            allow_http,
        })
    }
}

impl Connection {
    /// `None` where anything was reported.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let origin = section.origin().clone();
        let name = section.required_text("name");
        let source = section.required_text("source");
        let connector = section.required_text("connector");
        let base_url = section.parsed("base_url", ADDRESS).map(|Address(url)| url);
        let credentials = section.secrets("credentials").unwrap_or_default();
        let account = section.text("account");
        let concurrency = section
            .integer("concurrency")
            .map(|Count(concurrency)| concurrency);
        let inboxes = section.ids("inboxes").unwrap_or_default();
        let mode = section.one_of("mode", &[("live", Mode::Live), ("observe", Mode::Observe)]);
        let policy = policy::read(&mut section);
        let time_zone = section.text("time_zone");
        let settings = section
            .json("settings")
            .unwrap_or_else(|| Map::new().into());
        let allow_private_network = section.boolean("allow_private_network").unwrap_or(false);
        let allow_http = section.boolean("allow_http").unwrap_or(false);
        let Value::Object(settings) = settings else {
            section.report("[connection.settings] must be a table");
            return None;
        };
        section.finish();
        Some(Self {
            origin,
            name: name?,
            source: source?,
            connector: connector?,
            base_url,
            credentials,
            account,
            concurrency,
            inboxes,
            mode: mode.unwrap_or(Mode::Live),
            policy,
            time_zone,
            settings,
            allow_private_network,
            allow_http,
        })
    }
}
