//! Which known name somebody meant.

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
}
