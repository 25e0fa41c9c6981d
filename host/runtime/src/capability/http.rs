//! `http`: the only way out. Policy, credentials, budgets and the journal are egress's.

use std::time::Duration;

use gladhand_core::effect::Verdict;
use gladhand_egress::{Error, Request, Response};

use super::View;
use crate::bindings::gladhand::connector::http;
use crate::convert::{from_guest, to_guest};
use crate::host::Host;
use crate::stop::Stop;

impl Host {
    /// Sends a request, within policy; every status is a response.
    pub async fn http_send(&mut self, request: Request) -> Result<Response, Error> {
        self.services
            .egress
            .send(
                &self.target,
                &mut self.attempt,
                self.services.ports.journal.as_ref(),
                request,
            )
            .await
    }

    /// Corrects the verdict of the newest effect of `key`; nothing happens where this attempt knows of none.
    pub fn conclude(&mut self, key: &str, verdict: Verdict) {
        if !self.attempt.conclude(key, verdict) {
            tracing::debug!(key, %verdict, "a connector concluded an effect that it neither sent nor was shown");
        }
    }

    /// What the provider just said about a budget.
    pub fn report_budget(
        &self,
        budget: &str,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset: Option<Duration>,
    ) {
        self.services
            .egress
            .report_budget(&self.target, budget, limit, remaining, reset);
    }
}

impl http::Host for View<'_> {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, http::Error>> {
        let (host, meter) = self.host()?;
        let request = match from_guest::request(request) {
            Ok(request) => request,
            Err(refused) => return Ok(Err(refused)),
        };
        convert_error(meter.host(host.http_send(request)).await)
    }

    fn conclude(&mut self, key: String, verdict: String) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        meter.host_now(|| host.conclude(&key, from_guest::verdict(&verdict)));
        Ok(())
    }

    fn report_budget(
        &mut self,
        budget: String,
        limit: Option<u32>,
        remaining: Option<u32>,
        reset_ms: Option<u64>,
    ) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        let reset = reset_ms.map(Duration::from_millis);
        meter.host_now(|| host.report_budget(&budget, limit, remaining, reset));
        Ok(())
    }
}

/// What the guest gets to see of an answer, and what ends it instead.
fn convert_error(
    answer: Result<Response, Error>,
) -> wasmtime::Result<Result<http::Response, http::Error>> {
    Ok(match answer {
        Ok(response) => Ok(to_guest::response(response)),
        Err(Error::Refused(rule)) => Err(http::Error::Refused(rule)),
        Err(Error::Unreachable(problem)) => Err(http::Error::Unreachable(problem)),
        Err(Error::Timeout) => Err(http::Error::Timeout),
        Err(Error::TooLarge(bytes)) => Err(http::Error::TooLarge(bytes)),
        Err(Error::InDoubt { age }) => Err(http::Error::InDoubt(to_guest::millis(age))),
        Err(Error::End(end)) => return Err(Stop::End(end).into()),
    })
}
