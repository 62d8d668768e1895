//! Suggestions for typos: finds the known word that is most similar to an unknown one.

/// The candidate that is most similar to `word`, if it is similar enough to be a typo. Case is ignored; among equally
/// similar candidates, the first one is returned.
///
/// At most a third of the letters may be changed, missing, added or swapped with a neighbour.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within((word.chars().count() / 3).max(1), word, candidates)
}

/// The candidate that is most similar to `word`, if at most `limit` letters differ.
pub(crate) fn within<'a>(
    limit: usize,
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A word that is longer than any name in the API is not a typo, and the cost is quadratic.
    const LONGEST: usize = 100;
    if word.len() > LONGEST {
        return None;
    }
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let distance = |candidate: &str| {
        let candidate: Vec<char> = candidate.to_lowercase().chars().take(2 * LONGEST).collect();
        if candidate.len().abs_diff(word.len()) > limit { usize::MAX } else { edits(&word, &candidate) }
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= limit)
        .map(|(_, candidate)| candidate)
}

/// The number of letters to change, remove, add or swap with a neighbour to turn one word into the other (optimal
/// string alignment distance).
fn edits(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (i, &a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &b) in to.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&above, j) + usize::from(a != b)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && from.get(i - 1) == Some(&b) && to.get(j - 1) == Some(&a);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = above;
        above = row;
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_the_closest_word() {
        let fields = ["sessionPersistence", "backendRefs", "matches", "name"];
        for (word, meant) in [
            ("sessionPersistance", "sessionPersistence"),
            ("backendrefs", "backendRefs"),
            ("backendRef", "backendRefs"),
            ("mathces", "matches"),
            ("nmae", "name"),
            ("naem", "name"),
        ] {
            assert_eq!(closest(word, fields), Some(meant), "{word}");
        }
    }

    #[test]
    fn unrelated_words_find_nothing() {
        for word in ["", "x", "timeouts", "filters", "名前", &"long".repeat(1000)] {
            assert_eq!(closest(word, ["sessionPersistence", "backendRefs", "name"]), None, "{word}");
        }
    }

    #[test]
    fn distance_counts_changes_deletions_insertions_and_swaps() {
        let count = |a: &str, b: &str| edits(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(count("same", "same"), 0);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("abc", ""), 3);
        assert_eq!(count("abcd", "abxd"), 1);
        assert_eq!(count("abcd", "acbd"), 1);
        assert_eq!(count("kitten", "sitting"), 3);
    }
}
