//! The rules by which a write may leave, as far as they can be known without the journal (4-semantics, "Effects").
//! Pure: `send` asks, the journal decides the rest.

use std::time::Duration;

use gladhand_core::attempt::{Attempt, Unsettled};
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::{Doubt, Effect, Journalled, Verdict};
use gladhand_core::exchange::Answer;

use crate::sighted::Doubtful;

/// More identities than any contact has.
const KEYS: usize = 16;
const KEY_BYTES: usize = 500;

/// What is to be done with a `set`.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// Send it.
    Send,
    /// An earlier attempt did just this: nothing is sent.
    Replay(Doubt, Answer),
    /// A write of unknown outcome could still land over it: not before so much time has passed.
    Wait(Duration),
}

/// How the effect is recorded.
pub fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::Set(_) => "set",
        Effect::Once(_) => "once",
    }
}

/// The keys of the effect.
pub fn keys(effect: &Effect) -> &[String] {
    match effect {
        Effect::Read => &[],
        Effect::Set(key) => std::slice::from_ref(key),
        Effect::Once(keys) => keys,
    }
}

/// Whether the effect's keys are well formed and, for a `once`, guarded.
///
/// Every key of a `once` must be among those that the attempt's one `locks.acquire` holds, or two contacts with one
/// identity could both look, both find nothing and both create.
pub fn check_keys(attempt: &Attempt, effect: &Effect) -> Result<(), String> {
    if *effect == Effect::Read {
        return Ok(());
    }
    let keys = keys(effect);
    if keys.is_empty() || keys.len() > KEYS {
        return Err(format!("a `once` needs 1 to {KEYS} keys"));
    }
    if keys
        .iter()
        .any(|key| key.is_empty() || key.len() > KEY_BYTES)
    {
        return Err(format!("a key must have 1 to {KEY_BYTES} bytes"));
    }
    if let Effect::Once(keys) = effect {
        let held = attempt.locks.as_deref().unwrap_or_default();
        if let Some(key) = keys.iter().find(|key| !held.contains(key)) {
            return Err(format!(
                "no lock is held for the key `{key}`; call locks.acquire with every key of the attempt first"
            ));
        }
    }
    Ok(())
}

/// Whether a `set` may leave now; `age` tells how old something doubtful is held to be, given when it began.
///
/// What counts are *earlier* attempts: within one attempt the connector has seen the unclear answer itself, and waiting
/// there would never end where the CRM answers 500 each time.
pub fn admit_set(
    attempt: &Attempt,
    key: &str,
    digest: &[u8; 32],
    lookup_after: Duration,
    attempt_deadline: Duration,
    age: impl Fn(Doubtful, Timestamp) -> Duration,
) -> Admission {
    if let Some((earlier, answer)) = done_before(attempt, key, digest) {
        let doubt = Doubt {
            effect: earlier.id,
            verdict: Verdict::Done,
            at: earlier.at,
        };
        return Admission::Replay(doubt, answer.clone());
    }
    let unknown = attempt
        .journalled
        .iter()
        .filter(|earlier| matches!(earlier.effect, Effect::Set(_)) && earlier.verdict.is_in_doubt())
        .map(|earlier| {
            let age = age(Doubtful::Effect(earlier.id), earlier.at);
            lookup_after.saturating_sub(age)
        });
    // Nobody knows what an attempt that never settled sent, only that it sent nothing after its deadline.
    let unsettled = attempt.unsettled.iter().map(|unsettled| {
        let Unsettled { delivery, since } = *unsettled;
        let age = age(Doubtful::Attempt(delivery, since), since);
        (attempt_deadline + lookup_after).saturating_sub(age)
    });
    match unknown.chain(unsettled).max() {
        Some(left) if !left.is_zero() => Admission::Wait(left),
        _ => Admission::Send,
    }
}

/// The answer of the newest `set` of this key, if it was done, said the same, and nothing was sent over it since.
fn done_before<'a>(
    attempt: &'a Attempt,
    key: &str,
    digest: &[u8; 32],
) -> Option<(&'a Journalled, &'a Answer)> {
    let earlier = attempt
        .journalled
        .iter()
        .filter(|earlier| {
            earlier.delivery == attempt.lease.delivery
                && matches!(&earlier.effect, Effect::Set(own) if own == key)
        })
        .max_by_key(|earlier| earlier.at)?;
    let verdict = match attempt.effects.get(key) {
        None => earlier.verdict,
        Some(newest) if newest.effect == earlier.id => newest.verdict,
        Some(_) => return None,
    };
    let is_same = verdict == Verdict::Done && earlier.digest == *digest;
    let answer = earlier.answer.as_ref()?;
    is_same.then_some((earlier, answer))
}
