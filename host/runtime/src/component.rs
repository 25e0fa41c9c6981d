//! A component that can be called, as the engine sees it: a connector of one version.

use std::sync::Arc;

use async_trait::async_trait;
use gladhand_core::descriptor::Descriptor;
use gladhand_core::event::Event;
use gladhand_core::failure::{Failure, FailureKind};
use serde_json::Value;
use tokio::sync::Semaphore;
use wasmtime::Store;

use crate::bindings::BasePre;
use crate::bindings::exports::gladhand::connector::connector::Guest;
use crate::bindings::gladhand::connector::types;
use crate::call::{Call, Check, Connector, Report, Services};
use crate::convert::{from_guest, to_guest};
use crate::descriptor;
use crate::ended;
use crate::host::{Host, Purpose};
use crate::instance::{Calling, run};
use crate::limits::Limits;
use crate::refusal::LoadError;
use crate::state::State;

/// A component that can be called.
pub struct Component {
    shared: Arc<Shared>,
    linked: BasePre<State>,
    digest: String,
    descriptor: Arc<Descriptor>,
    limits: Limits,
}

/// What all components of a runtime share.
pub struct Shared {
    services: Arc<Services>,
    limits: Limits,
    /// One permit for each instance that the pool has room for.
    slots: Semaphore,
}

#[async_trait]
impl Connector for Component {
    fn digest(&self) -> &str {
        &self.digest
    }

    fn descriptor(&self) -> &Arc<Descriptor> {
        &self.descriptor
    }

    async fn handle(&self, call: Call, event: &Event) -> Report {
        let connection = to_guest::connection(&call);
        let event = to_guest::event(event);
        let host = self.host(call, Purpose::Delivery);
        let state = State::new(Some(host), self.limits, self.shared.services.clock.clone());
        let ran = run(&self.shared.slots, &self.linked, state, |guest, store| {
            Box::pin(async move { guest.call_handle(store, &connection, &event).await })
        })
        .await;
        let ended = ended::of_delivery(ran.result.map(from_guest::result), &ran.seen);
        ran.host
            .expect("the state that was given a host still has it")
            .report(ended, ran.cost)
    }

    async fn check(&self, call: Call) -> Result<Vec<Check>, Failure> {
        let connection = to_guest::connection(&call);
        let checks = self
            .set_up(call, |guest, store| {
                Box::pin(async move { guest.call_check(store, &connection).await })
            })
            .await?;
        Ok(from_guest::checks(checks))
    }

    async fn discover(&self, call: Call, what: &str) -> Result<Value, Failure> {
        let connection = to_guest::connection(&call);
        let asked = what.to_owned();
        let found = self
            .set_up(call, |guest, store| {
                Box::pin(async move { guest.call_discover(store, &connection, &asked).await })
            })
            .await?;
        serde_json::from_str(&found).map_err(|error| {
            Failure::new(
                FailureKind::Internal,
                format!(
                    "the connector answered `discover {what}` with text that is not JSON: {error}"
                ),
            )
        })
    }
}

impl Component {
    /// Asks the component what it is, in an instance that can reach nothing.
    pub(crate) async fn describe(
        shared: Arc<Shared>,
        linked: BasePre<State>,
        digest: String,
    ) -> Result<Self, LoadError> {
        let state = State::new(None, shared.limits, shared.services.clock.clone());
        let ran = run(&shared.slots, &linked, state, |guest, store| {
            Box::pin(guest.call_describe(store))
        })
        .await;
        let text = ran
            .result
            .map_err(|error| LoadError::Describe(ended::of_setup(error, &ran.seen)))?;
        let descriptor = descriptor::read(&text)?;
        Ok(Self {
            limits: descriptor::limits(&descriptor, &shared.limits)?,
            shared,
            linked,
            digest,
            descriptor: Arc::new(descriptor),
        })
    }

    fn host(&self, call: Call, purpose: Purpose) -> Host {
        Host::new(self.shared.services.clone(), call, purpose, self.limits)
    }

    async fn set_up<R>(
        &self,
        call: Call,
        ask: impl for<'a> FnOnce(
            &'a Guest,
            &'a mut Store<State>,
        ) -> Calling<'a, Result<R, types::Failure>>
        + Send,
    ) -> Result<R, Failure> {
        let host = self.host(call, Purpose::Setup);
        let state = State::new(Some(host), self.limits, self.shared.services.clock.clone());
        let ran = run(&self.shared.slots, &self.linked, state, ask).await;
        match ran.result {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => Err(ran.seen.refused_or(from_guest::failure(failure))),
            Err(error) => Err(ended::of_setup(error, &ran.seen)),
        }
    }
}

impl Shared {
    /// Nothing runs yet.
    pub fn new(services: Services, limits: Limits, instances: u32) -> Self {
        Self {
            services: Arc::new(services),
            limits,
            slots: Semaphore::new(usize::try_from(instances).unwrap_or(Semaphore::MAX_PERMITS)),
        }
    }
}
