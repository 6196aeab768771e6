//! Which known name somebody meant.

/// The one of `known` that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let bound = word.chars().count() / 3 + 1;
    let near = known.into_iter().map(|name| (edits(&word, &name.to_lowercase()), name));
    near.filter(|(edits, _)| *edits <= bound).min().map(|(_, name)| name)
}

/// Names listed in a cure; more than these nobody reads.
const LISTED_MAX: usize = 12;

/// A cure for a wrong name: the near one, or those there are. `what` says what they are, in the plural.
pub fn cure<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let names: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => format!("there are no {what}"),
        1..=LISTED_MAX => format!("{what} are {}", names.join(", ")),
        all => format!("{what} are {} and {} more", names[..LISTED_MAX].join(", "), all - LISTED_MAX),
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
        assert_eq!(cure("zebra", [], "topics"), "there are no topics");
        let many = ["name"; LISTED_MAX + 3];
        assert!(cure("zebra", many, "topics").ends_with("`name` and 3 more"));
    }
}
