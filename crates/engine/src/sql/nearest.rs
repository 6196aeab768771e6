//! The name that somebody may have meant.

/// The candidate closest to `name`, if one is close enough to be a slip of the finger.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    // A third of the letters may be wrong; with fewer in common, a guess is of no help.
    let most = (wanted.len() / 3).max(1).min(wanted.len().saturating_sub(2));
    let distance = |candidate: &&str| edit_distance(&wanted, &candidate.to_lowercase().chars().collect::<Vec<_>>());
    let ranked = candidates.into_iter().map(|candidate| (distance(&candidate), candidate));
    ranked.filter(|(distance, _)| *distance <= most).min().map(|(_, candidate)| candidate)
}

/// `did you mean …?` for the nearest candidate, else `otherwise`.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> Option<String>,
) -> Option<String> {
    nearest(name, candidates).map(|near| format!("did you mean `{near}`?")).or_else(otherwise)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["amount", "country", "invoice_no"];
        assert_eq!(nearest("amout", names), Some("amount"));
        assert_eq!(nearest("contury", names), Some("country"));
        assert_eq!(nearest("Invoice_No", names), Some("invoice_no"));
        assert_eq!(nearest("price", names), None);
    }
}
