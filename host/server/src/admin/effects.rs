//! Writes whose outcome nobody knows: listed, and settled by a person's word.

use std::collections::HashMap;

use gladhand_core::clock::Timestamp;
use gladhand_core::connection::Account;
use gladhand_core::effect::Verdict;
use gladhand_core::ids::{AccountId, DeliveryId, EffectId};
use gladhand_store::effects::{Concluded, EffectFilter, EffectRecord, Word};
use serde::{Deserialize, Serialize};

use super::{Admin, Error};

/// Which effects to list.
#[derive(Debug, Clone, Default)]
pub struct EffectQuery {
    /// Of the account of this name.
    pub account: Option<String>,
    /// Only those whose outcome nobody knows.
    pub in_doubt: bool,
    /// That are the newest of this key.
    pub key: Option<String>,
    /// Older than this one.
    pub before: Option<EffectId>,
    /// At most so many.
    pub limit: u32,
}

/// An effect as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectView {
    /// Its id.
    pub id: EffectId,
    /// The account's name.
    pub account: String,
    /// Every identity of the thing that was written.
    pub keys: Vec<String>,
    /// What is known.
    pub verdict: Verdict,
    /// Whose write it was.
    pub delivery: DeliveryId,
    /// When it was about to leave.
    pub at: Timestamp,
}

/// What a person found in the CRM; one of `done` and `not_done`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonsWord {
    /// The account's name.
    pub account: String,
    /// A key of the effect.
    pub key: String,
    /// The record is there, with this id.
    #[serde(default)]
    pub done: Option<String>,
    /// It is not there.
    #[serde(default)]
    pub not_done: bool,
}

impl Admin {
    /// Newest first.
    pub async fn list_effects(&self, query: EffectQuery) -> Result<Vec<EffectView>, Error> {
        let names: HashMap<AccountId, String> = self
            .parts
            .settings
            .accounts()
            .await?
            .into_iter()
            .map(|account| (account.id, account.name))
            .collect();
        let account = match &query.account {
            Some(name) => Some(self.find_account(name).await?.id),
            None => None,
        };
        let filter = EffectFilter {
            account,
            in_doubt: query.in_doubt,
            key: query.key,
            before: query.before,
            limit: query.limit,
        };
        let found = self.parts.effects.list_effects(filter).await?;
        let view = |record: EffectRecord| {
            let account = names.get(&record.account).cloned();
            let account = account.unwrap_or_else(|| record.account.to_string());
            EffectView::of(record, account)
        };
        Ok(found.into_iter().map(view).collect())
    }

    /// Settles an effect that is in doubt.
    pub async fn conclude_effect(&self, word: PersonsWord) -> Result<EffectView, Error> {
        let PersonsWord {
            account,
            key,
            done,
            not_done,
        } = word;
        let word = match (done, not_done) {
            (Some(remote_id), false) if !remote_id.trim().is_empty() => {
                Word::Done(remote_id.trim().to_owned())
            }
            (None, true) => Word::NotDone,
            _ => {
                return Err(Error::Invalid(vec![
                    "say either `done` with the id of the record in the CRM, or `not_done` where there is none"
                        .to_owned(),
                ]));
            }
        };
        let Account { id, name, .. } = self.find_account(&account).await?;
        let concluded = self
            .parts
            .effects
            .conclude_effect(id, &key, &word, self.now())
            .await?;
        match concluded {
            Concluded::Done(record) => {
                let whose = format!("a write of delivery {}", record.delivery);
                let detail = match &word {
                    Word::Done(remote_id) => format!("{whose} was done, as record {remote_id}"),
                    Word::NotDone => format!("{whose} was not done"),
                };
                // The key may hold an address; the effect's id names it as well.
                let subject = format!("{name}, {}", record.id);
                self.record("effect.conclude", &subject, detail).await;
                Ok(EffectView::of(record, name))
            }
            Concluded::Settled(record) => Err(Error::Conflict {
                code: "not-in-doubt",
                message: format!(
                    "nobody is in doubt about `{key}` in account `{name}`: the last write of it is {}, by delivery \
                     `{}`",
                    record.verdict, record.delivery
                ),
            }),
            Concluded::Unknown => Err(Error::Absent(format!(
                "account `{name}` never wrote `{key}`; `gladhand effect list --account {name} --in-doubt` shows the \
                 keys that are in doubt"
            ))),
        }
    }
}

impl EffectView {
    fn of(record: EffectRecord, account: String) -> Self {
        Self {
            id: record.id,
            account,
            keys: record.keys,
            verdict: record.verdict,
            delivery: record.delivery,
            at: record.at,
        }
    }
}
