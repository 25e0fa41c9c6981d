//! The way of a request: log, fault, latency, then the application under one lock. It decides nothing about
//! records.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request as HttpRequest, State as Shared};
use axum::response::Response;
use bytes::Bytes;
use gladhand_core::clock::{Clock, Timestamp};

use super::answer::Answer;
use super::error::{Contract, Failure};
use super::request::Request;
use super::route;
use super::state::{Call, State};
use super::throttle::Key;
use crate::fault::{Fault, Plan, Work};
use crate::seen::{Log, Seen};
use crate::wire::Connection;

/// More than any body that a connector may send.
const BODY_LIMIT: usize = 16 << 20;

/// What a running simulator is made of.
#[derive(Debug)]
pub struct Server {
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Where it listens.
    pub base_url: String,
    /// What it was asked.
    pub log: Log,
    state: Mutex<State>,
    switches: Mutex<Switches>,
    plan: Mutex<Plan>,
    late: Mutex<Vec<(Timestamp, Request)>>,
}

/// What can be switched while it runs.
#[derive(Debug, Clone, Copy)]
pub struct Switches {
    /// How errors are said.
    pub contract: Contract,
    /// Requests per minute and user.
    pub throttle: Option<u32>,
    /// How long every answer takes.
    pub latency: Duration,
    /// How long lists and searches do not find a new record.
    pub search_lag: Duration,
}

impl Server {
    /// A server over this state.
    pub fn new(
        clock: Arc<dyn Clock>,
        base_url: String,
        log: Log,
        state: State,
        switches: Switches,
    ) -> Self {
        Self {
            clock,
            base_url,
            log,
            state: Mutex::new(state),
            switches: Mutex::new(switches),
            plan: Mutex::default(),
            late: Mutex::default(),
        }
    }

