//! What is sealed is packed first: JSON or bytes, compressed with LZ4. Sealed bytes do not compress any more.
//!
//! Packing needs no key and happens in the caller's task; sealing happens in the writer.

use gladhand_core::attempt::{Changes, LogLine};
use gladhand_core::exchange::{Answer, Exchange};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why packed bytes could not be read: they are not what this version writes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

/// The parts of an attempt's changes that are sealed, packed.
#[derive(Debug, Default)]
pub(crate) struct PackedChanges {
    /// One per answer of `Changes::answers`, where there was one.
    pub(crate) answers: Vec<Option<Vec<u8>>>,
    /// All of `Changes::exchanges`; absent where there are none.
    pub(crate) exchanges: Option<Vec<u8>>,
}

impl PackedChanges {
    pub(crate) fn new(changes: &Changes) -> Self {
        Self {
            answers: changes
                .answers
                .iter()
                .map(|answered| answered.answer.as_ref().map(answer))
                .collect(),
            exchanges: list::<Exchange>(&changes.exchanges),
        }
    }
}

/// Bytes as they are.
pub(crate) fn bytes(plain: &[u8]) -> Vec<u8> {
    lz4_flex::compress_prepend_size(plain)
}

/// What `bytes` packed.
pub(crate) fn open_bytes(packed: &[u8]) -> Result<Vec<u8>, Unreadable> {
    lz4_flex::decompress_size_prepended(packed).map_err(|error| Unreadable(error.to_string()))
}

/// A connector's log lines; absent where there are none.
pub(crate) fn log(lines: &[LogLine]) -> Option<Vec<u8>> {
    list(lines)
}

/// What `log` and `PackedChanges::exchanges` packed.
pub(crate) fn open_list<T: DeserializeOwned>(packed: &[u8]) -> Result<Vec<T>, Unreadable> {
    serde_json::from_slice(&open_bytes(packed)?).map_err(|error| Unreadable(error.to_string()))
}

/// An answer, byte for byte: a replay must be what was received, also where that is no text.
pub(crate) fn answer(answer: &Answer) -> Vec<u8> {
    let head = json(&(answer.status, &answer.headers));
    let mut plain = Vec::with_capacity(HEAD_LENGTH_BYTES + head.len() + answer.body.len());
    plain.extend_from_slice(&(head.len() as u64).to_le_bytes());
    plain.extend_from_slice(&head);
    plain.extend_from_slice(&answer.body);
    bytes(&plain)
}

/// What `answer` packed.
pub(crate) fn open_answer(packed: &[u8]) -> Result<Answer, Unreadable> {
    let plain = open_bytes(packed)?;
    let cut_short = || Unreadable("cut short".into());
    let (length, rest) = plain
        .split_first_chunk::<HEAD_LENGTH_BYTES>()
        .ok_or_else(cut_short)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut_short())?;
    let (head, body) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    let (status, headers) =
        serde_json::from_slice(head).map_err(|error| Unreadable(error.to_string()))?;
    Ok(Answer {
        status,
        headers,
        body: body.to_vec(),
    })
}

const HEAD_LENGTH_BYTES: usize = 8;

fn list<T: Serialize>(items: &[T]) -> Option<Vec<u8>> {
    (!items.is_empty()).then(|| bytes(&json(&items)))
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value)
        .expect("types of the core have text keys and cannot fail to serialise")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_answer_comes_back_byte_for_byte(
            status in any::<u16>(),
            header in (".*", ".*"),
            body in any::<Vec<u8>>(),
        ) {
            let given = Answer { status, headers: vec![header], body };
            prop_assert_eq!(open_answer(&answer(&given)).expect("just packed"), given);
        }

        #[test]
        fn anything_else_is_unreadable_without_a_panic(noise in any::<Vec<u8>>()) {
            // The size that stands first is believed, so only what was authenticated may come here.
            prop_assert!(open_answer(&bytes(&noise)).is_err() || noise.len() >= HEAD_LENGTH_BYTES);
        }
    }
}
