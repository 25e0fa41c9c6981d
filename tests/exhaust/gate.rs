//! What stands between the host and the CRM: it counts requests, lets them through, and strikes those of the plan.
//!
//! It knows no CRM: whatever it does not strike is passed on and back unchanged.

mod message;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::http::Method;
use axum::response::Response;
use gladhand_core::clock::{Clock as _, ManualClock, Timestamp};
use gladhand_tests::http::{Answer, Client};
use gladhand_tests::wire::{Connection, Listener};
use tokio::task::AbortHandle;

use self::message::{Captured, response, said, unauthenticated};
use crate::crm::{Crm, TOKEN};
use crate::fault::{Fault, LATE, RETRY_AFTER, SEARCH_LAG, Strike, When};
use crate::watch::Watch;

/// A running gate; it stops accepting connections when dropped.
pub struct Gate {
    inner: Arc<Inner>,
    base_url: String,
    accepting: AbortHandle,
}

/// One request as it came and went.
#[derive(Debug, Clone)]
pub struct Passed {
    /// Method, path and query.
    pub request: String,
    /// What was answered, or what became of it.
    pub ending: String,
    /// How often the host's clock was read before it came.
    pub came_at: u64,
    /// And before it was answered.
    pub answered_at: u64,
}

struct Inner {
    /// A connection breaks where otherwise no answer would come.
    breaks_silence: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    behind: Option<Behind>,
    plan: Vec<Strike>,
    struck: usize,
    passed: Vec<Passed>,
    late: Vec<(Timestamp, Captured)>,
    is_revoked: bool,
    life: Option<Arc<Watch>>,
    began_at: u64,
}

/// What a run has for itself.
#[derive(Clone)]
struct Behind {
    crm: Arc<Crm>,
    time: Arc<ManualClock>,
}

