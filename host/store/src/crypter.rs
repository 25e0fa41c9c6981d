//! Encryption at rest: XChaCha20-Poly1305, bound to the cell that holds the value.
//!
//! A value that is moved to another table, row or column does not open. The key's id stands first, so that keys rotate:
//! the newest seals, any opens. Random nonces of 24 bytes are safe for any number of values.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngCore;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;

/// Where a sealed value stands. It opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a> {
    /// The table's name.
    pub table: &'static str,
    /// The row's primary key.
    pub row: &'a [u8],
    /// The column's name.
    pub column: &'static str,
}

/// 256 bits that seal; wiped from memory when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

/// A text that is no key.
#[derive(Debug, thiserror::Error)]
#[error("a key is 64 hex digits; `gladhand key generate` makes one")]
pub struct KeyError;

/// Seals with the newest of its keys and opens with any.
pub struct Crypter {
    ring: Vec<(KeyId, XChaCha20Poly1305)>,
}

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const KEY_ID_BYTES: usize = 4;

type KeyId = [u8; KEY_ID_BYTES];

impl Key {
    /// A new one, from the operating system's randomness.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::rng().fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// The key that `to_hex` wrote.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim(), bytes.as_mut()).map_err(|_| KeyError)?;
        Ok(Self(bytes))
    }

    /// The key as an operator keeps it: 64 hex digits.
    pub fn to_hex(&self) -> SecretString {
        SecretString::from(hex::encode(self.as_bytes()))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes
            .try_into()
            .ok()
            .map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// Says which key it is and nothing else about it.
    fn id(&self) -> KeyId {
        let digest = Sha256::new_with_prefix(b"gladhand key id")
            .chain_update(self.as_bytes())
            .finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        id
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", hex::encode(self.id()))
    }
}

impl Crypter {
    /// `newest` seals, `older` still open.
    pub fn new(newest: &Key, older: &[Key]) -> Self {
        let ring = std::iter::once(newest)
            .chain(older)
            .map(|key| (key.id(), XChaCha20Poly1305::new(&(*key.0).into())))
            .collect();
        Self { ring }
    }

    /// Key id, nonce and ciphertext of `plain`, for this cell.
    pub fn seal(&self, cell: Cell<'_>, plain: &[u8]) -> Vec<u8> {
        let (id, cipher) = &self.ring[0];
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: &cell.associated_data(),
        };
        let ciphertext = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a value in memory is shorter than the cipher's 256 GiB");
        [id.as_slice(), &nonce, &ciphertext].concat()
    }

    /// What was sealed for this cell with one of the keys.
    pub fn open(&self, cell: Cell<'_>, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        self.try_open(cell, sealed).ok_or(Error::Sealed {
            table: cell.table,
            column: cell.column,
        })
    }

    fn try_open(&self, cell: Cell<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        let (id, rest) = sealed.split_first_chunk::<KEY_ID_BYTES>()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let aad = cell.associated_data();
        self.ring
            .iter()
            .filter(|(candidate, _)| candidate == id)
            .find_map(|(_, cipher)| {
                let payload = Payload {
                    msg: ciphertext,
                    aad: &aad,
                };
                cipher.decrypt(&XNonce::from(*nonce), payload).ok()
            })
    }
}

impl fmt::Debug for Crypter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.ring.iter().map(|(id, _)| hex::encode(id)))
            .finish()
    }
}

impl Cell<'_> {
    /// Length-prefixed, so that no two cells have the same.
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(64 + self.row.len());
        for part in [self.table.as_bytes(), self.row, self.column.as_bytes()] {
            data.extend_from_slice(&(part.len() as u64).to_le_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    const HERE: Cell<'static> = Cell {
        table: "events",
        row: b"row",
        column: "body",
    };

    fn one(key: &Key) -> Crypter {
        Crypter::new(key, &[])
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_own_cell(row in any::<Vec<u8>>(), plain in any::<Vec<u8>>()) {
            let crypter = one(&Key::generate());
            let cell = Cell { row: &row, ..HERE };
            prop_assert_eq!(crypter.open(cell, &crypter.seal(cell, &plain)).expect("its own cell"), plain);
        }

        #[test]
        fn a_moved_value_does_not_open(row in any::<Vec<u8>>(), other in any::<Vec<u8>>(), plain in any::<Vec<u8>>()) {
            prop_assume!(row != other);
            let crypter = one(&Key::generate());
            let cell = Cell { row: &row, ..HERE };
            let sealed = crypter.seal(cell, &plain);
            for elsewhere in [
                Cell { row: &other, ..cell },
                Cell { table: "effects", ..cell },
                Cell { column: "answer", ..cell },
            ] {
                prop_assert!(crypter.open(elsewhere, &sealed).is_err());
            }
        }

        #[test]
        fn a_damaged_value_does_not_open(plain in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let crypter = one(&Key::generate());
            let mut sealed = crypter.seal(HERE, &plain);
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(crypter.open(HERE, &sealed).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in any::<Vec<u8>>()) {
            prop_assert!(one(&Key::generate()).open(HERE, &bytes).is_err());
        }
    }

    #[test]
    fn another_key_does_not_open() {
        let sealed = one(&Key::generate()).seal(HERE, b"secret");
        assert!(one(&Key::generate()).open(HERE, &sealed).is_err());
    }

    #[test]
    fn an_older_key_opens_and_the_newest_seals() {
        let (older, newest) = (Key::generate(), Key::generate());
        let sealed = one(&older).seal(HERE, b"secret");
        let rotated = Crypter::new(&newest, std::slice::from_ref(&older));
        assert_eq!(
            rotated.open(HERE, &sealed).expect("sealed by the older"),
            b"secret"
        );
        let resealed = rotated.seal(HERE, b"secret");
        assert!(one(&older).open(HERE, &resealed).is_err());
        assert_eq!(
            one(&newest)
                .open(HERE, &resealed)
                .expect("sealed by the newest"),
            b"secret"
        );
    }

    #[test]
    fn parts_that_run_together_are_still_two_cells() {
        let crypter = one(&Key::generate());
        let sealed = crypter.seal(
            Cell {
                table: "ab",
                row: b"c",
                column: "d",
            },
            b"secret",
        );
        assert!(
            crypter
                .open(
                    Cell {
                        table: "a",
                        row: b"bc",
                        column: "d"
                    },
                    &sealed
                )
                .is_err()
        );
    }

    #[test]
    fn a_key_is_read_back_and_not_printed() {
        let key = Key::generate();
        let hex = key.to_hex();
        assert_eq!(
            Key::parse(hex.expose_secret())
                .expect("its own text")
                .as_bytes(),
            key.as_bytes()
        );
        assert!(!format!("{key:?}").contains(&hex.expose_secret()[..8]));
        assert!(Key::parse("too short").is_err());
    }
}
