//! What is looked for, as records and filters are held against it.

use millrace_schema::fields::{Scalar, plain_number};

use super::Wanted;
use crate::filter::{Times, WantedHashes, hash_field, hash_key};
use crate::record_batch::RecordView;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Comparison {
    times: Times,
    key: Option<Vec<u8>>,
    field: Option<WantedField>,
    /// The same for filters.
    pub(super) hashes: WantedHashes,
}

/// The name of a field, and the text or the number that it is to be.
#[derive(Debug)]
struct WantedField {
    name: String,
    text: String,
    number: Option<String>,
}

impl WantedField {
    fn new((name, text): &(String, String)) -> Self {
        let mut number = String::new();
        let is_number = plain_number(text.trim(), &mut number);
        Self { name: name.clone(), text: text.clone(), number: is_number.then_some(number) }
    }

    fn hashes(&self) -> Vec<u64> {
        let number = self.number.as_ref().map(|number| hash_field(&self.name, Scalar::Number(number)));
        number.into_iter().chain([hash_field(&self.name, Scalar::Text(&self.text))]).collect()
    }
}

impl Comparison {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let max_ms = wanted.before_ms.map_or(i64::MAX, |before_ms| before_ms.saturating_sub(1));
        let times = Times { min_ms: wanted.from_ms.unwrap_or(i64::MIN), max_ms };
        let field = wanted.field.as_ref().map(WantedField::new);
        let hashes = WantedHashes {
            times,
            keys: wanted.key.as_ref().map(|key| vec![hash_key(key)]),
            fields: field.as_ref().map(WantedField::hashes),
        };
        Self { times, key: wanted.key.clone(), field, hashes }
    }

    /// Whether a segment may have what is wanted that has no record of a later time.
    pub(super) fn reaches(&self, max_time_ms: i64) -> bool {
        self.times.min_ms <= max_time_ms
    }

    /// The name of the field that has to be looked at.
    pub(super) fn field(&self) -> Option<&str> {
        self.field.as_ref().map(|field| field.name.as_str())
    }

    /// Whether a record is what is wanted but for its field.
    pub(super) fn passes(&self, record: &RecordView<'_>) -> bool {
        let in_time = (self.times.min_ms..=self.times.max_ms).contains(&record.time_ms);
        in_time && self.key.as_ref().is_none_or(|key| record.key == Some(&key[..]))
    }

    /// Whether a field is the one that is wanted.
    pub(super) fn is_wanted(&self, name: &str, scalar: Scalar<'_>) -> bool {
        let Some(field) = self.field.as_ref().filter(|field| field.name == name) else { return false };
        match scalar {
            Scalar::Text(text) => text == field.text,
            Scalar::Number(number) => field.number.as_deref() == Some(number),
        }
    }
}
