//! What the store of one instance holds, and the borrowed view of it on which the bindings' traits are implemented.

use std::sync::Arc;

use gladhand_core::clock::Clock;
use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::bindings::Base;
use crate::capability::log::SharedLog;
use crate::host::Host;
use crate::limits::{Limits, MemoryGuard};
use crate::meter::Meter;
use crate::stop::Stop;
use crate::wasi::Wasi;

/// What the store of one instance holds. Small: it is made anew for every call.
pub struct State {
    /// The attempt's view; `None` where the component only describes itself.
    pub host: Option<Host>,
    /// Holds the instance's memory to its limit.
    pub memory: MemoryGuard,
    /// Who is busy.
    pub meter: Arc<Meter>,
    /// What the component says, through `log` and through its standard streams.
    pub log: SharedLog,
    /// What a call may use.
    pub limits: Limits,
    /// What deadlines are measured with.
    pub clock: Arc<dyn Clock>,
    host_calls: u32,
    /// Most calls never touch WASI: it is made when they do.
    wasi: Option<Box<Wasi>>,
}

impl State {
    /// The state of an instance that has not begun.
    pub fn new(host: Option<Host>, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let log = match &host {
            Some(host) => host.log.clone(),
            None => SharedLog::new(&limits),
        };
        Self {
            host,
            memory: MemoryGuard::new(limits.memory_bytes),
            meter: Arc::new(Meter::new(Arc::clone(&clock))),
            log,
            limits,
            clock,
            host_calls: 0,
            wasi: None,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi
            .get_or_insert_with(|| Box::new(Wasi::new(&self.clock, &self.log)))
            .view()
    }
}

/// One host call's view of the state.
pub struct View<'a> {
    state: &'a mut State,
}

impl View<'_> {
    /// Begins a host call.
    pub fn host(&mut self) -> Result<(&mut Host, &Meter), Stop> {
        self.state.host_calls += 1;
        let limit = self.state.limits.host_calls;
        if self.state.host_calls > limit {
            return Err(Stop::misuse(format!(
                "the connector called its host more than {limit} times in one call: it is probably in a loop"
            )));
        }
        let host = self.state.host.as_mut().ok_or_else(|| {
            Stop::misuse("the connector called its host in `describe`, which may only answer")
        })?;
        Ok((host, &self.state.meter))
    }
}

/// Tells the linker that [`View`] is what the bindings borrow.
pub struct HasView;

impl HasData for HasView {
    type Data<'a> = View<'a>;
}

/// Everything that a component may import.
pub fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Base::add_to_linker::<State, HasView>(&mut linker, |state| View { state })?;
    Ok(linker)
}

#[cfg(test)]
mod tests {
    use gladhand_core::clock::{ManualClock, Timestamp};

    use super::*;
    use crate::capability::doubles::{delivery, misuse};

    fn state(host: Option<Host>) -> State {
        State::new(
            host,
            Limits::STANDARD,
            Arc::new(ManualClock::new(Timestamp(0))),
        )
    }

    #[track_caller]
    fn check(state: &mut State, expect: &str) {
        let mut view = View { state };
        assert_eq!(misuse(view.host().map(|_| ())), expect);
    }

    #[test]
    fn a_component_that_describes_itself_reaches_nothing() {
        check(
            &mut state(None),
            "the connector called its host in `describe`, which may only answer",
        );
    }

    #[test]
    fn a_connector_that_calls_its_host_without_end_is_ended() {
        let mut state = state(Some(delivery()));
        for _ in 0..Limits::STANDARD.host_calls {
            let mut view = View { state: &mut state };
            assert!(view.host().is_ok());
        }
        check(
            &mut state,
            "the connector called its host more than 10000 times in one call: it is probably in a loop",
        );
    }
}
