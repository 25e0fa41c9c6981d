//! Secrets on their way in and out of the admin API: whole on the way in, four characters on the way out.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

/// Shorter secrets show nothing at all: four characters would be too much of them.
const SHORTEST_SHOWN: usize = 12;

/// That a secret is there, and enough of it to tell two apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// `…abcd`; `…` of a short one.
    pub ends_with: String,
}

impl SecretView {
    /// What may be shown of a secret.
    pub fn of(name: &str, secret: &SecretString) -> Self {
        let characters: Vec<char> = secret.expose_secret().chars().collect();
        let shown = if characters.len() < SHORTEST_SHOWN {
            &[]
        } else {
            &characters[characters.len() - 4..]
        };
        Self {
            name: name.to_owned(),
            ends_with: format!("…{}", shown.iter().collect::<String>()),
        }
    }
}

/// A secret in a body.
pub fn read_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

/// Secrets by name in a body.
pub fn read_secrets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, SecretString)>, D::Error> {
    let secrets = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(secrets
        .into_iter()
        .map(|(name, secret)| (name, secret.into()))
        .collect())
}

/// Whether two sets of secrets have the same names and values.
pub fn are_equal(left: &[(String, SecretString)], right: &[(String, SecretString)]) -> bool {
    let by_name = |secrets: &[(String, SecretString)]| -> BTreeMap<String, String> {
        secrets
            .iter()
            .map(|(name, secret)| (name.clone(), secret.expose_secret().to_owned()))
            .collect()
    };
    by_name(left) == by_name(right)
}

/// Whether one of `given` has another value than the one of its name that is known.
pub fn replace_any(known: &[(String, SecretString)], given: &[(String, SecretString)]) -> bool {
    let is_other = |(name, secret): &(String, SecretString)| {
        let mut of_name = known.iter().filter(|(known, _)| known == name);
        of_name.any(|(_, was)| was.expose_secret() != secret.expose_secret())
    };
    given.iter().any(is_other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, expect: &str) {
        assert_eq!(SecretView::of("token", &secret.into()).ends_with, expect);
    }

    #[test]
    fn a_long_secret_shows_its_last_four_characters() {
        check("0123456789abcdef", "…cdef");
        check("0123456789äöüß", "…äöüß");
    }

    #[test]
    fn a_short_secret_shows_nothing() {
        check("hunter2", "…");
        check("01234567890", "…");
    }
}
