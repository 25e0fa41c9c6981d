//! A delivery as a story for people: where it stands and why, what each attempt sent, what was answered.

use std::fmt::Write as _;

use gladhand_core::delivery::DeliveryState;
use gladhand_core::exchange::Exchange;
use gladhand_core::outcome::{Change, Outcome};

use super::lane;
use super::moment::moment;
use super::printer::{plain, table};
use crate::admin::ShownAttempt;
use crate::admin::explain::ExplainedDelivery;

/// Enough of a body to know it again; `--json` has it whole.
const BODY_COLUMNS: usize = 300;

/// What came in, where it stands, and everything that was done for it.
pub fn of_delivery(delivery: &ExplainedDelivery) -> String {
    let mut story = String::new();
    let at = moment(delivery.received_at);
    let event = &delivery.event_name;
    let cause = if delivery.is_sync {
        format!("{at}  an operator asked for a sync, on what {event} had said before")
    } else {
        format!("{at}  {event} came in")
    };
    line(&mut story, 0, &cause);
    let told = if delivery.kind == delivery.event_name {
        "of".to_owned()
    } else {
        format!("to tell {} to", delivery.kind)
    };
    let whose = format!(
        "delivery {} {told} connection `{}`",
        delivery.id, delivery.connection
    );
    line(&mut story, 1, &whose);
    line(&mut story, 1, &standing(delivery));
    if let Some(held) = &delivery.held {
        line(&mut story, 1, &lane::hold_on(delivery.id, held));
    }
    let (before, since) = delivery
        .attempts
        .split_at(before_the_last_queueing(delivery));
    for (number, attempt) in (1..).zip(before) {
        of_attempt(&mut story, number, attempt);
    }
    if !before.is_empty() {
        let again = format!("was queued again at {}", moment(delivery.queued_at));
        line(&mut story, 1, &again);
    }
    for (number, attempt) in (before.len() + 1..).zip(since) {
        of_attempt(&mut story, number, attempt);
    }
    let effects = delivery.effects.iter();
    for effect in effects.filter(|effect| effect.verdict.is_in_doubt()) {
        let keys = effect.keys.join(", ");
        let at = moment(effect.at);
        let doubt = format!(
            "nobody knows whether its write of {at} was done: {keys}; look in the CRM, then \
             `gladhand effect conclude` settles it"
        );
        line(&mut story, 1, &doubt);
    }
    story
}

/// How many of its attempts had ended when it was last queued.
fn before_the_last_queueing(delivery: &ExplainedDelivery) -> usize {
    let had_ended = |attempt: &ShownAttempt| {
        let settled_at = attempt.record.settled_at;
        settled_at.is_some_and(|at| at <= delivery.queued_at)
    };
    let last = delivery.attempts.iter().rposition(had_ended);
    last.map_or(0, |place| place + 1)
}

/// Where a delivery stands, why, and when it goes on, as a clause.
fn standing(delivery: &ExplainedDelivery) -> String {
    let since = |word: &str| match delivery.settled_at {
        Some(at) => format!("{word} at {}", moment(at)),
        None => word.to_owned(),
    };
    let next = delivery.not_before.map(moment);
    let standing = match delivery.state {
        DeliveryState::Pending => match next {
            Some(next) => format!("waits for its turn, not before {next}"),
            None => "waits for its turn".to_owned(),
        },
        DeliveryState::Running => "runs at this moment".to_owned(),
        DeliveryState::Waiting => match next {
            Some(next) => format!("failed for now and is tried again at {next}"),
            None => "failed for now and is tried again".to_owned(),
        },
        DeliveryState::Succeeded => since("succeeded"),
        DeliveryState::Skipped => since("was skipped"),
        DeliveryState::Dead => format!("{} and needs a person", since("died")),
        DeliveryState::Superseded => format!(
            "{}: a newer state of the same record replaced it",
            since("was superseded")
        ),
        DeliveryState::Paused => "waits until its connection is resumed".to_owned(),
        DeliveryState::Shadowed => since("ran in the shadow of the active version"),
    };
    let Some(why) = why(delivery.code.as_deref(), delivery.message.as_deref()) else {
        return standing;
    };
    match delivery.state {
        // What went wrong before is not why it stands there.
        DeliveryState::Pending | DeliveryState::Running | DeliveryState::Superseded => {
            format!("{standing}; its last attempt ended with {why}")
        }
        _ => format!("{standing}: {why}"),
    }
}

