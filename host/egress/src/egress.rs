//! What all requests of a host share: one client, one clock, one count of what each account may still send.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gladhand_core::attempt::Attempt;
use gladhand_core::breaker::{Admission, Breaker};
use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::effect;
use gladhand_core::exchange::Answer;
use gladhand_core::ids::{AccountId, EffectId, Ids};
use gladhand_core::port::{self, Journal, Standing, Standings};
use gladhand_core::retry::clamp_hint;

use crate::breakers::Breakers;
use crate::budgets::Budgets;
use crate::client::{Client, Unavailable};
use crate::config::Config;
use crate::happening::BreakerMoved;
use crate::message::{Error, Request, Response};
use crate::resolver::{Lookup, SystemLookup};
use crate::send::Call;
use crate::sighted::{Doubtful, Sighted};
use crate::target::Target;

/// The only outbound HTTP.
pub struct Egress {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) client: Client,
    pub(crate) budgets: Budgets,
    pub(crate) breakers: Breakers,
    sighted: Mutex<Sighted>,
}

/// How an attempt went, as its account's breaker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The CRM works.
    Well,
    /// It does not, or cannot be reached.
    Trouble,
    /// Nobody knows: nothing was asked, or what was answered says nothing.
    Unknown,
}

impl Egress {
    /// Egress with the operating system's names.
    pub fn new(
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        standings: Arc<dyn Standings>,
    ) -> Result<Self, Unavailable> {
        Self::with_lookup(config, clock, ids, standings, Arc::new(SystemLookup))
    }

