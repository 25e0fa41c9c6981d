//! What the journal says to an intent, given the newest effect of each of its keys. Pure.

use gladhand_core::clock::Timestamp;
use gladhand_core::effect::{Doubt, Verdict};
use gladhand_core::ids::{DeliveryId, EffectId};

/// The newest `once` of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) effect: EffectId,
    pub(crate) delivery: DeliveryId,
    pub(crate) verdict: Verdict,
    pub(crate) at: Timestamp,
    pub(crate) has_answer: bool,
}

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// Nothing stands against it.
    Send,
    /// This delivery did it, and the answer is known.
    Replay(EffectId),
    /// The connector must look first.
    InDoubt(Doubt),
}

/// Doubt about any key counts before an answer to another, and the newest doubt is the one to be shown.
pub(crate) fn rule<'n>(
    newest: impl Iterator<Item = &'n Newest> + Clone,
    delivery: DeliveryId,
    own: EffectId,
) -> Ruling {
    // Committed before, unheard: the intent is asked for once more, and nothing was sent in between.
    if newest.clone().any(|effect| effect.effect == own) {
        return Ruling::Send;
    }
    let in_doubt = newest
        .clone()
        .filter(|effect| !effect.is_settled_for(delivery))
        .max_by_key(|effect| (effect.at, effect.effect));
    if let Some(effect) = in_doubt {
        return Ruling::InDoubt(Doubt {
            effect: effect.effect,
            verdict: effect.verdict,
            at: effect.at,
        });
    }
    newest
        .filter(|effect| effect.verdict == Verdict::Done)
        .max_by_key(|effect| (effect.at, effect.effect))
        .map_or(Ruling::Send, |effect| Ruling::Replay(effect.effect))
}

impl Newest {
    /// It did not happen, or this delivery knows how it went.
    fn is_settled_for(&self, delivery: DeliveryId) -> bool {
        match self.verdict {
            Verdict::NotDone => true,
            // Concluded without an answer: there is nothing to replay, so the connector looks.
            Verdict::Done => self.delivery == delivery && self.has_answer,
            Verdict::Open | Verdict::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const OWN: u128 = 1;

    fn effect(id: u128, delivery: u128, verdict: Verdict) -> Newest {
        Newest {
            effect: EffectId::from_uuid(Uuid::from_u128(id)),
            delivery: DeliveryId::from_uuid(Uuid::from_u128(delivery)),
            verdict,
            at: Timestamp(i64::try_from(id).expect("small")),
            has_answer: true,
        }
    }

    /// `expect`: 0 sends, a positive number replays that effect, a negative one doubts it.
    #[track_caller]
    fn check(newest: &[Newest], expect: i64) {
        let own = DeliveryId::from_uuid(Uuid::from_u128(OWN));
        let number = |effect: EffectId| i64::try_from(effect.uuid().as_u128()).expect("small");
        let said = match rule(newest.iter(), own, EffectId::from_uuid(Uuid::from_u128(99))) {
            Ruling::Send => 0,
            Ruling::Replay(effect) => number(effect),
            Ruling::InDoubt(doubt) => -number(doubt.effect),
        };
        assert_eq!(said, expect, "{newest:?}");
    }

    #[test]
    fn nothing_known_or_nothing_done_is_sent() {
        check(&[], 0);
        check(
            &[
                effect(5, 9, Verdict::NotDone),
                effect(6, OWN, Verdict::NotDone),
            ],
            0,
        );
    }

    #[test]
    fn an_intent_that_was_committed_unheard_is_sent() {
        let own = DeliveryId::from_uuid(Uuid::from_u128(OWN));
        let known = [effect(5, OWN, Verdict::Open)];
        let ruling = rule(known.iter(), own, known[0].effect);
        assert_eq!(ruling, Ruling::Send);
    }

    #[test]
    fn an_own_answer_is_replayed() {
        check(
            &[
                effect(5, OWN, Verdict::Done),
                effect(6, 9, Verdict::NotDone),
            ],
            5,
        );
    }

    #[test]
    fn what_has_no_known_answer_is_looked_up_whoever_sent_it() {
        for delivery in [OWN, 9] {
            for verdict in [Verdict::Open, Verdict::Unknown] {
                check(&[effect(5, delivery, verdict)], -5);
            }
        }
    }

    #[test]
    fn what_another_delivery_did_is_looked_up() {
        check(&[effect(5, 9, Verdict::Done)], -5);
    }

    #[test]
    fn what_was_concluded_without_an_answer_is_looked_up() {
        check(
            &[Newest {
                has_answer: false,
                ..effect(5, OWN, Verdict::Done)
            }],
            -5,
        );
    }

    #[test]
    fn doubt_counts_before_an_answer_and_the_newest_doubt_is_shown() {
        check(
            &[
                effect(7, OWN, Verdict::Done),
                effect(5, 9, Verdict::Open),
                effect(6, 8, Verdict::Unknown),
            ],
            -6,
        );
    }
}
