//! Which record goes to which partition.
//!
//! By the murmur2 hash of its key, as Kafka's own clients do it. Records without a key go, a batch at a time, to one partition
//! after the other.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, UInt32Array};
use arrow::datatypes::DataType;
use millrace_flow::{Batch, PartitionId, partition_for_key};
use millrace_schema::json::value_to_text;

use crate::error::SourceError;

/// The keys of records whose key column this is: its text. Text is shared, not copied.
pub(super) fn keys_of(column: &ArrayRef) -> BinaryArray {
    if column.data_type() == &DataType::Utf8 {
        let (offsets, bytes, nulls) = column.as_string::<i32>().clone().into_parts();
        return BinaryArray::new(offsets, bytes, nulls);
    }
    (0..column.len()).map(|row| value_to_text(column, row).map(String::into_bytes)).collect()
}

/// The records of `batch` by partition, their order kept; those without a key go to `keyless`.
pub(super) fn split(
    batch: Batch,
    partitions: u32,
    keyless: PartitionId,
) -> Result<Vec<(PartitionId, Batch)>, SourceError> {
    let Some(keys) = batch.keys.as_ref().filter(|_| partitions > 1) else {
        return Ok(vec![(if partitions > 1 { keyless } else { PartitionId(0) }, batch)]);
    };
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); partitions as usize];
    for (row, key) in (0..).zip(keys.iter()) {
        let partition = key.map_or(keyless, |key| partition_for_key(key, partitions));
        rows[partition.index()].push(row);
    }
    let mut parts = Vec::with_capacity(rows.len());
    for (partition, rows) in (0..).map(PartitionId).zip(rows) {
        if rows.len() == batch.num_rows() {
            return Ok(vec![(partition, batch)]);
        }
        if !rows.is_empty() {
            parts.push((partition, batch.take(&UInt32Array::from(rows))?));
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, Int64Array, RecordBatch, StringArray};

    use super::*;

    fn batch(keys: Vec<Option<&str>>) -> Batch {
        let column: ArrayRef = Arc::new(StringArray::from(keys));
        let values = RecordBatch::try_from_iter([("key", column.clone())]).expect("a batch");
        let times = Int64Array::from_iter_values(0..column.len() as i64);
        Batch::new(values, times).with_keys(keys_of(&column))
    }

    #[test]
    fn keys_decide_and_order_is_kept() {
        let parts = split(batch(vec![Some("21"), None, Some("foobar"), Some("21"), None]), 3, PartitionId(1));
        let parts = parts.expect("partitions");
        let times = |partition: u32| {
            let part = parts.iter().find(|(id, _)| id.0 == partition);
            part.map_or(vec![], |(_, batch)| batch.times_ms.values().to_vec())
        };
        let (first, second) = (partition_for_key(b"21", 3), partition_for_key(b"foobar", 3));
        for (partition, row) in [(first, 0), (PartitionId(1), 1), (second, 2), (first, 3), (PartitionId(1), 4)] {
            assert!(times(partition.0).contains(&row), "row {row} in partition {partition}");
        }
        assert_eq!((0..3).map(|partition| times(partition).len()).sum::<usize>(), 5);
        assert!((0..3).all(|partition| times(partition).is_sorted()));
    }

    #[test]
    fn what_goes_to_one_partition_is_not_copied() {
        let whole = batch(vec![None, None]);
        let parts = split(whole.clone(), 4, PartitionId(3)).expect("partitions");
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].0, PartitionId(3));
        assert!(Arc::ptr_eq(&parts[0].1.times_ms, &whole.times_ms));
    }

    #[test]
    fn a_key_is_the_text_of_its_value() {
        let money = Decimal128Array::from(vec![Some(1500), None]).with_precision_and_scale(9, 3).expect("a decimal");
        let keys = keys_of(&(Arc::new(money) as ArrayRef));
        assert_eq!((keys.value(0), keys.is_null(1)), (b"1.500".as_slice(), true));
    }
}
