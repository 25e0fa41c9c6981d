//! SQL's `LIKE`, and an index that finds the few rows which can match a pattern. It knows no record.
//!
//! A pattern `%needle%` must find every row that contains the needle, so a hash of whole addresses is not enough.
//! Every run of six bytes of a text points at its rows; a row that matches is in all lists of the needle's own
//! runs, and the shortest list holds few rows. Patterns without such a run are for the caller to scan.

use std::collections::HashMap;
use std::collections::HashSet;

/// Long enough to tell addresses of one domain apart, longer than the keys `value` and `label`.
const RUN: usize = 6;

/// Rows by the runs that their texts contain.
#[derive(Debug, Default)]
pub struct Runs(HashMap<[u8; RUN], Vec<u32>>);

/// Whether `text` matches `pattern`: `%` any text, `_` any character, `\` takes the next one literally.
pub fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut t, mut p) = (0, 0);
    let mut retry = None;
    loop {
        match pattern.get(p) {
            Some('%') => {
                retry = Some((t, p + 1));
                p += 1;
                continue;
            }
            None if t == text.len() => return true,
            wanted => {
                let (is_match, width) = match wanted {
                    Some('_') => (t < text.len(), 1),
                    Some('\\') if p + 1 < pattern.len() => (text.get(t) == pattern.get(p + 1), 2),
                    Some(c) => (text.get(t) == Some(c), 1),
                    None => (false, 0),
                };
                if is_match {
                    t += 1;
                    p += width;
                    continue;
                }
            }
        }
        match &mut retry {
            Some((from, after)) if *from < text.len() => {
                *from += 1;
                (t, p) = (*from, *after);
            }
            _ => return false,
        }
    }
}

impl Runs {
    /// Adds a row's text.
    pub fn add(&mut self, id: u32, text: &str) {
        for run in runs(text) {
            self.0.entry(run).or_default().push(id);
        }
    }

    /// Removes a row's text.
    pub fn remove(&mut self, id: u32, text: &str) {
        for run in runs(text) {
            if let Some(ids) = self.0.get_mut(&run) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.0.remove(&run);
                }
            }
        }
    }

    /// The rows that can match, in order of their ids; none where every row can.
    pub fn candidates(&self, pattern: &str) -> Option<Vec<u32>> {
        let shortest = runs(pattern)
            .into_iter()
            .map(|run| self.0.get(&run).map_or(&[][..], Vec::as_slice))
            .min_by_key(|ids| ids.len())?;
        let mut ids = shortest.to_vec();
        ids.sort_unstable();
        Some(ids)
    }
}

/// The runs of the tokens between JSON's and LIKE's own characters, each once.
fn runs(text: &str) -> HashSet<[u8; RUN]> {
    text.split(['"', '[', ']', '{', '}', ':', ',', '%', '_', '\\'])
        .flat_map(|token| token.as_bytes().windows(RUN))
        .filter_map(|run| run.try_into().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pattern: &str, expect: bool) {
        assert_eq!(is_like(text, pattern), expect, "{text} like {pattern}");
    }

    #[test]
    fn like_has_two_wildcards_and_an_escape() {
        check("jane@example.com", "%ne@ex%", true);
        check("jane@example.com", "jane_example.com", true);
        check("jane@example.com", "jane", false);
        check("a%b", r"a\%b", true);
        check("axb", r"a\%b", false);
        check("aaab", "%ab", true);
        check("", "%", true);
        check("", "_", false);
    }

    #[test]
    fn whatever_matches_is_among_the_candidates() {
        let texts = [
            r#"[{"value":"jane@example.com","label":"work"}]"#,
            r#"[{"value":"maryjane@example.com","label":"work"}]"#,
            r#"[{"value":"john_doe@other.test","label":"private"}]"#,
        ];
        let mut index = Runs::default();
        for (id, text) in (0..).zip(texts) {
            index.add(id, text);
        }
        for needle in [
            "jane@example.com",
            "john_doe@other.test",
            "private",
            r#"com","label"#,
            "o_her.test",
        ] {
            let pattern = format!("%{needle}%");
            let candidates = index.candidates(&pattern).unwrap_or_else(|| vec![0, 1, 2]);
            for (id, text) in (0..).zip(texts) {
                assert!(
                    !is_like(text, &pattern) || candidates.contains(&id),
                    "{needle}"
                );
            }
        }
    }

    #[test]
    fn a_complete_address_leaves_few_candidates_and_a_short_needle_all() {
        let mut index = Runs::default();
        for id in 0..1000 {
            index.add(id, &format!(r#"[{{"value":"contact{id}@example.com"}}]"#));
        }
        let candidates = index.candidates("%contact567@example.com%").unwrap();
        assert_eq!(candidates, [567]);
        assert_eq!(index.candidates("%567@%"), None);
        index.remove(567, r#"[{"value":"contact567@example.com"}]"#);
        assert_eq!(
            index.candidates("%contact567@example.com%"),
            Some(Vec::new())
        );
    }
}
