//! What is said of a name that nobody knows.

use millrace_flow::{listed, nearest};

/// A cure for a wrong name: the near one, or those there are. `what` says what they are, in the plural.
pub fn cure<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    listed(known).map_or_else(|| format!("there are no {what}"), |names| format!("{what} are {names}"))
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
    }
}
