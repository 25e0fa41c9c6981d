//! The word that was probably meant by one that nobody knows.

/// Fewer letters begin too many words.
const SHORTEST_BEGINNING: usize = 3;

/// The one of `known` that is nearest to `word`; `None` where all of them are other words.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let measured = known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate));
    // A third of the letters may differ: more is another word, unless it goes on where this one ends.
    let is_near = |(distance, candidate): &(usize, &str)| {
        let goes_on = word.len() >= SHORTEST_BEGINNING && candidate.starts_with(word);
        goes_on || *distance <= candidate.len().max(word.len()) / 3
    };
    measured
        .filter(is_near)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out, exchanged or swapped with their neighbour to make one word of the other.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    // Of the first so many letters of each; the row of no letters is at 0.
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let is_same = left[i - 1] == right[j - 1];
            let exchanged = rows[i - 1][j - 1] + usize::from(!is_same);
            let nearest = exchanged.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            let is_swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            row.push(if is_swapped {
                nearest.min(rows[i - 2][j - 2] + 1)
            } else {
                nearest
            });
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
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
        check("lisetn", "listen", 1);
        check("mian", "main", 1);
        check("kitten", "sitting", 3);
    }

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("lisetn", ["listen", "public_url"]), Some("listen"));
        assert_eq!(nearest("port", ["listen", "public_url"]), None);
        assert_eq!(nearest("port", []), None);
        assert_eq!(nearest("main", ["main-crm-2"]), Some("main-crm-2"));
        assert_eq!(nearest("ma", ["main-crm-2"]), None);
    }
}
