//! The last offset of each key, by a hash of the key.
//!
//! Of 128 bits: among a hundred million keys, two share a hash with a probability of 1 in 10²². The seed is another one in
//! every turn, so that nobody can look for keys that do.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use xxhash_rust::xxh3::xxh3_128_with_seed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hashed(u64, u64);

impl Hash for Hashed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Hands a number on that is a hash already.
#[derive(Debug, Default)]
struct Handed(u64);

impl Hasher for Handed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only halves of a hash are hashed")
    }

    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }
}

/// The last offset of each key.
#[derive(Debug)]
pub(super) struct Keys {
    seed: u64,
    keys_max: usize,
    offsets: HashMap<Hashed, i64, BuildHasherDefault<Handed>>,
}

impl Keys {
    /// No keys, and room for `keys_max`, at least one.
    pub(super) fn new(keys_max: usize) -> Self {
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self { seed, keys_max: keys_max.max(1), offsets: HashMap::default() }
    }

    fn hash(&self, key: &[u8]) -> Hashed {
        let hash = xxh3_128_with_seed(key, self.seed);
        Hashed((hash >> 64) as u64, hash as u64)
    }

    /// Takes note of `key` at `offset`, behind all noted before; says whether there was room.
    pub(super) fn note(&mut self, key: &[u8], offset: i64) -> bool {
        let hash = self.hash(key);
        if let Some(last) = self.offsets.get_mut(&hash) {
            *last = offset;
            return true;
        }
        if self.offsets.len() >= self.keys_max {
            return false;
        }
        self.offsets.insert(hash, offset);
        true
    }

    /// Whether `key` is known at an offset behind `offset`.
    pub(super) fn has_later(&self, key: &[u8], offset: i64) -> bool {
        self.offsets.get(&self.hash(key)).is_some_and(|last| *last > offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_offset_counts_and_room_is_bounded() {
        let mut keys = Keys::new(2);
        assert!(keys.note(b"a", 1) && keys.note(b"b", 2) && keys.note(b"a", 3));
        assert!(!keys.note(b"c", 4), "there is no room for a third");
        assert!(keys.note(b"b", 5), "it is known");
        assert!(keys.has_later(b"a", 1) && !keys.has_later(b"a", 3));
        assert!(keys.has_later(b"b", 4) && !keys.has_later(b"c", 0));
    }
}
