//! Which known name somebody meant.

/// The one of `known` that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let bound = word.chars().count() / 3 + 1;
    let near = known.into_iter().map(|name| (edits(&word, &name.to_lowercase()), name));
    near.filter(|(edits, _)| *edits <= bound).min().map(|(_, name)| name)
}

/// A cure for a wrong name: the near one, or all there are.
pub(crate) fn cure<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    match nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let all: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
            if all.is_empty() { format!("there are no {what}") } else { format!("{what} are {}", all.join(", ")) }
        }
    }
}

/// Letters to add, drop or change to get from `left` to `right`.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let change = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_nonsense_is_not() {
        let known = ["listen", "allowed_hosts"];
        assert_eq!(nearest("listn", known), Some("listen"));
        assert_eq!(nearest("Listen", known), Some("listen"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(cure("zebra", known, "keys of [http]"), "keys of [http] are `listen`, `allowed_hosts`");
    }
}
