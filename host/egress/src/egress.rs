//! What all requests of a host share: one client, one clock, one count of what each account may still send.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::attempt::Attempt;
use gladhand_core::clock::{Clock, Timestamp};
use gladhand_core::exchange::Answer;
use gladhand_core::ids::Ids;
use gladhand_core::port::Journal;
use gladhand_core::retry::clamp_hint;

use crate::budgets::Budgets;
use crate::client::{Client, Unavailable};
use crate::config::Config;
use crate::message::{Error, Request, Response};
use crate::resolver::{Lookup, SystemLookup};
use crate::send::Call;
use crate::target::Target;

/// The only outbound HTTP.
pub struct Egress {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) client: Client,
    pub(crate) budgets: Budgets,
}

impl Egress {
    /// Egress with the operating system's names.
    pub fn new(
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, Unavailable> {
        Self::with_lookup(config, clock, ids, Arc::new(SystemLookup))
    }

    /// Egress with names of one's own: for tests that must not depend on a network.
    pub fn with_lookup(
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, Unavailable> {
        let client = Client::new(&config, lookup)?;
        Ok(Self {
            config,
            clock,
            ids,
            client,
            budgets: Budgets::default(),
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
            ledger.correct(spec, limit, remaining, reset, self.clock.now());
        }
    }

    /// Lets no request of the account leave for so long (within 1 s and 24 h), as a rate-limited provider asked for.
    pub fn hold(&self, target: &Target, hint: Duration) {
        let until = self.clock.now().after(clamp_hint(hint));
        self.budgets.of(target.account().id).hold(until);
    }

    /// Takes over what an answer's headers say about budgets.
    pub(crate) fn learn_budgets(&self, target: &Target, answer: &Answer) {
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
            self.hold(target, hint);
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
