//! Remembers which rows were seen, as 128-bit hashes, until the watermark lets go of their times.
//!
//! Two different rows collide with a chance of one in 2^64 among four billion; no shop has that many in one watermark.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_128;

use super::error::EngineError;
use crate::plan::Dedup;

/// Hashes are forgotten a minute of event time at once.
const BUCKET_US: i64 = 60_000_000;

/// The hashes and times of a batch, made without the state.
pub(super) struct Marks {
    hashes: Vec<u128>,
    /// Event times; `None` when the query has none.
    pub(super) times: Option<TimestampMicrosecondArray>,
}

/// The rows seen so far.
pub(super) struct DedupState {
    dedup: Dedup,
    converter: RowConverter,
    seen: HashSet<u128>,
    buckets: BTreeMap<i64, Vec<u128>>,
    unsaved: Vec<(u128, i64)>,
}

impl DedupState {
    /// Nothing seen yet; `input` is the schema that the columns of `dedup` count in.
    pub(super) fn new(dedup: &Dedup, input: &Schema) -> Result<Self, EngineError> {
        let field = |column: &usize| SortField::new(input.field(*column).data_type().clone());
        Ok(Self {
            converter: RowConverter::new(dedup.columns.iter().map(field).collect())?,
            dedup: dedup.clone(),
            seen: HashSet::new(),
            buckets: BTreeMap::new(),
            unsaved: Vec::new(),
        })
    }

    /// The marks of a batch.
    pub(super) fn marks(&self, batch: &RecordBatch) -> Result<Marks, EngineError> {
        let columns: Vec<ArrayRef> = self.dedup.columns.iter().map(|column| batch.column(*column).clone()).collect();
        let rows = self.converter.convert_columns(&columns)?;
        let hashes = rows.iter().map(|row| xxh3_128(row.as_ref())).collect();
        let times = self.dedup.time.map(|time| batch.column(time).as_primitive::<TimestampMicrosecondType>().clone());
        Ok(Marks { hashes, times })
    }

    /// Whether row `row` is the first of its kind; remembers it if so.
    pub(super) fn is_first(&mut self, marks: &Marks, row: usize) -> bool {
        let hash = marks.hashes[row];
        if !self.seen.insert(hash) {
            return false;
        }
        let time = marks.times.as_ref().filter(|times| times.is_valid(row)).map_or(i64::MAX, |times| times.value(row));
        self.unsaved.push((hash, time));
        self.buckets.entry(time.div_euclid(BUCKET_US)).or_default().push(hash);
        true
    }

    /// Forgets rows with times before `before_us`.
    pub(super) fn forget(&mut self, before_us: i64) {
        let keep = self.buckets.split_off(&before_us.div_euclid(BUCKET_US));
        for hash in std::mem::replace(&mut self.buckets, keep).into_values().flatten() {
            self.seen.remove(&hash);
        }
    }

    /// What was seen since the last save, or everything.
    pub(super) fn save(&mut self, whole: bool) -> Result<Option<RecordBatch>, EngineError> {
        let unsaved = std::mem::take(&mut self.unsaved);
        let rows: Vec<(u128, i64)> = if whole {
            let bucket = |(bucket, hashes): (&i64, &Vec<u128>)| {
                let time = bucket.saturating_mul(BUCKET_US);
                hashes.iter().map(|hash| (*hash, time)).collect::<Vec<_>>()
            };
            self.buckets.iter().flat_map(bucket).collect()
        } else {
            unsaved
        };
        if rows.is_empty() {
            return Ok(None);
        }
        let hashes = rows.iter().map(|(hash, _)| hash.to_le_bytes());
        let hashes = FixedSizeBinaryArray::try_from_iter(hashes)?;
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|(_, time)| *time));
        let schema = Schema::new(vec![
            Field::new("hash", DataType::FixedSizeBinary(16), false),
            Field::new("time", times.data_type().clone(), false),
        ]);
        Ok(Some(RecordBatch::try_new(Arc::new(schema), vec![Arc::new(hashes), Arc::new(times)])?))
    }

    /// Takes back what [`DedupState::save`] gave.
    pub(super) fn restore(&mut self, saved: &RecordBatch) {
        let hashes = saved.column(0).as_fixed_size_binary();
        let times = saved.column(1).as_primitive::<TimestampMicrosecondType>();
        for row in 0..saved.num_rows() {
            let bytes: [u8; 16] = hashes.value(row).try_into().expect("the column is sixteen bytes wide");
            let hash = u128::from_le_bytes(bytes);
            if self.seen.insert(hash) {
                self.buckets.entry(times.value(row).div_euclid(BUCKET_US)).or_default().push(hash);
            }
        }
    }

    /// Number of rows remembered.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Bytes held, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.seen.capacity() * 17 + self.seen.len() * 16
    }
}
