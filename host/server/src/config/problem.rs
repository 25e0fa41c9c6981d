//! What is wrong with a configuration, where, and what was probably meant.

use std::fmt;

use super::node::Origin;

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
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// `; did you mean …?` where one of `known` is near, else which ones there are.
pub fn suggest(unknown: &str, known: &[&str]) -> String {
    // A third of the letters may differ: more is another word.
    let near = known
        .iter()
        .map(|candidate| (distance(unknown, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(unknown.len()) / 3)
        .min();
    match near {
        Some((_, candidate)) => format!("; did you mean `{candidate}`?"),
        None => format!("; known are {}", known.join(", ")),
    }
}

/// How many letters must be put in, taken out or exchanged to make one word of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.chars().enumerate() {
        let mut diagonal = above[0];
        above[0] = row + 1;
        for (column, other) in right.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other);
            diagonal = above[column + 1];
            above[column + 1] = exchanged.min(above[column] + 1).min(diagonal + 1);
        }
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: &str, right: &str, expect: usize) {
        assert_eq!(distance(left, right), expect);
        assert_eq!(distance(right, left), expect);
    }

    #[test]
    fn the_distance_counts_letters() {
        check("", "", 0);
        check("listen", "listen", 0);
        check("", "url", 3);
        check("webhok_secret", "webhook_secret", 1);
        check("lisetn", "listen", 2);
        check("kitten", "sitting", 3);
    }

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
