//! Whether a request may leave: everything that can refuse it, defer it, or make it needless.

use std::time::Duration;

use gladhand_core::attempt::{Attempt, End};
use gladhand_core::clock::Timestamp;
use gladhand_core::connection::Mode;
use gladhand_core::effect::{self, Doubt, Effect, Ending, Intended, Intent, Verdict};
use gladhand_core::exchange::Answer;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::EffectId;
use gladhand_core::port::Journal;

use crate::budgets::Permit;
use crate::credentials::Place;
use crate::effects::{self, Admission};
use crate::message::{Error, Request};
use crate::policy::Granted;
use crate::redact;
use crate::send::Call;
use crate::write::{self, Write};

/// What is decided about a request before anything is asked of anybody.
pub struct Plan {
    pub granted: Granted,
    pub places: Vec<Place>,
    pub timeout: Duration,
}

/// A request that may be sent, or needs not to be.
pub enum Admitted {
    Send(Permit, Option<Write>),
    Replay(Replay),
}

/// An answer that the journal has.
pub struct Replay {
    pub answer: Answer,
    pub doubt: Doubt,
    /// For the recording: what is odd about it.
    pub note: Option<String>,
}

impl Call<'_> {
    /// Everything about a request that can be refused; the error says which rule it breaks.
    pub fn plan(&self, request: &Request, body: &[u8]) -> Result<Plan, String> {
        let config = &self.egress.config;
        let granted = self.target.policy().grant(request)?;
        if body.len() > config.request_bytes {
            return Err(format!(
                "the body is larger than {} bytes",
                config.request_bytes
            ));
        }
        effects::check_keys(self.attempt, &request.effect)?;
        let budgets = &self.target.descriptor().budgets;
        let is_known = |name: &str| budgets.iter().any(|spec| spec.name == name);
        if let Some((name, _)) = request.costs.iter().find(|(name, _)| !is_known(name)) {
            return Err(format!("the descriptor has no budget `{name}`"));
        }
        let credentials = self.target.credentials();
        Ok(Plan {
            granted,
            places: credentials.locate(body, &request.body_secrets)?,
            timeout: request
                .timeout
                .unwrap_or(config.timeout)
                .min(config.longest_timeout),
        })
    }

    /// Everything that can keep a granted request from leaving.
    pub async fn admit(
        &mut self,
        journal: &dyn Journal,
        request: &Request,
        plan: &Plan,
        body: &[u8],
    ) -> Result<Admitted, Error> {
        let limit = self.egress.config.http_calls;
        if self.attempt.http_calls >= limit {
            return Err(End::TooManyCalls(limit).into());
        }
        self.attempt.http_calls += 1;
        let write = match &request.effect {
            Effect::Read => None,
            Effect::Set(_) | Effect::Once(_) => Some(self.write(request, plan, body)?),
        };
        if let (Effect::Set(key), Some(write)) = (&request.effect, &write)
            && let Some(replay) = self.admit_set(key, write)?
        {
            return Ok(Admitted::Replay(replay));
        }
        // Dropped where nothing is sent, and then nothing was taken.
        let permit = self.permit(request, plan.timeout).await?;
        if let (Effect::Once(keys), Some(write)) = (&request.effect, &write) {
            match self.intend(journal, keys, write).await? {
                Intended::Send => {}
                Intended::Replay(id, answer) => {
                    return Ok(Admitted::Replay(self.replay_once(id, answer, write)));
                }
                Intended::InDoubt(doubt) => return Err(self.doubt(keys, &doubt)),
            }
        }
        // Last, because budget and journal may have taken their time.
        if let Err(end) = self.check_lease(plan.timeout) {
            if let (Effect::Once(_), Some(write)) = (&request.effect, &write) {
                write.begin(self.attempt, &request.effect);
                let verdict = effect::propose(Ending::NeverSent);
                write.judge(self.attempt, &request.effect, verdict, None);
            }
            return Err(end.into());
        }
        Ok(Admitted::Send(permit, write))
    }

    /// The write that the request is; where the connection only observes, the end of the attempt.
    fn write(&self, request: &Request, plan: &Plan, body: &[u8]) -> Result<Write, End> {
        let Granted { method, url, .. } = &plan.granted;
        if self.attempt.mode == Mode::Observe {
            let summary = format!(
                "{method} {} with {} bytes ({} {})",
                redact::url(url),
                body.len(),
                effects::name(&request.effect),
                effects::keys(&request.effect).join(", "),
            );
            return Err(End::Observed(self.target.scrub(summary)));
        }
        Ok(Write {
            id: EffectId::new(&*self.egress.ids),
            digest: write::digest(method, url, body),
            at: self.egress.clock.now(),
        })
    }

    /// The recorded answer of a `set` that was done before; an end where it must wait.
    fn admit_set(&self, key: &str, write: &Write) -> Result<Option<Replay>, End> {
        let limits = &self.target.descriptor().limits;
        let granted = limits.deadline_ms.map(Duration::from_millis);
        let usual = self.egress.config.attempt_deadline;
        let deadline = granted.map_or(usual, |granted| granted.max(usual));
        let lookup_after = self.lookup_after();
        let Write { digest, at, .. } = write;
        match effects::admit_set(self.attempt, key, digest, *at, lookup_after, deadline) {
            Admission::Send => Ok(None),
            Admission::Replay(doubt, answer) => Ok(Some(Replay {
                answer,
                doubt,
                note: None,
            })),
            Admission::Wait(until) => Err(deferred(
                until,
                FailureKind::Indeterminate,
                "an earlier write may still be on its way; nothing is written over it until the CRM must be done with it"
                    .to_owned(),
            )),
        }
    }

    /// Takes what the request costs, waiting a little where it is not there.
    async fn permit(&mut self, request: &Request, timeout: Duration) -> Result<Permit, End> {
        let config = &self.egress.config;
        let ledger = self.egress.budgets.of(self.target.account().id);
        let specs = &self.target.descriptor().budgets;
        let room = self
            .lease_left()
            .saturating_sub(timeout + config.lease_margin);
        let mut patience = config.budget_wait.min(room);
        loop {
            let now = self.egress.clock.now();
            let empty = match ledger.take(specs, &request.costs, now) {
                Ok(permit) => return Ok(permit),
                Err(empty) => empty,
            };
            let wait = empty.until.since(now).max(Duration::from_millis(1));
            if wait > patience {
                let message = format!("{} is used up for now", empty.budget);
                return Err(deferred(empty.until, FailureKind::BudgetExhausted, message));
            }
            patience -= wait;
            self.attempt.waited += wait;
            tokio::time::sleep(wait).await;
        }
    }

    /// Commits the attempt's changes and the intent of a `once`.
    async fn intend(
        &mut self,
        journal: &dyn Journal,
        keys: &[String],
        write: &Write,
    ) -> Result<Intended, End> {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        let intent = Intent {
            id: write.id,
            keys,
            digest: write.digest,
            at: write.at,
        };
        let changes = std::mem::take(&mut self.attempt.changes);
        let Attempt {
            lease,
            account,
            state,
            ..
        } = &*self.attempt;
        Ok(journal
            .intend(lease, *account, *state, changes, intent)
            .await?)
    }

    fn replay_once(&self, id: EffectId, answer: Answer, write: &Write) -> Replay {
        let mut earlier = self.attempt.journalled.iter();
        let earlier = earlier.find(|earlier| earlier.id == id);
        let differs = earlier.is_some_and(|earlier| earlier.digest != write.digest);
        Replay {
            answer,
            doubt: Doubt {
                effect: id,
                verdict: Verdict::Done,
                at: earlier.map_or(write.at, |earlier| earlier.at),
            },
            note: differs.then(|| "the content differs from what was sent then".to_owned()),
        }
    }

    /// What an answer in doubt means: look now, or come back when looking proves something.
    fn doubt(&mut self, keys: &[String], doubt: &Doubt) -> Error {
        let now = self.egress.clock.now();
        let until = doubt.at.after(self.lookup_after());
        if now < until {
            let keys = keys.join(", ");
            let message = format!(
                "an earlier write of {keys} has no known answer; the CRM is asked about it once it must be done with it"
            );
            return deferred(until, FailureKind::Indeterminate, message).into();
        }
        self.attempt.note_effect(keys, doubt);
        Error::InDoubt {
            age: now.since(doubt.at),
        }
    }

    /// Whether the whole answer fits into what is left of the lease.
    fn check_lease(&self, timeout: Duration) -> Result<(), End> {
        let left = self.lease_left();
        if left.is_zero() {
            return Err(End::LeaseLost);
        }
        if left < timeout + self.egress.config.lease_margin {
            let message = format!(
                "{} ms are left of the lease, too few for a request that may take {} ms; nothing was sent",
                left.as_millis(),
                timeout.as_millis()
            );
            let now = self.egress.clock.now();
            return Err(deferred(now, FailureKind::Unavailable, message));
        }
        Ok(())
    }

    fn lease_left(&self) -> Duration {
        let until = self.attempt.lease.until;
        until.saturating_sub(self.egress.clock.monotonic())
    }

    fn lookup_after(&self) -> Duration {
        Duration::from_millis(self.target.descriptor().lookup_after_ms)
    }
}

fn deferred(until: Timestamp, kind: FailureKind, message: String) -> End {
    End::Deferred {
        until,
        failure: Failure::new(kind, message),
    }
}
