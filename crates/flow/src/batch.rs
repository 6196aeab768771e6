//! Records as columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray, Int64Array, UInt32Array, UInt64Array};
use arrow::compute;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

/// Where each row of a batch came from: a file, by its number in the source's list of files, and the line it began at.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Number of the file.
    pub file: Arc<UInt32Array>,
    /// Line at which the row begins, from 1.
    pub line: Arc<UInt64Array>,
}

/// Records of one topic as Arrow columns, with what a record has beside its value.
///
/// Cloning and slicing share the columns.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The values: one column a field of the topic's schema. A tombstone's row has nulls.
    pub values: RecordBatch,
    /// Record timestamps in ms since 1970, never null: the event time where the topic has one.
    pub times_ms: Arc<Int64Array>,
    /// Record keys; `None` when no record has one.
    pub keys: Option<Arc<BinaryArray>>,
    /// Where the rows came from, if that is known.
    pub origin: Option<Origin>,
    /// Rows whose value is null: the row with that key is gone. `None` when there is none.
    pub tombstones: Option<Arc<BooleanArray>>,
}

impl Batch {
    /// Values with timestamps, without keys, origin or tombstones.
    pub fn new(values: RecordBatch, times_ms: Int64Array) -> Self {
        assert_eq!(values.num_rows(), times_ms.len(), "one timestamp a row");
        Self { values, times_ms: Arc::new(times_ms), keys: None, origin: None, tombstones: None }
    }

    /// The same records with these keys.
    pub fn with_keys(mut self, keys: BinaryArray) -> Self {
        assert_eq!(self.num_rows(), keys.len(), "one key a row");
        self.keys = Some(Arc::new(keys));
        self
    }

    /// The same records with these origins.
    pub fn with_origin(mut self, origin: Origin) -> Self {
        assert_eq!(self.num_rows(), origin.line.len(), "one origin a row");
        self.origin = Some(origin);
        self
    }

    /// The same records, with `true` for each one that has no value.
    pub fn with_tombstones(mut self, tombstones: BooleanArray) -> Self {
        assert_eq!(self.num_rows(), tombstones.len(), "one mark a row");
        self.tombstones = (tombstones.true_count() > 0).then(|| Arc::new(tombstones));
        self
    }

    /// Columns of the values.
    pub fn schema(&self) -> SchemaRef {
        self.values.schema()
    }

    /// Number of records.
    pub fn num_rows(&self) -> usize {
        self.values.num_rows()
    }

    /// Whether row `row` says that its key is gone.
    pub fn is_tombstone(&self, row: usize) -> bool {
        self.tombstones.as_ref().is_some_and(|marks| marks.value(row))
    }

    /// Bytes held, shared or not.
    pub fn memory_bytes(&self) -> usize {
        let keys = self.keys.as_ref().map_or(0, |keys| keys.get_array_memory_size());
        self.values.get_array_memory_size() + keys + self.times_ms.get_array_memory_size()
    }

    /// Rows `start .. start + length`, sharing the columns.
    pub fn slice(&self, start: usize, length: usize) -> Self {
        Self {
            values: self.values.slice(start, length),
            times_ms: Arc::new(self.times_ms.slice(start, length)),
            keys: self.keys.as_ref().map(|keys| Arc::new(keys.slice(start, length))),
            origin: self.origin.as_ref().map(|origin| Origin {
                file: Arc::new(origin.file.slice(start, length)),
                line: Arc::new(origin.line.slice(start, length)),
            }),
            tombstones: self.tombstones.as_ref().map(|marks| Arc::new(marks.slice(start, length))),
        }
    }

    /// The rows at `rows`, in that order, copied.
    ///
    /// # Errors
    /// When an index is out of bounds.
    pub fn take(&self, rows: &UInt32Array) -> Result<Self, ArrowError> {
        let keys = self.keys.as_ref().map(|keys| take_as(keys.as_ref(), rows)).transpose()?;
        let tombstones = self.tombstones.as_ref().map(|marks| take_as(marks.as_ref(), rows)).transpose()?;
        let origin = match &self.origin {
            Some(origin) => {
                Some(Origin { file: take_as(origin.file.as_ref(), rows)?, line: take_as(origin.line.as_ref(), rows)? })
            }
            None => None,
        };
        Ok(Self {
            values: compute::take_record_batch(&self.values, rows)?,
            times_ms: take_as(self.times_ms.as_ref(), rows)?,
            keys,
            origin,
            tombstones,
        })
    }
}

fn take_as<A: Array + Clone + 'static>(array: &A, rows: &UInt32Array) -> Result<Arc<A>, ArrowError> {
    let taken: ArrayRef = compute::take(array, rows, None)?;
    let taken = taken.as_any().downcast_ref::<A>().expect("take keeps the type of the array");
    Ok(Arc::new(taken.clone()))
}
