//! What fuzzing calls with bytes of its own making: the coordinators of groups and of transactions, and SCRAM. That of the wire is
//! in [`wire::fuzz`](crate::wire::fuzz).

mod groups;
mod scram;
mod transactions;

pub use scram::scram;

/// Drives a coordinator: the first byte says which, the others what clients ask of it, what its clock shows, and what a start finds
/// in its journal.
pub fn coordinator(bytes: &[u8]) {
    match bytes.split_first() {
        Some((which, rest)) if which & 1 == 0 => groups::drive(&mut Input(rest)),
        Some((_, rest)) => transactions::drive(&mut Input(rest)),
        None => {}
    }
}

/// Bytes that decide what happens next, until there are none.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number below `bound`; 0 when there are no bytes any more.
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte().unwrap_or_default()) % bound
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    /// One of `choices`.
    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// So many bytes as the next one says, or what is left.
    fn chunk(&mut self) -> &'a [u8] {
        let bytes = usize::from(self.byte().unwrap_or_default()).min(self.0.len());
        let (chunk, rest) = self.0.split_at(bytes);
        self.0 = rest;
        chunk
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn coordinators_hold_whatever_they_are_asked(bytes in prop::collection::vec(any::<u8>(), 0..1_500)) {
            coordinator(&bytes);
        }

        #[test]
        fn scram_lets_in_who_has_the_password_only(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            scram(&bytes);
        }
    }
}