/// `no-identity: the contact has no e-mail address`
pub fn why(code: Option<&str>, message: Option<&str>) -> Option<String> {
    match (code, message) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message).map(str::to_owned),
    }
}

/// `number` goes on where the delivery was queued again, and what it is allowed begins anew.
fn of_attempt(story: &mut String, number: usize, attempt: &ShownAttempt) {
    let record = &attempt.record;
    let version = match (&attempt.connector, &record.version) {
        (Some(connector), _) => format!(" by {connector}"),
        (None, Some(digest)) => format!(" by a version that is gone, {}", table::cut(digest, 13)),
        (None, None) => String::new(),
    };
    let heading = format!(
        "attempt {number}, {}{version}: {}",
        moment(record.started_at),
        ending(attempt)
    );
    line(story, 1, &heading);
    for (field, problem) in record.failure.iter().flat_map(|failure| &failure.fields) {
        line(story, 2, &format!("{field}: {problem}"));
    }
    for exchange in &record.exchanges {
        of_exchange(story, exchange);
    }
    for entry in &record.log {
        let mut said = format!("logged ({}) {}", entry.level, entry.message);
        for (name, value) in &entry.fields {
            said.extend([" ", name, "=", value]);
        }
        line(story, 2, &said);
    }
}

fn ending(attempt: &ShownAttempt) -> String {
    let record = &attempt.record;
    match (&record.outcome, &record.failure) {
        (Some(Outcome::Synced { changes }), _) if changes.is_empty() => {
            "synced, nothing had to change".to_owned()
        }
        (Some(Outcome::Synced { changes }), _) => {
            changes.iter().map(change).collect::<Vec<_>>().join(", ")
        }
        (Some(Outcome::Skipped { code, reason }), _) => format!("skipped, {code}: {reason}"),
        (None, Some(failure)) => {
            let code = failure.provider_code.as_ref();
            let code = code.map_or_else(String::new, |code| format!(" ({code})"));
            format!("failed, {}: {}{code}", failure.kind, failure.message)
        }
        (None, None) if record.settled_at.is_some() => "put off".to_owned(),
        (None, None) => "not settled: it runs, or its host died".to_owned(),
    }
}

fn change(change: &Change) -> String {
    format!("{} {} {}", change.action, change.object, change.remote_id)
}

fn of_exchange(story: &mut String, exchange: &Exchange) {
    let what = if exchange.method.is_empty() {
        exchange.call.clone()
    } else {
        format!("{} {} ({})", exchange.method, exchange.url, exchange.effect)
    };
    let duration_ms = exchange.duration_us / 1_000;
    let answered = match (&exchange.answer, &exchange.error) {
        (Some(answer), _) if exchange.is_replayed => {
            format!("{} from the journal, nothing was sent", answer.status)
        }
        (Some(answer), _) => format!("{} after {duration_ms} ms", answer.status),
        (None, Some(error)) => format!("{error}, after {duration_ms} ms"),
        (None, None) => "no answer is known".to_owned(),
    };
    line(story, 2, &format!("{what} → {answered}"));
    body(story, "sent", &exchange.request);
    if let Some(answer) = &exchange.answer {
        body(story, "answered", &answer.body);
    }
}

fn body(story: &mut String, label: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text.split_whitespace().collect();
    if !words.is_empty() {
        let shown = table::cut(&plain(&words.join(" ")), BODY_COLUMNS);
        line(story, 3, &format!("{label} {shown}"));
    }
}

fn line(story: &mut String, depth: usize, text: &str) {
    let indent = depth * 2;
    writeln!(story, "{:indent$}{}", "", plain(text)).expect("a text takes every line");
}
