//! An attempt while it runs: what it may do, what it found out, and what is not yet committed.
//!
//! Answers and the links that follow from them are held here and committed together, with the next intent or with the
//! settle (design/4-semantics.md, "Effects" 6). No IO: `port` carries the result to the store.

mod lease;

pub use self::lease::{Lease, Until};

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::connection::Mode;
use crate::effect::{Doubt, Effect, Journalled, Verdict};
use crate::exchange::{Answer, Exchange};
use crate::failure::Failure;
use crate::ids::{AccountId, DeliveryId, EffectId};
use crate::lane::Priority;
use crate::port;

/// An attempt while it runs.
#[derive(Debug)]
pub struct Attempt {
    /// The right to run it.
    pub lease: Lease,
    /// Whose locks, effects and identity links it uses.
    pub account: AccountId,
    /// The descriptor's `state`: names what keys, links and cache mean.
    pub state: u32,
    /// Whether writes are sent.
    pub mode: Mode,
    /// What goes first where the provider does not let everything through.
    pub priority: Priority,
    /// It is the one that finds out whether the account works again: an open breaker lets it pass.
    pub is_probe: bool,
    /// When the host ends it, on `Clock::monotonic`.
    pub deadline: Duration,
    /// Counts executions of the delivery from 1.
    pub number: u32,
    /// What earlier attempts of the delivery did.
    pub journalled: Vec<Journalled>,
    /// What earlier attempts of the lane may have on its way to the CRM. Nothing any more once a `set` was let through.
    pub unsettled: Vec<Unsettled>,
    /// An earlier attempt of the delivery ended before it was done: it may have cleared links that this one puts.
    pub is_again: bool,
    /// What is not yet committed.
    pub changes: Changes,
    /// The newest effect of each key that this attempt sent or was shown.
    pub effects: HashMap<String, Doubt>,
    /// Of those, what an earlier attempt left in doubt and this one has not been shown.
    pub unasked: HashSet<EffectId>,
    /// Effects of unknown outcome that it was shown to look after, and has not concluded.
    pub unresolved: HashSet<EffectId>,
    /// HTTP calls so far.
    pub http_calls: u32,
    /// How the last request that left ended.
    pub last_request: LastRequest,
    /// Exchanges so far, committed ones included.
    pub exchanges: u32,
    /// A `set` was let through: what was on its way before has arrived.
    pub has_set: bool,
    /// Each `set` of this attempt of which nobody knows whether it was done, with when it was sent.
    pub doubtful_sets: HashMap<EffectId, Timestamp>,
    /// The identity keys it holds; `None` until `locks.acquire`.
    pub locks: Option<Vec<String>>,
    /// Time spent waiting for the CRM.
    pub waited: Duration,
    /// What egress policy refused, if anything: a failure that follows is `egress-refused`.
    pub refused: Option<String>,
}

/// Something sent to the CRM of which nobody knows whether and when it arrives: a `set` without a clear answer, or whatever
/// an attempt sent that never settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsettled {
    /// Whose.
    pub delivery: DeliveryId,
    /// When it was sent, or when the attempt began.
    pub since: Timestamp,
}

/// How the last request of an attempt ended, as the account's breaker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastRequest {
    /// None left.
    None,
    /// The CRM answered.
    Answered,
    /// It answered 5xx, or not at all.
    Troubled,
}

/// Why the host ended an attempt before the connector did.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// Somebody else has the lane by now: nothing of this attempt counts.
    #[error("the lease on the lane was lost")]
    LeaseLost,
    /// Not now: the delivery waits, and this was no attempt.
    #[error("deferred until {} UTC: {}", until.utc(), failure.message)]
    Deferred {
        /// When to try again.
        until: Timestamp,
        /// Why, for the operator.
        failure: Box<Failure>,
    },
    /// The connection only observes, and this is what would have been sent.
    #[error("observed: {0}")]
    Observed(String),
    /// More HTTP calls than one delivery may make.
    #[error("more than {0} HTTP calls")]
    TooManyCalls(u32),
    /// The store does not work at the moment.
    #[error(transparent)]
    Store(port::Error),
}

impl From<port::Error> for End {
    fn from(error: port::Error) -> Self {
        match error {
            port::Error::LeaseLost => Self::LeaseLost,
            port::Error::Unavailable(_) => Self::Store(error),
        }
    }
}