    /// Egress with names of one's own: for tests that must not depend on a network.
    pub fn with_lookup(
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        standings: Arc<dyn Standings>,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, Unavailable> {
        let client = Client::new(&config, lookup)?;
        let holder = ids.next().simple().to_string();
        Ok(Self {
            budgets: Budgets::new(standings.clone(), clock.clone(), holder),
            breakers: Breakers::new(standings),
            sighted: Mutex::default(),
            config,
            clock,
            ids,
            client,
        })
    }

    /// Sends a request of an attempt, or says why not. What is found out goes into `attempt.changes`.
    ///
    /// May be dropped at any await: a write that may have left is then recorded as `unknown`.
    pub async fn send(
        &self,
        target: &Target,
        attempt: &mut Attempt,
        journal: &dyn Journal,
        request: Request,
    ) -> Result<Response, Error> {
        Call {
            egress: self,
            target,
            attempt,
        }
        .send(journal, request)
        .await
    }

    /// Takes over what a provider said about a budget of the descriptor; a name that it does not have is ignored.
    pub fn report_budget(
        &self,
        target: &Target,
        budget: &str,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset: Option<Duration>,
    ) {
        let mut specs = target.descriptor().budgets.iter();
        if let Some(spec) = specs.find(|spec| spec.name == budget) {
            let ledger = self.budgets.of(target.account().id);
            ledger.correct(spec, limit, remaining, reset);
        }
    }

    /// Lets no request of the account leave for so long (within 1 s and 24 h), as a rate-limited provider asked for.
    pub async fn hold(&self, target: &Target, hint: Duration) {
        let until = self.clock.now().after(clamp_hint(hint));
        self.budgets.of(target.account().id).hold(until).await;
    }

    /// Of `wanted` attempts, how many may begin beside the `running` ones of the account if each makes `calls` requests;
    /// else when one may.
    pub fn room(
        &self,
        target: &Target,
        calls: u32,
        running: u32,
        wanted: u32,
    ) -> Result<u32, Timestamp> {
        let specs = &target.descriptor().budgets;
        // The last request must have its time after it waited for its turn.
        let reserved = self.config.timeout + self.config.lease_margin;
        let within = self.deadline(target).saturating_sub(reserved);
        self.budgets
            .of(target.account().id)
            .room(specs, calls, running, wanted, within)
    }

    /// The host stops: requests that wait for what their account may send are put off at once, and those to come do not wait.
    pub fn stop_waiting(&self) {
        self.budgets.stop_waiting();
    }

    /// What the account's breaker lets through.
    pub fn admits(&self, account: AccountId) -> Admission {
        self.breakers.admits(account, self.clock.now())
    }

    /// Whether a delivery of the account that is about to run is the one that finds out whether it works again.
    pub async fn probe(&self, account: AccountId) -> Result<bool, port::Error> {
        self.breakers.probe(account, self.clock.now()).await
    }

    /// Tells the account's breaker how an attempt went. When its delivery may try again, where it was a probe that failed.
    pub async fn judge(
        &self,
        target: &Target,
        verdict: Verdict,
        is_probe: bool,
    ) -> Result<Option<Timestamp>, port::Error> {
        let (account, now) = (target.account().id, self.clock.now());
        let is_well = match verdict {
            Verdict::Well => Some(true),
            Verdict::Trouble => Some(false),
            Verdict::Unknown => None,
        };
        let (before, after) = match is_well {
            _ if is_probe => self.breakers.probed(account, is_well, now).await?,
            Some(is_well) => self.breakers.judge(account, is_well, now).await?,
            None => return Ok(None),
        };
        BreakerMoved {
            provider: &target.descriptor().id,
            account: &target.account().name,
            before,
            after,
            now,
        }
        .tell();
        Ok(match after {
            Breaker::Open { until, .. } if is_probe => Some(until),
            _ => None,
        })
    }

    /// The accounts whose breaker is not closed.
    pub fn open_breakers(&self) -> Vec<(AccountId, Breaker)> {
        self.breakers.open()
    }

    /// Takes over what hosts know of accounts together.
    pub fn learn(&self, standings: &[Standing]) {
        for stored in standings {
            self.breakers.learn(stored);
            self.budgets.of(stored.account).learn(stored);
        }
    }

    /// Forgets every account that is not among these.
    pub fn retain(&self, is_known: impl Fn(AccountId) -> bool) {
        self.breakers.retain(&is_known);
        self.budgets.retain(is_known);
    }

    /// How old it is held to be, by the wall clock and by what this process knows: what a decision is made by, and what the
    /// connector is told.
    pub(crate) fn age(&self, what: Doubtful, at: Timestamp) -> Duration {
        let (steady, now) = (self.clock.steady(), self.clock.now());
        let known_for = self.sighted().known_for(what, steady);
        effect::age(at, now, known_for)
    }

    /// A write is about to leave: whatever comes of it, it is no older than that.
    pub(crate) fn begin_write(&self, effect: EffectId) {
        let steady = self.clock.steady();
        self.sighted().begin(Doubtful::Effect(effect), steady);
    }

    /// The CRM has answered whether it did the write.
    pub(crate) fn forget_write(&self, effect: EffectId) {
        self.sighted().forget(Doubtful::Effect(effect));
    }

    fn sighted(&self) -> MutexGuard<'_, Sighted> {
        self.sighted
            .lock()
            .expect("nothing panics while it is held")
    }

    /// How long an attempt of the account may run.
    pub(crate) fn deadline(&self, target: &Target) -> Duration {
        let asked = target.descriptor().limits.deadline_ms;
        let usual = self.config.attempt_deadline;
        asked.map_or(usual, |asked| Duration::from_millis(asked).max(usual))
    }

    /// Takes over what an answer's headers say about budgets.
    pub(crate) async fn learn_budgets(&self, target: &Target, answer: &Answer) {
        for spec in &target.descriptor().budgets {
            let said = |name: &Option<String>| header(answer, name.as_deref()?)?.parse().ok();
            let (limit, remaining) = (said(&spec.limit_header), said(&spec.remaining_header));
            if limit.is_some() || remaining.is_some() {
                self.report_budget(target, &spec.name, limit, remaining, None);
            }
        }
        if answer.status == 429
            && let Some(hint) = header(answer, "retry-after").and_then(|text| self.delay(text))
        {
            self.hold(target, hint).await;
        }
    }

    /// The delay that `Retry-After` asks for, in seconds or until a date.
    fn delay(&self, text: &str) -> Option<Duration> {
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = httpdate::parse_http_date(text).ok()?;
        let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Timestamp(0).after(since_epoch).since(self.clock.now()))
    }
}

fn header<'a>(answer: &'a Answer, wanted: &str) -> Option<&'a str> {
    let mut headers = answer.headers.iter();
    headers
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.trim())
}