impl Gate {
    /// Starts, with no CRM behind it yet.
    pub fn start(breaks_silence: bool) -> io::Result<Self> {
        let listener = Listener::bind()?;
        let base_url = format!("http://{}", listener.address()?);
        let inner = Arc::new(Inner {
            breaks_silence,
            state: Mutex::default(),
        });
        let router = Router::new().fallback(handle).with_state(inner.clone());
        let service = router.into_make_service_with_connect_info::<Connection>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await });
        Ok(Self {
            inner,
            base_url,
            accepting: serving.abort_handle(),
        })
    }

    /// Where it listens.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Stands before this CRM, counts from the beginning, and strikes what this plan says.
    pub fn begin(&self, crm: Arc<Crm>, time: Arc<ManualClock>, plan: Vec<Strike>) {
        *self.inner.state() = State {
            behind: Some(Behind { crm, time }),
            plan,
            ..State::default()
        };
    }

    /// From here on this life of the host is the one that can be killed.
    pub fn meets(&self, life: &Arc<Watch>) {
        let mut state = self.inner.state();
        if state.life.is_none() {
            state.began_at = life.readings();
        }
        state.life = Some(life.clone());
        if let Some(strike) = state.due(|when| when == When::Number(0)) {
            life.stop_after(strike.reading);
        }
    }

    /// How many strikes of the plan are still to come.
    pub fn to_come(&self) -> usize {
        let state = self.inner.state();
        state.plan.len() - state.struck
    }

    /// An operator sets the token again.
    pub fn restore_token(&self) {
        self.inner.state().is_revoked = false;
    }

    /// When the CRM does the next thing that it is late with.
    pub fn next_late(&self) -> Option<Timestamp> {
        let state = self.inner.state();
        state.late.iter().map(|(due, _)| *due).min()
    }

    /// Lets the CRM do what is due by now.
    pub async fn finish_late(&self) -> Result<()> {
        let now = self.inner.behind()?.time.now();
        let due: Vec<Captured> = {
            let mut state = self.inner.state();
            let (due, later) = state.late.drain(..).partition(|(at, _)| *at <= now);
            state.late = later;
            due.into_iter().map(|(_, request)| request).collect()
        };
        for request in due {
            // Nobody waits for the answer, good or bad.
            self.inner.pass(&request).await?;
        }
        Ok(())
    }

    /// How often the clock of the first life was read before anything happened.
    pub fn began_at(&self) -> u64 {
        self.inner.state().began_at
    }

    /// What came through, in order of arrival.
    pub fn passed(&self) -> Vec<Passed> {
        self.inner.state().passed.clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no handler panics while holding it")
    }

    async fn pass(&self, request: &Captured) -> Result<Answer> {
        let Behind { crm, .. } = self.behind()?;
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            let value = value.replace(TOKEN, crm.token());
            headers.push((name.as_str(), value));
        }
        Client::new(crm.authority())
            .request(
                request.method.clone(),
                &request.target,
                &headers,
                request.body.to_vec(),
            )
            .await
    }

    fn behind(&self) -> Result<Behind> {
        let behind = self.state().behind.clone();
        behind.context("no CRM is behind the gate")
    }

    /// No answer comes.
    async fn silence(&self) -> Option<Response> {
        if self.breaks_silence {
            return None;
        }
        std::future::pending().await
    }

    /// Notes an arrival; its index, and what is to go wrong with it.
    fn arrived(&self, request: &Captured) -> (usize, Option<Strike>, bool) {
        let mut state = self.state();
        let readings = state.life.as_ref().map_or(0, |life| life.readings());
        let is_write = request.method != Method::GET;
        state.passed.push(Passed {
            request: format!("{} {}", request.method, request.target),
            ending: "no answer".to_owned(),
            came_at: readings,
            answered_at: readings,
        });
        let number = state.passed.len();
        let strike = state.due(|when| match when {
            When::Number(wanted) => wanted == number,
            When::Next => true,
            When::NextWrite => is_write,
        });
        if strike.is_some_and(|strike| strike.fault == Fault::TokenRevoked) {
            state.is_revoked = true;
        }
        (number - 1, strike, state.is_revoked)
    }

    fn answered(&self, index: usize, ending: String) {
        let mut state = self.state();
        let readings = state.life.as_ref().map_or(0, |life| life.readings());
        // A request of an earlier run may end after the next one has begun.
        if let Some(passed) = state.passed.get_mut(index) {
            passed.ending = ending;
            passed.answered_at = readings;
        }
    }

    fn kill(&self) {
        if let Some(life) = &self.state().life {
            life.die();
        }
    }

    /// The answer to a struck request; none where the connection is reset. Where no answer is to come this never returns:
    /// it is dropped when the host hangs up or is gone.
    async fn strike(&self, strike: Strike, request: &Captured) -> Result<Option<Response>> {
        match strike.fault {
            Fault::KillBeforeSend => {
                self.kill();
                std::future::pending().await
            }
            Fault::KillAfterSend | Fault::SecondKill => {
                self.pass(request).await?;
                self.kill();
                std::future::pending().await
            }
            Fault::KillBetween => {
                let answer = self.pass(request).await?;
                if let Some(life) = &self.state().life {
                    life.stop_after(strike.reading);
                }
                Ok(Some(response(answer)))
            }
            Fault::Reset => Ok(None),
            Fault::ResetAfterWrite => {
                self.pass(request).await?;
                Ok(None)
            }
            Fault::TimeoutAfterWrite => {
                self.pass(request).await?;
                Ok(self.silence().await)
            }
            Fault::LateWrite => {
                let due = self.behind()?.time.now().after(LATE);
                self.state().late.push((due, request.clone()));
                Ok(self.silence().await)
            }
            Fault::LateWriteKill => {
                let due = self.behind()?.time.now().after(LATE);
                self.state().late.push((due, request.clone()));
                self.kill();
                std::future::pending().await
            }
            Fault::Error => Ok(Some(said(500, "something went wrong"))),
            Fault::ErrorAfterWrite => {
                self.pass(request).await?;
                Ok(Some(said(500, "something went wrong")))
            }
            Fault::TooManyRequests => {
                let mut answer = said(429, "too many requests");
                let seconds = RETRY_AFTER.as_secs().into();
                answer.headers_mut().insert("retry-after", seconds);
                Ok(Some(answer))
            }
            Fault::TokenRevoked => Ok(Some(unauthenticated())),
            Fault::SearchLate => {
                self.behind()?.crm.set_search_lag(SEARCH_LAG);
                self.pass(request).await?;
                Ok(None)
            }
            Fault::SearchLateKill => {
                self.behind()?.crm.set_search_lag(SEARCH_LAG);
                self.pass(request).await?;
                self.kill();
                std::future::pending().await
            }
        }
    }
}

impl State {
    /// The next strike of the plan, if its time has come; it counts as struck then.
    fn due(&mut self, is_now: impl Fn(When) -> bool) -> Option<Strike> {
        let strike = self.plan.get(self.struck).copied()?;
        let is_due = is_now(strike.when);
        self.struck += usize::from(is_due);
        is_due.then_some(strike)
    }
}

async fn handle(
    Shared(gate): Shared<Arc<Inner>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let request = Captured::read(request).await;
    let (index, strike, is_revoked) = gate.arrived(&request);
    let answer = match strike {
        Some(strike) => gate.strike(strike, &request).await,
        None if is_revoked => Ok(Some(unauthenticated())),
        None => gate
            .pass(&request)
            .await
            .map(|answer| Some(response(answer))),
    };
    match answer {
        Ok(Some(answer)) => {
            gate.answered(index, answer.status().to_string());
            answer
        }
        Ok(None) => {
            gate.answered(index, "reset".to_owned());
            connection.reset();
            said(500, "never written, because the connection is reset")
        }
        Err(error) => said(502, &format!("{error:#}")),
    }
}