    /// The database, with what was to be done late by now done.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let now = self.clock.now();
        let due: Vec<_> = {
            let mut late = lock(&self.late);
            let (due, waiting) = late.drain(..).partition(|(at, _)| *at <= now);
            *late = waiting;
            due
        };
        let mut state = lock(&self.state);
        for (at, request) in due {
            // Nobody waits for the answer, good or bad.
            self.serve(&mut state, &request, at).ok();
        }
        state
    }

    /// The switches, to be read or changed.
    pub fn switches(&self) -> MutexGuard<'_, Switches> {
        lock(&self.switches)
    }

    /// The faults, to be added to.
    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        lock(&self.plan)
    }

    /// Serves a request and renders whatever came of it.
    fn answer(&self, request: &Request) -> Answer {
        let mut state = self.state();
        let served = self.serve(&mut state, request, self.clock.now());
        let (outcome, remaining) = match served {
            Ok((outcome, remaining)) => (outcome, remaining),
            Err(failure) => (Err(failure), None),
        };
        let Switches {
            contract, throttle, ..
        } = *self.switches();
        let answer =
            outcome.unwrap_or_else(|failure| failure.answer(contract, request, &self.base_url));
        match (throttle, remaining) {
            (Some(limit), Some(remaining)) => answer
                .with("x-ratelimit-limit", limit)
                .with("x-ratelimit-remaining", remaining),
            _ => answer,
        }
    }

    /// Route, token, rate limit, handler; with what is left of the limit where it came that far.
    fn serve(
        &self,
        state: &mut State,
        request: &Request,
        now: Timestamp,
    ) -> Result<(Result<Answer, Failure>, Option<u32>), Failure> {
        let switches = *self.switches();
        let found = route::find(&request.method, &request.path)?;
        let user = request
            .bearer
            .as_deref()
            .and_then(|token| state.tokens.user(token));
        if user.is_none() && !found.is_public {
            return Err(Failure::Unauthenticated);
        }
        let key = user.map_or(Key::Address(request.peer), Key::User);
        let remaining = match switches.throttle {
            Some(limit) => Some(state.throttle.take(key, limit, now)?),
            None => None,
        };
        let lag = i64::try_from(switches.search_lag.as_millis()).unwrap_or(i64::MAX);
        let call = Call {
            request,
            id: found.id,
            last: found.last,
            user: user.unwrap_or(0),
            now,
            contract: switches.contract,
            base_url: &self.base_url,
            visible_until: Timestamp(now.0.saturating_sub(lag)),
        };
        Ok(((found.handler)(state, &call), remaining))
    }

    /// The answer to a struck request; none where the connection is reset.
    async fn strike(self: &Arc<Self>, fault: Fault, request: &Request) -> Option<Answer> {
        let contract = self.switches().contract;
        let broken = || {
            Failure::php("Maximum execution time exceeded").answer(
                contract,
                request,
                &self.base_url,
            )
        };
        match fault {
            Fault::Error { done } | Fault::Reset { done } if done => {
                self.answer(request);
                matches!(fault, Fault::Error { .. }).then(broken)
            }
            Fault::Error { .. } => Some(broken()),
            Fault::Reset { .. } => None,
            Fault::Hang { hold_ms, work } => {
                let (server, request) = (self.clone(), request.clone());
                // A task of its own: the work is done also if the client leaves and drops this future.
                let hanging = tokio::spawn(async move {
                    let before = matches!(work, Work::Before).then(|| server.answer(&request));
                    tokio::time::sleep(Duration::from_millis(hold_ms)).await;
                    match work {
                        Work::After => Some(server.answer(&request)),
                        Work::Before | Work::Never => before,
                    }
                });
                hanging.await.ok().flatten()
            }
            Fault::Late { hold_ms, after_ms } => {
                let due = self.clock.now().after(Duration::from_millis(after_ms));
                lock(&self.late).push((due, request.clone()));
                tokio::time::sleep(Duration::from_millis(hold_ms)).await;
                None
            }
            Fault::RevokeTokens => {
                let mut state = self.state();
                let user = request
                    .bearer
                    .as_deref()
                    .and_then(|token| state.tokens.user(token));
                if let Some(user) = user {
                    state.tokens.revoke(user);
                }
                drop(state);
                Some(self.answer(request))
            }
            Fault::Redirect => Some(Answer::redirect(&self.base_url)),
            Fault::Html { status } => Some(Answer::page(status, &format!("{status}"))),
            Fault::TooManyRequests { retry_after_secs } => {
                let reset = self
                    .clock
                    .now()
                    .after(Duration::from_secs(retry_after_secs))
                    .0
                    / 1000;
                let limit = self.switches().throttle.unwrap_or(60);
                let refused = Failure::Throttled {
                    limit,
                    retry_after_secs,
                    reset,
                };
                Some(refused.answer(contract, request, &self.base_url))
            }
        }
    }
}

/// Every request.
pub async fn handle(
    Shared(server): Shared<Arc<Server>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: HttpRequest,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT)
        .await
        .unwrap_or_else(|_| Bytes::new());
    let request = Request::read(
        &parts.method,
        &parts.uri,
        &parts.headers,
        &body,
        connection.peer().ip(),
    );
    let fault = server.plan().strike(&request.method, &request.path);
    let running = server.log.arrived(Seen {
        number: 0,
        method: request.method.clone(),
        path: request.path.clone(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        // A copy: the body as read keeps the connection's whole buffer alive for as long as it is remembered.
        body: Bytes::copy_from_slice(&body),
        token: request.bearer.clone(),
        at: server.clock.now(),
        until: None,
        status: None,
        overlap: 0,
        fault: fault.clone(),
    });
    let latency = server.switches().latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let answer = match fault {
        Some(fault) => server.strike(fault, &request).await,
        None => Some(server.answer(&request)),
    };
    running.ended(
        answer.as_ref().map(|answer| answer.status),
        server.clock.now(),
    );
    if answer.is_none() {
        connection.reset();
    }
    // Where the connection is reset this page is never written.
    answer
        .unwrap_or_else(|| Answer::page(500, "reset"))
        .into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a handler that panics fails its test")
}