impl Attempt {
    /// An attempt at its beginning.
    pub fn new(
        lease: Lease,
        account: AccountId,
        state: u32,
        mode: Mode,
        number: u32,
        journalled: Vec<Journalled>,
    ) -> Self {
        // Also what is looked up before it is asked for again may be concluded.
        let doubtful = journalled
            .iter()
            .filter(|earlier| earlier.verdict.is_in_doubt());
        let effects = doubtful.filter_map(|earlier| match &earlier.effect {
            Effect::Once(keys) => Some((keys, earlier.doubt())),
            Effect::Read | Effect::Set(_) => None,
        });
        let effects: HashMap<String, Doubt> = effects
            .flat_map(|(keys, doubt)| keys.iter().map(move |key| (key.clone(), doubt.clone())))
            .collect();
        let unasked = effects.values().map(|doubt| doubt.effect).collect();
        Self {
            lease,
            account,
            state,
            mode,
            priority: Priority::Live,
            is_probe: false,
            deadline: Duration::MAX,
            number,
            journalled,
            unsettled: Vec::new(),
            has_set: false,
            doubtful_sets: HashMap::new(),
            is_again: false,
            changes: Changes::default(),
            effects,
            unasked,
            unresolved: HashSet::new(),
            http_calls: 0,
            last_request: LastRequest::None,
            exchanges: 0,
            locks: None,
            waited: Duration::ZERO,
            refused: None,
        }
    }

    /// Notes an effect of this attempt, or one that it was shown, under all its keys.
    pub fn note_effect(&mut self, keys: &[String], doubt: &Doubt) {
        for key in keys {
            self.effects.insert(key.clone(), doubt.clone());
        }
        self.unasked.remove(&doubt.effect);
    }

    /// Corrects the verdict of the newest effect of `key`, under all its keys; false where this attempt neither sent it
    /// nor was shown it. `Open` is no verdict that anybody can come to. What an earlier attempt left in doubt may be found
    /// before it is asked for; that it is not there proves nothing until the CRM must be done with it, and then it is shown.
    pub fn conclude(&mut self, key: &str, verdict: Verdict) -> bool {
        let Some(Doubt {
            effect,
            verdict: shown,
            ..
        }) = self.effects.get(key).cloned()
        else {
            return false;
        };
        if verdict == Verdict::Open
            || (verdict == Verdict::NotDone && self.unasked.contains(&effect))
        {
            return false;
        }
        if !verdict.is_in_doubt() {
            self.unresolved.remove(&effect);
            self.doubtful_sets.remove(&effect);
        }
        for doubt in self.effects.values_mut() {
            if doubt.effect == effect {
                doubt.verdict = verdict;
            }
        }
        match self
            .changes
            .answers
            .iter_mut()
            .find(|answered| answered.effect == effect)
        {
            Some(answered) => answered.verdict = verdict,
            None => self.changes.conclusions.push(Conclusion {
                effect,
                shown,
                verdict,
            }),
        }
        true
    }

    /// What the lane must know of when this attempt has settled: the newest that may still be on its way.
    ///
    /// Where the delivery waits, its own next attempt is told by the journal what this one sent.
    pub fn leaves(&self, is_over: bool) -> Option<Unsettled> {
        let delivery = self.lease.delivery;
        let own = self.doubtful_sets.values().copied();
        let earlier = self.journalled.iter().filter(|earlier| {
            matches!(earlier.effect, Effect::Set(_)) && earlier.verdict.is_in_doubt()
        });
        let own = own.map(|since| Unsettled { delivery, since });
        // What this attempt sent could only leave when all that was before it had arrived.
        let earlier = earlier.filter(|_| !self.has_set).map(|earlier| Unsettled {
            delivery,
            since: earlier.at,
        });
        let of_lane = self.unsettled.iter().copied();
        let of_lane = of_lane.filter(|unsettled| is_over || unsettled.delivery != delivery);
        let of_delivery = own.chain(earlier).filter(|_| is_over);
        of_delivery
            .chain(of_lane)
            .max_by_key(|unsettled| unsettled.since)
    }

    /// Records an exchange.
    pub fn record(&mut self, mut exchange: Exchange) {
        exchange.sequence = self.exchanges;
        self.exchanges += 1;
        self.changes.exchanges.push(exchange);
    }

    /// The link as this attempt sees it: its own changes first. `None` where it changed nothing about it.
    pub fn own_link(&self, entity: &Entity, object: &str) -> Option<Option<&Link>> {
        self.changes
            .links
            .iter()
            .rev()
            .find_map(|change| match change {
                LinkChange::Put(of, link) if of == entity && link.object == object => {
                    Some(Some(link))
                }
                LinkChange::Remove(of, removed) if of == entity && removed == object => Some(None),
                _ => None,
            })
    }
}

