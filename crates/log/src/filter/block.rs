//! One block: some frames side by side, and what is known of their records.

use millrace_schema::fields::Scalar;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::set::{Hashes, Set};

/// Bytes that a block has for each byte that its keys, and its fields, may take in a filter. Where values are short and each is
/// another that is much; a hundredth for both is usual.
const KEYS_SHARE: usize = 32;
const FIELDS_SHARE: usize = 16;

/// Tells numbers from texts that read the same.
const NUMBER_SEED: u64 = 0x6e75_6d62_6572;

/// Least and greatest timestamp of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
}

impl Times {
    /// Those of no record.
    pub(crate) const NONE: Self = Self { min_ms: i64::MAX, max_ms: i64::MIN };
    /// Any.
    pub(crate) const ANY: Self = Self { min_ms: i64::MIN, max_ms: i64::MAX };

    /// Whether a record may be among them that is in `wanted`.
    pub(crate) fn overlap(self, wanted: Self) -> bool {
        self.min_ms <= wanted.max_ms && self.max_ms >= wanted.min_ms
    }
}

/// A block, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where in the segment its first frame lies.
    pub(crate) position: u64,
    /// The offset of that.
    pub(crate) offset: i64,
    pub(crate) times: Times,
    pub(crate) keys: Set,
    pub(crate) fields: Set,
}

impl Block {
    /// A block that nobody has looked at.
    pub(crate) fn unknown(offset: i64, position: u64) -> Self {
        Self { position, offset, times: Times::ANY, keys: Set::NotMade, fields: Set::NotMade }
    }

    /// Whether somebody has looked at all of it.
    pub(crate) fn is_known(&self) -> bool {
        self.keys != Set::NotMade && self.fields != Set::NotMade
    }

    /// Whether no record of it can be what is wanted.
    pub(crate) fn excludes(&self, wanted: &WantedHashes) -> bool {
        let has_not = |set: &Set, hashes: &Option<Vec<u64>>| hashes.as_ref().is_some_and(|hashes| set.excludes(hashes));
        !self.times.overlap(wanted.times) || has_not(&self.keys, &wanted.keys) || has_not(&self.fields, &wanted.fields)
    }
}

/// What is looked for, as filters know it.
#[derive(Debug, Clone)]
pub(crate) struct WantedHashes {
    pub(crate) times: Times,
    /// One of these, if any key is wanted.
    pub(crate) keys: Option<Vec<u64>>,
    /// One of these, if any field is.
    pub(crate) fields: Option<Vec<u64>>,
}

/// Notes on the records of a block while they are read.
#[derive(Debug)]
pub(crate) struct Notes {
    times: Times,
    keys: Hashes,
    fields: Hashes,
    /// Of every value it is known what its fields are.
    is_certain: bool,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self { times: Times::NONE, keys: Hashes::default(), fields: Hashes::default(), is_certain: true }
    }

    /// Takes note of a record.
    pub(crate) fn note(&mut self, time_ms: i64, key: Option<&[u8]>) {
        self.times.min_ms = self.times.min_ms.min(time_ms);
        self.times.max_ms = self.times.max_ms.max(time_ms);
        if let Some(key) = key {
            self.keys.note(hash_key(key));
        }
    }

    /// Takes note of a field.
    pub(crate) fn note_field(&mut self, name: &str, scalar: Scalar<'_>) {
        self.fields.note(hash_field(name, scalar));
    }

    /// Says that a value may have fields that were not noted.
    pub(crate) fn doubt(&mut self) {
        self.is_certain = false;
    }

    /// The block from `position` on, of so many bytes, that these are notes of.
    pub(crate) fn into_block(self, offset: i64, position: u64, bytes: u64) -> Block {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let keys = Set::of(&self.keys, bytes / KEYS_SHARE);
        let fields = if self.is_certain { Set::of(&self.fields, bytes / FIELDS_SHARE) } else { Set::TooLarge };
        Block { position, offset, times: self.times, keys, fields }
    }
}

/// The hash of a key.
pub(crate) fn hash_key(key: &[u8]) -> u64 {
    xxh3_64(key)
}

/// The hash of a field with its name.
pub(crate) fn hash_field(name: &str, scalar: Scalar<'_>) -> u64 {
    let seed = xxh3_64(name.as_bytes());
    match scalar {
        Scalar::Text(text) => xxh3_64_with_seed(text.as_bytes(), seed),
        Scalar::Number(number) => xxh3_64_with_seed(number.as_bytes(), seed ^ NUMBER_SEED),
    }
}
