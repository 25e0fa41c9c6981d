//! A standing as its owner sees it: its value understood, and changed by compare-and-set.
//!
//! It must not know what a standing is about.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::AccountId;
use crate::port::{Error, Standing, Standings};

/// As many hosts would have to be faster, one after the other.
const TRIES: u32 = 32;

/// A value and the revision that it had.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known<T> {
    /// Which replacement it is; 0 where nothing is stored.
    pub revision: i64,
    /// What is known.
    pub value: T,
}

/// Every try found the value replaced by somebody else.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is being changed by too many hosts at once")]
struct Contended(String);

impl<T: DeserializeOwned> Known<T> {
    /// Takes over what is stored, if it is newer; whether it was. Never takes over what cannot be read: another version
    /// of this program wrote it, and its next change is of use to nobody else.
    pub fn learn(&mut self, stored: &Standing) -> bool {
        if stored.revision <= self.revision {
            return false;
        }
        self.revision = stored.revision;
        match serde_json::from_value(stored.value.clone()) {
            Ok(value) => {
                self.value = value;
                true
            }
            Err(_) => false,
        }
    }
}

/// Changes a standing, beginning from what is known of it; what `change` answers, and what is stored afterwards.
///
/// `change` is asked again where somebody else was faster. Where it changes nothing, nothing is stored. After an error
/// it may have been stored or not.
pub async fn change<T, R>(
    standings: &dyn Standings,
    account: AccountId,
    name: &str,
    mut known: Known<T>,
    mut change: impl FnMut(&mut T) -> R + Send,
) -> Result<(Known<T>, R), Error>
where
    T: Clone + PartialEq + Serialize + DeserializeOwned + Send,
    R: Send,
{
    for _ in 0..TRIES {
        let mut value = known.value.clone();
        let answer = change(&mut value);
        if value == known.value {
            return Ok((known, answer));
        }
        let stored = serde_json::to_value(&value).map_err(|e| Error::Unavailable(Box::new(e)))?;
        let replaced = standings.replace(account, name, known.revision, &stored);
        if let Some(revision) = replaced.await? {
            return Ok((Known { revision, value }, answer));
        }
        if let Some(stored) = standings.get(account, name).await? {
            known.learn(&stored);
        }
    }
    Err(Error::Unavailable(Box::new(Contended(name.to_owned()))))
}
