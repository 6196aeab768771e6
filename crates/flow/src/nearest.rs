//! Which known name somebody meant.

/// Names that [`listed`] gives.
const LISTED_MAX: usize = 12;

/// Letters that are enough to tell a name by.
const PREFIX_LETTERS_MIN: usize = 4;

/// The one of `candidates` that `name` was probably meant to be: letters added, dropped, changed or swapped with their
/// neighbour, in a third of the name at most; or one that begins with it. With less in common a guess is of no help.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let letters = name.chars().count();
    let most = (letters / 3).max(1).min(letters.saturating_sub(2));
    let ranked = candidates.into_iter().filter_map(|candidate| {
        let other = candidate.to_lowercase();
        let distance = strsim::osa_distance(&name, &other);
        let is_near = distance <= most || letters >= PREFIX_LETTERS_MIN && other.starts_with(&name);
        is_near.then_some((distance, candidate))
    });
    ranked.min().map(|(_, candidate)| candidate)
}

/// Names in a sentence: all of them, or the first and how many more there are, since of a long list nobody reads the end.
/// `None` without any.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => None,
        1..=LISTED_MAX => Some(names.join(", ")),
        all => Some(format!("{} and {} more", names[..LISTED_MAX].join(", "), all - LISTED_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["amount", "country", "invoice_no", "pace", "path"];
        assert_eq!(nearest("amout", names), Some("amount"));
        assert_eq!(nearest("contury", names), Some("country"));
        assert_eq!(nearest("Invoice_No", names), Some("invoice_no"));
        assert_eq!(nearest("invoiceno", names), Some("invoice_no"));
        assert_eq!(nearest("paht", names), Some("path"), "two letters that changed places are one slip");
        assert_eq!(nearest("invoice", names), Some("invoice_no"), "the beginning of a name");
        assert_eq!(nearest("price", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn a_long_list_is_cut() {
        assert_eq!(listed([]), None);
        assert_eq!(listed(["a", "b"]).as_deref(), Some("`a`, `b`"));
        assert!(listed(["name"; LISTED_MAX + 3]).is_some_and(|text| text.ends_with("`name` and 3 more")));
    }
}
