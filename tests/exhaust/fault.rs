//! What goes wrong, as data: which request is struck, and how.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Error, bail};

/// For how long the CRM goes on with a write after the host gave it up.
pub const LATE: Duration = Duration::from_secs(20);
/// For how long a search does not show a new record.
pub const SEARCH_LAG: Duration = Duration::from_secs(30);
/// What `Retry-After` says.
pub const RETRY_AFTER: Duration = Duration::from_secs(30);

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The host is killed before the request reaches the CRM.
    KillBeforeSend,
    /// The host is killed after the CRM did the work and before it answers.
    KillAfterSend,
    /// The host is killed at some reading of its clock after it was answered.
    KillBetween,
    /// The connection breaks, nothing done.
    Reset,
    /// The connection breaks after the CRM did the work.
    ResetAfterWrite,
    /// No answer comes, though the CRM did the work.
    TimeoutAfterWrite,
    /// No answer comes, and the CRM does the work [`LATE`] after the host gave up.
    LateWrite,
    /// The same, and the host is killed while it waits.
    LateWriteKill,
    /// 500, nothing done.
    Error,
    /// 500, though the CRM did the work.
    ErrorAfterWrite,
    /// 429, nothing done.
    TooManyRequests,
    /// 401, and for every request that follows until an operator sets the token again.
    TokenRevoked,
    /// The answer is lost and searches show the record [`SEARCH_LAG`] late.
    SearchLate,
    /// The same, and the host is killed.
    SearchLateKill,
    /// Killed after the CRM did the work, and again in the first request of the next life: the lookup.
    SecondKill,
}

/// Where it goes wrong: at this request of the scenario, and for [`Fault::KillBetween`] at this reading of the clock after
/// its answer. Both count from 1; request 0 is the scenario's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub request: usize,
    pub reading: u64,
}

/// Which request is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The one of this number.
    Number(usize),
    /// The next one after the strike before.
    Next,
    /// The next one after the strike before that is no GET.
    NextWrite,
}

/// What goes wrong at one request; the strikes of a plan come one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    pub when: When,
    pub fault: Fault,
    pub reading: u64,
}

/// One fault, or one and another after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    pub first: Fault,
    pub second: Option<(When, Fault)>,
}

/// Everything that can be named.
pub const ALL: [(Fault, &str); 15] = [
    (Fault::KillBeforeSend, "kill-before-send"),
    (Fault::KillAfterSend, "kill-after-send"),
    (Fault::KillBetween, "kill-between"),
    (Fault::Reset, "reset"),
    (Fault::ResetAfterWrite, "reset-after-write"),
    (Fault::TimeoutAfterWrite, "timeout-after-write"),
    (Fault::LateWrite, "late-write"),
    (Fault::LateWriteKill, "late-write-kill"),
    (Fault::Error, "error"),
    (Fault::ErrorAfterWrite, "error-after-write"),
    (Fault::TooManyRequests, "too-many-requests"),
    (Fault::TokenRevoked, "token-revoked"),
    (Fault::SearchLate, "search-late"),
    (Fault::SearchLateKill, "search-late-kill"),
    (Fault::SecondKill, "second-kill"),
];

impl Fault {
    fn name(self) -> &'static str {
        ALL.iter()
            .find(|(fault, _)| *fault == self)
            .map_or("", |(_, name)| name)
    }

    /// Whether another fault does the same to a request that writes nothing.
    pub fn is_about_writes(self) -> bool {
        matches!(
            self,
            Self::KillBeforeSend
                | Self::ResetAfterWrite
                | Self::LateWrite
                | Self::LateWriteKill
                | Self::ErrorAfterWrite
        )
    }

    /// Whether it strikes one request and no more, so that two of them make a pair.
    pub fn is_single(self) -> bool {
        !matches!(self, Self::KillBetween | Self::SecondKill)
    }
}

impl Faults {
    /// One alone.
    pub fn one(first: Fault) -> Self {
        Self {
            first,
            second: None,
        }
    }

    /// What is struck, and how.
    pub fn strikes(self, step: Step) -> Vec<Strike> {
        let strike = |(when, fault)| Strike {
            when,
            fault,
            reading: step.reading,
        };
        let (first, second) = match self.first {
            Fault::SecondKill => (
                Fault::KillAfterSend,
                Some((When::Next, Fault::KillBeforeSend)),
            ),
            first => (first, self.second),
        };
        let first = (When::Number(step.request), first);
        [first].into_iter().chain(second).map(strike).collect()
    }
}

impl fmt::Display for Faults {
    /// `reset+error` strikes the next request with the second, `reset/error` the next write.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.first.name())?;
        match self.second {
            None => Ok(()),
            Some((When::NextWrite, second)) => write!(f, "/{}", second.name()),
            Some((_, second)) => write!(f, "+{}", second.name()),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reading {
            0 => write!(f, "{}", self.request),
            reading => write!(f, "{}.{reading}", self.request),
        }
    }
}

impl FromStr for Faults {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some(between) = text.find(['+', '/']) else {
            return Ok(Self::one(fault(text)?));
        };
        let (first, second) = (fault(&text[..between])?, fault(&text[between + 1..])?);
        if !first.is_single() || !second.is_single() {
            bail!("`{text}` is no pair: kill-between and second-kill stand alone");
        }
        let when = if text[between..].starts_with('/') {
            When::NextWrite
        } else {
            When::Next
        };
        Ok(Self {
            first,
            second: Some((when, second)),
        })
    }
}

fn fault(name: &str) -> Result<Fault, Error> {
    if let Some((fault, _)) = ALL.iter().find(|(_, known)| *known == name) {
        return Ok(*fault);
    }
    let known: Vec<_> = ALL.iter().map(|(_, name)| *name).collect();
    bail!(
        "there is no fault `{name}`; these are: {}; FIRST+SECOND strikes the next request, too, FIRST/SECOND the next write",
        known.join(", ")
    )
}

impl FromStr for Step {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            format!(
                "a step is a number of a request, like 3, or with a reading, like 3.2; not `{text}`"
            )
        };
        let (request, reading) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self {
            request: request.parse().with_context(wrong)?,
            reading: reading.parse().with_context(wrong)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_asked_for() {
        for text in ["late-write", "kill-after-send+search-late", "reset/error"] {
            assert_eq!(text.parse::<Faults>().unwrap().to_string(), text);
        }
        for text in ["3", "0.12"] {
            assert_eq!(text.parse::<Step>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_second_fault_strikes_after_the_first() {
        let step = Step {
            request: 4,
            reading: 0,
        };
        for (text, second) in [
            ("reset+error", When::Next),
            ("reset/error", When::NextWrite),
        ] {
            let faults: Faults = text.parse().unwrap();
            let struck: Vec<_> = faults
                .strikes(step)
                .iter()
                .map(|strike| (strike.when, strike.fault))
                .collect();
            assert_eq!(
                struck,
                [(When::Number(4), Fault::Reset), (second, Fault::Error)]
            );
        }
    }

    #[test]
    fn what_there_is_not_is_refused_with_what_there_is() {
        let error = "explode".parse::<Faults>().unwrap_err().to_string();
        assert!(
            error.contains("`explode`") && error.contains("late-write"),
            "{error}"
        );
        assert!("second-kill+error".parse::<Faults>().is_err());
        assert!("first".parse::<Step>().is_err());
    }
}
