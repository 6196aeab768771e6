//! A Bloom filter over hashes of 64 bits: says for certain what is not in it.
//!
//! Twelve bits an entry, of which eight are looked at, let one in three hundred pass that is not there. Where that would take
//! more than a set may have, six bits an entry let one in eighteen pass; with less there is no set.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Bits of an entry, and the fewest that are worth reading.
const ENTRY_BITS: usize = 12;
const ENTRY_BITS_MIN: usize = 6;
/// Fewest bytes of a set that is not empty.
const SET_BYTES_LEAST: usize = 16;

/// Bytes that every set may have: a block may be the only one of a small segment.
const SET_BYTES_FLOOR: usize = 64;
/// Says that a set was not made, or would be too large.
const NOT_MADE: u8 = 0xFF;
const TOO_LARGE: u8 = 0xFE;

/// Hands a number on that is a hash already.
#[derive(Debug, Default)]
pub(super) struct Handed(u64);

impl Hasher for Handed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only hashes are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The hashes that a set will be made of.
#[derive(Debug, Default)]
pub(super) struct Hashes(HashSet<u64, BuildHasherDefault<Handed>>);

impl Hashes {
    /// Takes note of one.
    pub(super) fn note(&mut self, hash: u64) {
        self.0.insert(hash);
    }
}

/// What is known of one kind of entries of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Set {
    /// Nobody has looked.
    NotMade,
    /// Too much for a set, or nobody can say.
    TooLarge,
    /// These bits, of which so many are looked at for each entry. Without bits there is no entry.
    Bits {
        /// How many.
        hashes: u8,
        /// The bits.
        bits: Vec<u8>,
    },
}

impl Set {
    /// The set of `hashes`, in so many bytes at most.
    pub(super) fn of(hashes: &Hashes, bytes_max: usize) -> Self {
        let (count, bytes_max) = (hashes.0.len(), bytes_max.max(SET_BYTES_FLOOR));
        if count * ENTRY_BITS_MIN > bytes_max * 8 {
            return Self::TooLarge;
        }
        // The bits of one entry alone lie too close together to tell it from others.
        let least = if count == 0 { 0 } else { SET_BYTES_LEAST };
        let bytes = (count * ENTRY_BITS).div_ceil(8).max(least).min(bytes_max);
        // The number that lets the fewest pass is the bits of an entry times ln 2.
        let hashes_each = u8::try_from(bytes * 8 * 7 / 10 / count.max(1)).unwrap_or(u8::MAX).clamp(1, 8);
        let mut bits = vec![0; bytes];
        for hash in &hashes.0 {
            places(*hash, hashes_each, bytes).for_each(|place| bits[place / 8] |= 1 << (place % 8));
        }
        Self::Bits { hashes: hashes_each, bits }
    }

    /// Whether none of `wanted` can be in it.
    pub(super) fn excludes(&self, wanted: &[u64]) -> bool {
        let Self::Bits { hashes, bits } = self else { return false };
        let is_in = |hash: &u64| {
            !bits.is_empty()
                && places(*hash, *hashes, bits.len()).all(|place| bits[place / 8] & (1 << (place % 8)) != 0)
        };
        !wanted.iter().any(is_in)
    }

    /// Its bits, if it has any, and how it is told in a file.
    pub(super) fn parts(&self) -> (u8, &[u8]) {
        match self {
            Self::NotMade => (NOT_MADE, &[]),
            Self::TooLarge => (TOO_LARGE, &[]),
            Self::Bits { hashes, bits } => (*hashes, bits),
        }
    }

    /// The set that is told so.
    pub(super) fn from_parts(hashes: u8, bits: Vec<u8>) -> Self {
        match hashes {
            NOT_MADE => Self::NotMade,
            TOO_LARGE => Self::TooLarge,
            hashes => Self::Bits { hashes, bits },
        }
    }
}

/// The bits of an entry among those of so many bytes.
fn places(hash: u64, hashes: u8, bytes: usize) -> impl Iterator<Item = usize> {
    let (first, step) = (hash & 0xFFFF_FFFF, (hash >> 32) | 1);
    let bits = bytes as u64 * 8;
    (0..u64::from(hashes)).map(move |n| ((first + n * step) % bits) as usize)
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn hash(n: u64) -> u64 {
        xxh3_64(&n.to_be_bytes())
    }

    fn set(count: u64, bytes_max: usize) -> Set {
        let mut hashes = Hashes::default();
        (0..count).chain(0..count).for_each(|n| hashes.note(hash(n)));
        Set::of(&hashes, bytes_max)
    }

    #[test]
    fn what_is_in_it_is_never_excluded_and_little_else_passes() {
        for (count, passing_max) in [(1_u64, 60), (40, 60), (5_000, 60), (10_000, 800)] {
            let set = set(count, 8 << 10);
            assert!((0..count).all(|n| !set.excludes(&[hash(n)])), "{count}");
            let passing = (1 << 20..(1 << 20) + 10_000).filter(|n| !set.excludes(&[hash(*n)])).count();
            assert!(passing < passing_max, "{passing} of 10,000 pass {count}");
            assert!(!set.excludes(&[hash(1 << 30), hash(0)]), "one of them is there");
        }
    }

    #[test]
    fn an_empty_one_excludes_everything_and_one_that_is_too_large_nothing() {
        assert!(set(0, 1 << 20).excludes(&[hash(1)]));
        assert_eq!(set(20_000, 8 << 10), Set::TooLarge);
        assert!(!set(20_000, 8 << 10).excludes(&[hash(1 << 30)]));
        assert!(!Set::NotMade.excludes(&[hash(1)]));
        assert_eq!(set(10_000, 8 << 10).parts().1.len(), 8 << 10, "no more than its share");
    }
}