/// What an attempt found out and the store does not know yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Answers to `set` and `once`, in order.
    pub answers: Vec<Answered>,
    /// Corrections of effects that were committed before.
    pub conclusions: Vec<Conclusion>,
    /// Links, in order.
    pub links: Vec<LinkChange>,
    /// What led nowhere and was resolved again, for the audit log.
    pub relinks: Vec<Relink>,
    /// Cache entries, in order.
    pub cache: Vec<CacheChange>,
    /// Host calls, in order.
    pub exchanges: Vec<Exchange>,
}

impl Changes {
    /// Whether there is anything to commit.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
            && self.conclusions.is_empty()
            && self.links.is_empty()
            && self.relinks.is_empty()
            && self.cache.is_empty()
            && self.exchanges.is_empty()
    }
}

/// The answer to a `set` or `once`.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Which effect: of a `once` the intent's id, of a `set` a new one.
    pub effect: EffectId,
    /// Of a `set`, whose row begins with its answer; of a `once` the intent has made it.
    pub set: Option<SetEffect>,
    /// What is known now.
    pub verdict: Verdict,
    /// What was answered, where something was.
    pub answer: Option<Answer>,
}

/// What a `set` is, for its row.
#[derive(Debug, Clone, PartialEq)]
pub struct SetEffect {
    /// In the delivery.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub digest: [u8; 32],
    /// When it was sent.
    pub at: Timestamp,
}

/// A correction of an effect that was committed before. It counts only if the row still says what was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// Which.
    pub effect: EffectId,
    /// What the attempt was shown.
    pub shown: Verdict,
    /// What it found out.
    pub verdict: Verdict,
}

/// One side of a link: an entity of the source, or an identity of the account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Entity {
    /// contact, conversation, message, company, identity
    pub kind: String,
    /// The source's id, or `email:…`, `phone:…`.
    pub id: String,
}

impl Entity {
    /// Identities are the account's, everything else the connection's.
    pub fn is_of_account(&self) -> bool {
        self.kind == "identity"
    }
}

/// Which CRM record an entity is.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Link {
    /// The CRM's kind of record.
    pub object: String,
    /// Its id there.
    pub remote_id: String,
    /// Of the fields last written.
    pub digest: Option<String>,
    /// The CRM's own version of the record.
    pub revision: Option<String>,
    /// Where a person opens it.
    pub url: Option<String>,
    /// Everything else.
    pub attributes: serde_json::Map<String, Value>,
}

/// One change of the links.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkChange {
    /// The entity is this record now.
    Put(Entity, Link),
    /// Every link of (object, from) points to another record now.
    Redirect {
        /// The CRM's kind of record.
        object: String,
        /// The id that was.
        from: String,
        /// The id that is.
        to: String,
    },
    /// The entity is no record of this object any more.
    Remove(Entity, String),
}

/// A linked record that is gone: its link is cleared, and later, perhaps in another attempt, it is known what stands in
/// its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relink {
    /// The entity's link led nowhere.
    Cleared {
        /// Whose link.
        entity: Entity,
        /// The CRM's kind of record.
        object: String,
        /// The id that was.
        from: String,
    },
    /// If the entity's link was cleared by this delivery, this is what it is now.
    Found {
        /// Whose link.
        entity: Entity,
        /// The CRM's kind of record.
        object: String,
        /// The id that is.
        to: String,
    },
    /// Every link of the record was redirected.
    Redirected {
        /// The CRM's kind of record.
        object: String,
        /// The id that was.
        from: String,
        /// The id that is.
        to: String,
    },
}

/// One change of the cache.
#[derive(Debug, Clone, PartialEq)]
pub enum CacheChange {
    /// Kept until then.
    Put(String, Value, Timestamp),
    /// Forgotten.
    Remove(String),
}

/// What an attempt cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// From claim to settle.
    pub total_us: u64,
    /// Making and dropping the instance.
    pub instance_us: u64,
    /// In the guest's own code.
    pub guest_us: u64,
    /// Waiting for the CRM.
    pub http_us: u64,
    /// Requests to the CRM.
    pub http_calls: u32,
}

/// A line that a connector logged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLine {
    /// debug, info, warn, error
    pub level: String,
    /// What it said.
    pub message: String,
    /// With what.
    pub fields: Vec<(String, String)>,
}

#[cfg(test)]
mod tests;
