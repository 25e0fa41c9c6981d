//! The Krayin connector compiled into this program: the same code, the same host calls, no component.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use gladhand_core::descriptor::Descriptor;
use gladhand_core::event::Event;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::outcome::Outcome;
use gladhand_krayin::Krayin;
use gladhand_runtime::{Call, Check, Connector, Host, Limits, Purpose, Report, Services, Stop};
use gladhand_sdk::Connector as _;
use serde_json::{Value, from_value, to_value};
use tokio::runtime::Handle;

use crate::bridge::{Bridge, Shared};

/// The Krayin connector, natively.
pub struct Native {
    descriptor: Arc<Descriptor>,
    services: Arc<Services>,
}

impl Native {
    /// One that works on the same services as the components.
    pub fn new(services: Services) -> Result<Self> {
        let descriptor = from_value(to_value(Krayin.describe())?)?;
        Ok(Self {
            descriptor: Arc::new(descriptor),
            services: Arc::new(services),
        })
    }
}

#[async_trait]
impl Connector for Native {
    fn digest(&self) -> &'static str {
        "native"
    }

    fn descriptor(&self) -> &Arc<Descriptor> {
        &self.descriptor
    }

    async fn handle(&self, call: Call, event: &Event) -> Report {
        let connection = gladhand_sdk::Connection {
            id: call.connection.id.to_string(),
            source: call.source.external_prefix().to_owned(),
            base_url: call.target.account().base_url.clone(),
            settings: call.connection.settings.clone(),
            time_zone: call.connection.time_zone.clone(),
            ..gladhand_sdk::Connection::default()
        };
        // Both sides write the same JSON, which is what their types have in common.
        let event: gladhand_sdk::Event = to_value(event)
            .and_then(from_value)
            .expect("the same JSON on both sides");
        let host = Host::new(
            self.services.clone(),
            call,
            Purpose::Delivery,
            Limits::STANDARD,
        );
        let shared = Arc::new(Shared::new(host, Handle::current()));
        let bridge = Bridge(shared.clone());
        // The connector waits for each host call, so it gets a thread that may wait.
        let result = tokio::task::spawn_blocking(move || {
            catch_unwind(AssertUnwindSafe(|| {
                gladhand_sdk::host::with(Box::new(bridge), || Krayin.handle(&connection, &event))
            }))
        })
        .await
        .expect("panics are caught inside");
        let (host, stop) = Arc::into_inner(shared)
            .expect("the connector is done with it")
            .into_parts();
        host.finish(match (result, stop) {
            (_, Some(stop)) => Err(stop),
            (Ok(result), None) => Ok(understood(result)),
            (Err(panic), None) => resume_unwind(panic),
        })
    }

    async fn check(&self, _call: Call) -> Result<Vec<Check>, Failure> {
        Err(Failure::new(
            FailureKind::Unsupported,
            "the benchmark's native connector only handles",
        ))
    }

    async fn discover(&self, _call: Call, _what: &str) -> Result<Value, Failure> {
        Err(Failure::new(
            FailureKind::Unsupported,
            "the benchmark's native connector only handles",
        ))
    }
}

fn understood(
    result: Result<gladhand_sdk::Outcome, gladhand_sdk::Failure>,
) -> Result<Outcome, Failure> {
    const SAME: &str = "the same JSON on both sides";
    match result {
        Ok(outcome) => Ok(to_value(outcome).and_then(from_value).expect(SAME)),
        Err(failure) => Err(to_value(failure).and_then(from_value).expect(SAME)),
    }
}

/// Why the host ended the call, where it did.
pub type Stopped = Option<Stop>;
