//! Whether a request may leave: everything that can refuse it, defer it, or make it needless.

use std::time::Duration;

use gladhand_core::attempt::{Attempt, End};
use gladhand_core::breaker::Admission as Breaker;
use gladhand_core::clock::Timestamp;
use gladhand_core::connection::Mode;
use gladhand_core::effect::{self, Doubt, Effect, Ending, Intended, Intent, Verdict};
use gladhand_core::exchange::Answer;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::EffectId;
use gladhand_core::port::{self, Journal};

use crate::budgets::{Permit, Refusal};
use crate::credentials::Place;
use crate::effects::{self, Admission};
use crate::message::{Error, Request};
use crate::policy::Granted;
use crate::redact;
use crate::send::{Call, Waiting};
use crate::sighted::Doubtful;
use crate::write::{self, Write};

/// How soon it is worth asking again what another delivery finds out.
const PROBED: Duration = Duration::from_secs(5);

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
        self.check_breaker()?;
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
    fn admit_set(&mut self, key: &str, write: &Write) -> Result<Option<Replay>, End> {
        let deadline = self.egress.deadline(self.target);
        let lookup_after = self.lookup_after();
        let age = |what, at| self.egress.age(what, at);
        match effects::admit_set(self.attempt, key, &write.digest, lookup_after, deadline, age) {
            Admission::Send => {
                self.attempt.has_set = true;
                self.attempt.unsettled.clear();
                Ok(None)
            }
            Admission::Replay(doubt, answer) => Ok(Some(Replay {
                answer,
                doubt,
                note: None,
            })),
            Admission::Wait(left) => Err(deferred(
                self.egress.clock.now().after(left),
                FailureKind::Indeterminate,
                "an earlier write may still be on its way; nothing is written over it until the CRM must be done with it"
                    .to_owned(),
            )),
        }
    }

    /// Whether the account's breaker lets the attempt send.
    fn check_breaker(&self) -> Result<(), End> {
        if self.attempt.is_probe {
            return Ok(());
        }
        let until = match self.egress.admits(self.target.account().id) {
            Breaker::Everything => return Ok(()),
            Breaker::Nothing(until) => until,
            // Somebody else's delivery is to find out, and does so now.
            Breaker::Probe => self.egress.clock.now().after(PROBED),
        };
        let message = "the CRM did not work for several deliveries; nothing is sent until one of them has found out whether it does again";
        Err(deferred(
            until,
            FailureKind::BreakerOpen,
            message.to_owned(),
        ))
    }

    /// Takes what the request costs, waiting for it as long as the attempt can hold it.
    async fn permit(&mut self, request: &Request, timeout: Duration) -> Result<Permit, End> {
        let clock = &*self.egress.clock;
        let ledger = self.egress.budgets.of(self.target.account().id);
        let specs = &self.target.descriptor().budgets;
        // What follows the waiting: the answer, and the time to record and settle it.
        let reserved = timeout + self.egress.config.lease_margin;
        let (lease, deadline) = (self.attempt.lease.until.clone(), self.attempt.deadline);
        let room = || {
            let end = lease.get().min(deadline);
            end.saturating_sub(clock.monotonic() + reserved)
        };
        let mut waited = Duration::ZERO;
        let taken = {
            let _waiting = Waiting::new(clock, &mut waited);
            ledger.take(specs, &request.costs, self.attempt, room).await
        };
        self.attempt.waited += waited;
        match taken {
            Ok(permit) => Ok(permit),
            Err(Refusal::Store(error)) => Err(error.into()),
            Err(Refusal::Empty(empty)) => {
                let message = format!("{} is used up for now", empty.budget);
                Err(deferred(empty.until, FailureKind::BudgetExhausted, message))
            }
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
        // A store that fails commits nothing: what the attempt found out is then its settle's to tell.
        let kept = changes.clone();
        let Attempt {
            lease,
            account,
            state,
            ..
        } = &*self.attempt;
        let intended = journal
            .intend(lease, *account, *state, changes, intent)
            .await;
        if let Err(port::Error::Unavailable(_)) = intended {
            self.attempt.changes = kept;
        }
        Ok(intended?)
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
        let age = self.egress.age(Doubtful::Effect(doubt.effect), doubt.at);
        let left = self.lookup_after().saturating_sub(age);
        if !left.is_zero() {
            // From now on, for the wall clock may have been another when the write began.
            let until = self.egress.clock.now().after(left);
            let keys = keys.join(", ");
            let message = format!(
                "an earlier write of {keys} has no known answer; the CRM is asked about it once it must be done with it"
            );
            return deferred(until, FailureKind::Indeterminate, message).into();
        }
        self.attempt.note_effect(keys, doubt);
        if doubt.verdict.is_in_doubt() {
            self.attempt.unresolved.insert(doubt.effect);
        }
        Error::InDoubt { age }
    }

    /// Whether the whole answer fits into what is left of the lease.
    fn check_lease(&self, timeout: Duration) -> Result<(), End> {
        let until = self.attempt.lease.until.get();
        let left = until.saturating_sub(self.egress.clock.monotonic());
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

    fn lookup_after(&self) -> Duration {
        Duration::from_millis(self.target.descriptor().lookup_after_ms)
    }
}

fn deferred(until: Timestamp, kind: FailureKind, message: String) -> End {
    End::Deferred {
        until,
        failure: Box::new(Failure::new(kind, message)),
    }
}
