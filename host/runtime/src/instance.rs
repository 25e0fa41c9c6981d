//! One call of a guest: a fresh store and instance, run in slices within its limits, measured and torn down.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use gladhand_core::attempt::Cost;
use tokio::sync::Semaphore;
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::BasePre;
use crate::bindings::exports::gladhand::connector::connector::Guest;
use crate::ended::Seen;
use crate::host::Host;
use crate::state::State;
use crate::stop::Stop;

/// Bytes that a guest may hand over in one host call or answer: several times what a request may have.
const HANDED_OVER_BYTES: usize = 8 << 20;

/// A call under way.
pub type Calling<'a, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'a>>;

/// What is left of a call.
pub struct Ran<R> {
    /// What the guest answered, or what ended it.
    pub result: wasmtime::Result<R>,
    /// What decides how an end counts.
    pub seen: Seen,
    /// The attempt's view, where there was one.
    pub host: Option<Host>,
    /// Making and dropping the instance, and the guest's own time.
    pub cost: Cost,
}

/// Runs `call` in an instance of its own, as soon as there is room for one.
pub async fn run<R>(
    slots: &Semaphore,
    linked: &BasePre<State>,
    mut state: State,
    call: impl for<'a> FnOnce(&'a Guest, &'a mut Store<State>) -> Calling<'a, R> + Send,
) -> Ran<R> {
    let _slot = slots.acquire().await.expect("nobody closes the semaphore");
    let (clock, meter, limits) = (state.clock.clone(), state.meter.clone(), state.limits);

    let started = clock.monotonic();
    if let Some(host) = &mut state.host {
        host.attempt.deadline = started.saturating_add(limits.deadline);
    }
    let mut instantiated = started;
    let mut instantiating = Duration::ZERO;
    let mut store = store(linked.engine(), state);
    let calling = async {
        let guest = linked.instantiate_async(&mut store).await?;
        instantiated = clock.monotonic();
        instantiating = meter.read().guest;
        call(guest.gladhand_connector_connector(), &mut store).await
    };
    // Dropping the call drops the fiber that the guest runs on, wherever it is.
    let result = tokio::time::timeout(limits.deadline, meter.guest(calling))
        .await
        .unwrap_or_else(|_| {
            Err(if meter.read().is_in_host {
                Stop::KeptWaiting(limits.deadline).into()
            } else {
                Stop::Overdue(limits.deadline).into()
            })
        });

    let returned = clock.monotonic();
    let state = store.into_data();
    let dropped = clock.monotonic();
    let instance = instantiated.saturating_sub(started) + dropped.saturating_sub(returned);
    let guest = meter.read().guest.saturating_sub(instantiating);
    Ran {
        seen: Seen {
            refused: state
                .host
                .as_ref()
                .and_then(|host| host.attempt.refused.clone()),
            memory_limit: state.memory.refused_at(),
            last_words: result.as_ref().err().and_then(|_| state.log.last_words()),
        },
        result,
        host: state.host,
        cost: Cost {
            instance_us: micros(instance),
            guest_us: micros(guest),
            ..Cost::default()
        },
    }
}

fn store(engine: &wasmtime::Engine, state: State) -> Store<State> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(HANDED_OVER_BYTES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context| {
        let state = context.data();
        if state.meter.read().busy() > state.limits.busy {
            return Err(Stop::Busy(state.limits.busy).into());
        }
        // Tokio's own yield, not wasmtime's: it looks for answers from the network before the guest's next turn.
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    });
    store
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
