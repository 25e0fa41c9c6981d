//! One request on its way, in order: grant → call limit → observe → breaker → budget → journal → lease (all in `admit`) →
//! credentials → send → verdict → record.
//!
//! Every step before the sending can end the request without a trace in the CRM; every step after it leaves one in the
//! attempt, also where the attempt is dropped in the middle of it.

use std::time::Duration;

use bytes::Bytes;
use gladhand_core::attempt::{Attempt, LastRequest};
use gladhand_core::clock::Clock;
use gladhand_core::effect::{self, Effect, Ending};
use gladhand_core::exchange::Answer;
use gladhand_core::port::Journal;

use crate::admit::{Admitted, Plan};
use crate::budgets::Permit;
use crate::client::{Failed, Outgoing};
use crate::effects;
use crate::egress::Egress;
use crate::happening::RequestEnded;
use crate::message::{Error, Request, Response};
use crate::recording::{Pending, Recording};
use crate::target::Target;
use crate::write::Write;

/// One request of an attempt.
pub struct Call<'a> {
    pub egress: &'a Egress,
    pub target: &'a Target,
    pub attempt: &'a mut Attempt,
}

/// Everything that a request which may leave needs.
struct Prepared {
    plan: Plan,
    body: Bytes,
    permit: Permit,
    write: Option<Write>,
}

impl Call<'_> {
    pub async fn send(
        mut self,
        journal: &dyn Journal,
        mut request: Request,
    ) -> Result<Response, Error> {
        let body = Bytes::from(request.body.take().unwrap_or_default());
        let planned = self.plan(&request, &body);
        let recording = Recording::new(
            self.egress,
            self.target,
            &request,
            planned.as_ref().ok().map(|plan| &plan.granted),
            &body,
        );
        let plan = match planned {
            Ok(plan) => plan,
            Err(reason) => {
                let error = self.refused(reason);
                recording.not_sent(self.attempt, &error);
                return Err(error);
            }
        };
        match self.admit(journal, &request, &plan, &body).await {
            Ok(Admitted::Send(permit, write)) => {
                let pending = recording.begin(self.attempt);
                if let Some(write) = &write {
                    write.begin(self.attempt, &request.effect);
                    self.egress.begin_write(write.id);
                }
                let prepared = Prepared {
                    plan,
                    body,
                    permit,
                    write,
                };
                self.transmit(pending, &request.effect, prepared).await
            }
            Ok(Admitted::Replay(replay)) => {
                recording.replayed(self.attempt, &replay.answer, replay.note);
                self.attempt
                    .note_effect(effects::keys(&request.effect), &replay.doubt);
                Ok(response(replay.answer, true))
            }
            Err(error) => {
                recording.not_sent(self.attempt, &error);
                Err(error)
            }
        }
    }

    async fn transmit(
        mut self,
        pending: Pending<'_>,
        effect: &Effect,
        prepared: Prepared,
    ) -> Result<Response, Error> {
        let Prepared {
            plan,
            body,
            mut permit,
            write,
        } = prepared;
        let credentials = self.target.credentials();
        let mut outgoing = Outgoing {
            method: plan.granted.method,
            url: plan.granted.url,
            headers: plan.granted.headers,
            body: credentials.fill(body, &plan.places),
            timeout: plan.timeout,
        };
        credentials.authorise(&mut outgoing.headers);
        permit.spend();
        // What was refused before did not keep the connector from going on: how it ends is about what follows.
        self.attempt.refused = None;
        // Also where it is dropped in the middle of the waiting.
        self.attempt.last_request = LastRequest::Troubled;
        let method = outgoing.method.clone();
        let began = self.egress.clock.monotonic();
        let networks = self.target.policy().networks();
        let sent = {
            let _waiting = Waiting::new(&*self.egress.clock, &mut self.attempt.waited);
            self.egress.client.send(networks, outgoing).await
        };
        RequestEnded {
            provider: &self.target.descriptor().id,
            method: method.as_str(),
            status: sent.as_ref().ok().map(|answer| answer.status),
            took: self.egress.clock.monotonic().saturating_sub(began),
        }
        .tell();
        let sent = sent.map(|answer| self.scrubbed(answer));
        self.attempt.last_request = match &sent {
            Ok(answer) if answer.status >= 500 => LastRequest::Troubled,
            Ok(_) | Err(Failed::TooLarge(_) | Failed::Forbidden(_)) => LastRequest::Answered,
            Err(Failed::Unreachable(_) | Failed::TimedOut | Failed::Broken(_)) => {
                LastRequest::Troubled
            }
        };
        let ending = match &sent {
            Ok(answer) => Ending::Answered(answer.status),
            Err(failed) => failed.ending(),
        };
        if let Some(write) = write {
            let verdict = effect::propose(ending);
            write.judge(self.attempt, effect, verdict, sent.as_ref().ok());
            if !verdict.is_in_doubt() {
                self.egress.forget_write(write.id);
            }
        }
        if ending == Ending::NeverSent {
            permit.give_back();
        }
        match sent {
            Ok(answer) => {
                pending.answered(self.attempt, &answer);
                self.egress.learn_budgets(self.target, &answer).await;
                Ok(response(answer, false))
            }
            Err(failed) => {
                let text = self.target.scrub(failed.to_string());
                pending.failed(self.attempt, text);
                Err(self.error(failed))
            }
        }
    }

    /// What the connector is told.
    fn error(&mut self, failed: Failed) -> Error {
        match failed {
            Failed::Forbidden(reason) => self.refused(reason),
            Failed::Unreachable(reason) => Error::Unreachable(self.target.scrub(reason)),
            Failed::TimedOut | Failed::Broken(_) => Error::Timeout,
            Failed::TooLarge(limit) => Error::TooLarge(limit),
        }
    }

    fn refused(&mut self, reason: String) -> Error {
        let reason = self.target.scrub(reason);
        self.attempt.refused = Some(reason.clone());
        Error::Refused(reason)
    }

    fn scrubbed(&self, mut answer: Answer) -> Answer {
        let scrubber = self.target.scrubber();
        for (_, value) in &mut answer.headers {
            *value = scrubber.text(std::mem::take(value));
        }
        answer.body = scrubber.bytes(answer.body);
        answer
    }
}

/// Time spent in its life is added to what an attempt waited, also where the waiting is cut off.
pub struct Waiting<'a> {
    clock: &'a dyn Clock,
    since: Duration,
    total: &'a mut Duration,
}

impl<'a> Waiting<'a> {
    pub fn new(clock: &'a dyn Clock, total: &'a mut Duration) -> Self {
        let since = clock.monotonic();
        Self {
            clock,
            since,
            total,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *self.total += self.clock.monotonic().saturating_sub(self.since);
    }
}

fn response(answer: Answer, is_replayed: bool) -> Response {
    Response {
        status: answer.status,
        headers: answer.headers,
        body: answer.body,
        is_replayed,
    }
}
