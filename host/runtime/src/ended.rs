//! How a call that the host or the machine ended counts. The one place where a wasmtime error gets its meaning.

use gladhand_core::attempt::End;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::outcome::Outcome;
use gladhand_mapping::text::truncate_bytes;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::call::Ended;
use crate::stop::Stop;

/// What was noticed during a call and decides how its end counts.
#[derive(Debug, Default)]
pub struct Seen {
    /// What egress policy refused.
    pub refused: Option<String>,
    /// The memory limit in bytes, where it was hit.
    pub memory_limit: Option<usize>,
    /// The last that the component said on standard error.
    pub last_words: Option<String>,
}

impl Seen {
    /// A failure after something was refused is about the refusal, whatever the connector makes of it.
    pub fn refused_or(&self, failure: Failure) -> Failure {
        match &self.refused {
            Some(rule) => Failure {
                kind: FailureKind::EgressRefused,
                message: format!("{rule} (the connector says: {})", failure.message),
                ..failure
            },
            None => failure,
        }
    }
}

/// How a delivery's call ended, as it counts.
pub fn of_delivery(result: wasmtime::Result<Result<Outcome, Failure>>, seen: &Seen) -> Ended {
    match result {
        Ok(Ok(outcome)) => Ended::Outcome(outcome),
        Ok(Err(failure)) => Ended::Failure(seen.refused_or(failure)),
        Err(error) => classify(error, seen),
    }
}

/// What went wrong with a call of `describe`, `check` or `discover` that did not come to an end of its own.
pub fn of_setup(error: wasmtime::Error, seen: &Seen) -> Failure {
    match classify(error, seen) {
        Ended::Failure(failure) => failure,
        Ended::End(End::Deferred { failure, .. }) => *failure,
        Ended::End(end) => {
            let kind = match end {
                End::TooManyCalls(_) => FailureKind::TooManyCalls,
                End::Store(_) => FailureKind::Unavailable,
                _ => FailureKind::Internal,
            };
            Failure::new(kind, end.to_string())
        }
        Ended::Outcome(_) => unreachable!("an error is no outcome"),
    }
}

/// The one match that gives an error its meaning.
fn classify(error: wasmtime::Error, seen: &Seen) -> Ended {
    use FailureKind as K;
    let (kind, text) = match (error.downcast::<Stop>(), seen.memory_limit) {
        (Ok(Stop::End(end)), _) => return Ended::End(end),
        (Ok(stop @ (Stop::Busy(_) | Stop::Overdue(_))), _) => (K::Deadline, stop.to_string()),
        (Ok(stop @ Stop::KeptWaiting(_)), _) => (K::Unavailable, stop.to_string()),
        (Ok(stop @ Stop::Misuse(_)), _) => (K::Internal, stop.to_string()),
        (Err(_), Some(limit)) => (
            K::Memory,
            format!(
                "the connector wanted more than {} KiB of memory",
                limit >> 10
            ),
        ),
        (Err(error), None) if error.is::<PoolConcurrencyLimitError>() => (
            K::Unavailable,
            "the host has no room for another instance: lower the concurrency of accounts"
                .to_owned(),
        ),
        (Err(error), None) => (K::Trap, trap_text(&error, seen)),
    };
    Ended::Failure(Failure::new(kind, text))
}

fn trap_text(error: &wasmtime::Error, seen: &Seen) -> String {
    let mut text = match (
        error.downcast_ref::<Trap>(),
        error.downcast_ref::<I32Exit>(),
    ) {
        (Some(Trap::UnreachableCodeReached), _) => "the connector aborted".to_owned(),
        (Some(Trap::StackOverflow), _) => {
            "the connector called itself until its stack was used up".to_owned()
        }
        (Some(trap), _) => {
            let trap = trap.to_string();
            let trap = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
            format!("the connector trapped: {trap}")
        }
        (None, Some(I32Exit(code))) => format!("the connector exited with code {code}"),
        (None, None) => format!(
            "the connector trapped: {}",
            truncate_bytes(&error.root_cause().to_string(), 300)
        ),
    };
    if let Some(words) = &seen.last_words {
        text.push_str(": ");
        text.push_str(words);
    }
    text.push_str(&frames(error));
    text
}

/// The innermost functions, where the component still has their names.
fn frames(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let names: Vec<&str> = backtrace
        .frames()
        .iter()
        .filter_map(|frame| frame.func_name())
        .map(|name| truncate_bytes(name, 100))
        .take(3)
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!(" (in {})", names.join(", called by "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(error: impl Into<wasmtime::Error>, seen: &Seen, kind: FailureKind, message: &str) {
        let Ended::Failure(failure) = classify(error.into(), seen) else {
            panic!("expected a failure");
        };
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (kind, message),
            "{failure:?}"
        );
    }

    #[test]
    fn an_end_is_handed_on() {
        let ended = classify(Stop::End(End::TooManyCalls(50)).into(), &Seen::default());
        assert!(matches!(ended, Ended::End(End::TooManyCalls(50))));
    }

    #[test]
    fn setup_has_no_later_and_says_why() {
        let failure = of_setup(Stop::End(End::TooManyCalls(50)).into(), &Seen::default());
        assert_eq!(failure.kind, FailureKind::TooManyCalls);
        assert_eq!(failure.message, "more than 50 HTTP calls");
    }

    #[test]
    fn computing_too_long_is_the_connectors_fault_and_waiting_too_long_is_not() {
        let seen = Seen::default();
        check(
            Stop::Busy(Duration::from_secs(2)),
            &seen,
            FailureKind::Deadline,
            "the connector computed for more than 2000 ms in one call",
        );
        check(
            Stop::Overdue(Duration::from_secs(30)),
            &seen,
            FailureKind::Deadline,
            "the connector did not come to an end within 30000 ms",
        );
        check(
            Stop::KeptWaiting(Duration::from_secs(30)),
            &seen,
            FailureKind::Unavailable,
            "the connector was still waiting for an answer after 30000 ms",
        );
    }

    #[test]
    fn a_trap_after_a_refused_growth_is_about_memory() {
        let seen = Seen {
            memory_limit: Some(64 << 20),
            ..Seen::default()
        };
        check(
            Trap::UnreachableCodeReached,
            &seen,
            FailureKind::Memory,
            "the connector wanted more than 65536 KiB of memory",
        );
        check(Stop::misuse("twice"), &seen, FailureKind::Internal, "twice");
    }

    #[test]
    fn a_trap_says_what_the_connector_said_last() {
        let seen = Seen {
            last_words: Some("no stage 7".to_owned()),
            ..Seen::default()
        };
        check(
            Trap::UnreachableCodeReached,
            &seen,
            FailureKind::Trap,
            "the connector aborted: no stage 7",
        );
        check(
            Trap::IntegerDivisionByZero,
            &Seen::default(),
            FailureKind::Trap,
            "the connector trapped: integer divide by zero",
        );
    }

    #[test]
    fn a_failure_after_a_refusal_is_about_the_refusal() {
        let seen = Seen {
            refused: Some("the host evil.example is not allowed".to_owned()),
            ..Seen::default()
        };
        let failure = Failure::new(FailureKind::Unavailable, "no answer");
        let Ended::Failure(failure) = of_delivery(Ok(Err(failure)), &seen) else {
            panic!("expected a failure");
        };
        assert_eq!(failure.kind, FailureKind::EgressRefused);
        assert_eq!(
            failure.message,
            "the host evil.example is not allowed (the connector says: no answer)"
        );
    }
}
