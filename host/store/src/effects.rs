//! The write journal as operators see it: what is in doubt, and a person's word about it.

use async_trait::async_trait;
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::Verdict;
use gladhand_core::ids::{AccountId, DeliveryId, EffectId};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A write as journalled, without its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRecord {
    /// Its id.
    pub id: EffectId,
    /// Whose keys.
    pub account: AccountId,
    /// The descriptor's, which names what the keys mean.
    pub state: u32,
    /// Every identity of the thing.
    pub keys: Vec<String>,
    /// Whose write it was.
    pub delivery: DeliveryId,
    /// What is known.
    pub verdict: Verdict,
    /// When its intent was stored.
    pub at: Timestamp,
}

/// Which `once` effects to list.
#[derive(Debug, Clone, Default)]
pub struct EffectFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Only those whose outcome nobody knows.
    pub in_doubt: bool,
    /// That are the newest of this key.
    pub key: Option<String>,
    /// Older than this one, for the next page.
    pub before: Option<EffectId>,
    /// At most so many; the store caps it at 1,000.
    pub limit: u32,
}

/// What a person found in the CRM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The record is there, with this id.
    Done(String),
    /// It is not there.
    NotDone,
}

/// What became of a person's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concluded {
    /// It counts; the effect as it stands now.
    Done(EffectRecord),
    /// Nobody was in doubt about it; the effect as it stands.
    Settled(EffectRecord),
    /// The account has no effect of this key.
    Unknown,
}

/// The write journal as operators see it.
#[async_trait]
pub trait Effects: Send + Sync {
    /// Newest first.
    async fn list_effects(&self, filter: EffectFilter) -> Result<Vec<EffectRecord>, Error>;
    /// Concludes the newest `once` of a key under all its keys. `Done` also links every key of the form
    /// `object/identity` (`person/email:jane@x`) to the record, so that the next attempt finds it without searching.
    async fn conclude_effect(
        &self,
        account: AccountId,
        key: &str,
        word: &Word,
        now: Timestamp,
    ) -> Result<Concluded, Error>;
}
