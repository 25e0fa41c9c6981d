//! What is wrong with a configuration, where, and what was probably meant.

use std::fmt;

use serde_json::{Value, json};

use super::node::Origin;
use crate::nearest::nearest;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    origin: Origin,
    message: String,
}

impl Problem {
    /// Something wrong at a place.
    pub fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self {
            origin,
            message: message.into(),
        }
    }

    /// For programs: where, and what is wrong.
    pub fn json(&self) -> Value {
        json!({ "place": self.origin.to_string(), "message": self.message })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// `; did you mean …?` where one of `known` is near, else which ones there are.
pub fn suggest(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(candidate) => format!("; did you mean `{candidate}`?"),
        None => format!("; known are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        assert_eq!(
            suggest("lisetn", &["listen", "public_url"]),
            "; did you mean `listen`?"
        );
        assert_eq!(
            suggest("port", &["listen", "public_url"]),
            "; known are listen, public_url"
        );
    }
}
