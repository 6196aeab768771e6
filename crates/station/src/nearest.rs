//! What is said of a name that nobody knows.

use millrace_flow::nearest;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_nonsense_is_not() {
        let known = ["listen", "allowed_hosts"];
        assert_eq!(cure("Listn", known, "keys of [http]"), "did you mean `listen`?");
        assert_eq!(cure("zebra", known, "keys of [http]"), "keys of [http] are `listen`, `allowed_hosts`");
        assert_eq!(cure("zebra", [], "topics"), "there are no topics");
        let many = ["name"; LISTED_MAX + 3];
        assert!(cure("zebra", many, "topics").ends_with("`name` and 3 more"));
    }
}
