//! A `set` or `once` as the attempt notes it: begun before it leaves, judged by how it ended.

use gladhand_core::attempt::{Answered, Attempt, SetEffect};
use gladhand_core::clock::Timestamp;
use gladhand_core::effect::{self, Doubt, Effect, Ending, Verdict};
use gladhand_core::exchange::Answer;
use gladhand_core::ids::EffectId;
use http::Method;
use sha2::{Digest as _, Sha256};
use url::{Position, Url};

use crate::effects;

/// A write that is about to leave.
pub struct Write {
    pub id: EffectId,
    pub digest: [u8; 32],
    pub at: Timestamp,
}

impl Write {
    /// Notes the write before it leaves: an attempt that ends in the middle of it leaves `unknown` behind, not nothing.
    pub fn begin(&self, attempt: &mut Attempt, effect: &Effect) {
        if let Effect::Set(_) = effect {
            attempt.doubtful_sets.insert(self.id, self.at);
        }
        let set = match effect {
            Effect::Set(key) => Some(SetEffect {
                key: key.clone(),
                digest: self.digest,
                at: self.at,
            }),
            Effect::Read | Effect::Once(_) => None,
        };
        attempt.changes.answers.push(Answered {
            effect: self.id,
            set,
            verdict: effect::propose(Ending::Broken),
            answer: None,
        });
    }

    /// Completes what `begin` noted.
    pub fn judge(
        &self,
        attempt: &mut Attempt,
        effect: &Effect,
        verdict: Verdict,
        answer: Option<&Answer>,
    ) {
        let answered = attempt
            .changes
            .answers
            .last_mut()
            .expect("begun by this request, and an attempt makes one host call at a time");
        answered.verdict = verdict;
        answered.answer = answer.cloned();
        if !verdict.is_in_doubt() {
            attempt.doubtful_sets.remove(&self.id);
        }
        let doubt = Doubt {
            effect: self.id,
            verdict,
            at: self.at,
        };
        attempt.note_effect(effects::keys(effect), &doubt);
    }
}

/// SHA-256 of method, path with query, and body before secrets.
pub fn digest(method: &Method, url: &Url, body: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(method.as_str())
        .chain_update(b"\n")
        .chain_update(&url[Position::BeforePath..Position::AfterQuery])
        .chain_update(b"\n")
        .chain_update(body)
        .finalize()
        .into()
}
