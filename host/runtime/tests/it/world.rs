//! A runtime with doubles around it, and the events that its guests are given.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::event::{Contact, Event, EventKind};
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::outcome::Outcome;
use gladhand_runtime::{
    ArtefactStore, Call, Component, Config, Connector, Ended, Limits, LoadError, Report, Runtime,
};

use crate::built::component;
use crate::doubles::{self, Stored};

/// A runtime whose store is in memory.
pub struct World {
    pub runtime: Runtime,
    pub stored: Arc<Stored>,
}

impl World {
    /// One with the usual limits.
    pub fn new() -> Self {
        Self::with(Limits::STANDARD, None)
    }

    pub fn with(limits: Limits, artefacts: Option<ArtefactStore>) -> Self {
        let stored = Arc::default();
        let config = Config {
            limits,
            instances: 8,
            artefacts,
        };
        let services = doubles::services(&stored, Arc::new(SystemClock::start()));
        Self {
            runtime: Runtime::new(config, services).expect("this machine can"),
            stored,
        }
    }

    /// Loads a guest that is a connector.
    pub async fn load(&self, guest: &str) -> Arc<Component> {
        self.try_load(guest)
            .await
            .unwrap_or_else(|error| panic!("{guest}: {error:?}"))
    }

    pub async fn try_load(&self, guest: &str) -> Result<Arc<Component>, LoadError> {
        self.runtime.load(&component(guest)).await
    }
}

/// A call for `component` to the CRM at `base_url`.
pub fn call(component: &Component, base_url: &str) -> Call {
    doubles::call(base_url, component.descriptor().clone())
}

/// Hands a contact to `component`, whose CRM cannot be reached.
pub async fn handle(component: &Component) -> Report {
    handle_at(component, "http://127.0.0.1:9").await
}

/// Hands a contact to `component`, whose CRM is at `base_url`.
pub async fn handle_at(component: &Component, base_url: &str) -> Report {
    component
        .handle(call(component, base_url), &event("dlv_1"))
        .await
}

/// A contact that changed.
pub fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        kind: EventKind::ContactChanged,
        occurred_at: Timestamp(1_700_000_000_000),
        contact: Some(Contact {
            id: "7".to_owned(),
            name: Some(" Jane Doe ".to_owned()),
            email: Some("Jane@Example.com".to_owned()),
            ..Contact::default()
        }),
        conversation: None,
        messages: Vec::new(),
        changed: vec!["name".to_owned()],
        attributes: serde_json::Map::new(),
    }
}

#[track_caller]
pub fn failure(report: Report) -> Failure {
    match report.ended {
        Ended::Failure(failure) => failure,
        ended => panic!("expected a failure, got {ended:?}"),
    }
}

#[track_caller]
pub fn outcome(report: Report) -> Outcome {
    match report.ended {
        Ended::Outcome(outcome) => outcome,
        ended => panic!("expected an outcome, got {ended:?}"),
    }
}

#[track_caller]
pub fn check_failure(report: Report, kind: FailureKind, message: &str) {
    let failure = failure(report);
    assert_eq!((failure.kind, failure.message.as_str()), (kind, message));
}

/// The machine's own clock: guests are measured with it, and a clock that stands still ends no loop.
#[derive(Debug)]
struct SystemClock(Instant);

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn start() -> Self {
        Self(Instant::now())
    }
}

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Timestamp(0).after(now.expect("it is after 1970"))
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
