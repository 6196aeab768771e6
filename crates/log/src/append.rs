//! The way of a batch into a partition: columns to values, values to frames, frames to the segment, columns to the cache.

use std::ops::Range;

use arrow::array::Array;
use millrace_flow::{Batch, Offset};
use millrace_schema::avro::Values;

use crate::LogError;
use crate::partition::{AppendPoint, Partition};
use crate::record_batch::{Input, Sealed, encode_frame};
use crate::shared::Shared;
use crate::topic::Topic;

/// A frame is closed when it reaches this: what a reader has to take in whole to get one record of it.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// Frames are handed to the disk when this many bytes have come together: few calls, and a bounded buffer.
const WRITE_BYTES: usize = 4 << 20;
/// Largest key and largest value: far beyond any row, far below what a frame's 31-bit length can hold.
const RECORD_BYTES_MAX: usize = 64 << 20;
/// Buffers larger than this are given back after use, so that one huge batch is not paid for ever after.
const KEPT_BYTES_MAX: usize = 32 << 20;
/// What a record takes in a frame beside key, value and origin, roughly; only used to foresee when a segment is full.
const RECORD_OVERHEAD_BYTES: usize = 32;

/// Buffers that a writer uses for one append after the other.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    values: Values,
    frames: Vec<u8>,
    sealed: Vec<Sealed>,
}

impl Buffers {
    fn shrink(&mut self) {
        if self.values.bytes.capacity() > KEPT_BYTES_MAX {
            self.values = Values::default();
        }
        if self.frames.capacity() > KEPT_BYTES_MAX {
            self.frames = Vec::new();
        }
    }
}

/// Appends the records of `batch`; answers their offsets. After an error none of them is there.
pub(crate) fn append(
    shared: &Shared,
    topic: &Topic,
    partition: &Partition,
    batch: Batch,
    buffers: &mut Buffers,
) -> Result<Range<Offset>, LogError> {
    let batch = topic.codec.conform(batch)?;
    let rows = batch.num_rows();
    buffers.values.clear();
    topic.codec.encode(&batch.values, &mut buffers.values)?;
    check_sizes(topic, &batch, &buffers.values)?;

    let keys_bytes = batch.keys.as_ref().map_or(0, |keys| keys.value_data().len());
    let about_bytes = buffers.values.bytes.len() + keys_bytes + rows * RECORD_OVERHEAD_BYTES;
    let point = partition.prepare(shared.disk(), about_bytes as u64, shared.config.segment_bytes_max)?;
    if let Err(error) = write(shared, partition, &batch, point, buffers) {
        partition.rewind(shared.disk(), point).map_err(|error| shared.fail(error))?;
        return Err(error);
    }
    buffers.shrink();
    let base = Offset(point.next);
    shared.cache.insert(partition.slot, point.next, batch);
    Ok(base..base.advance(rows))
}

fn write(
    shared: &Shared,
    partition: &Partition,
    batch: &Batch,
    point: AppendPoint,
    buffers: &mut Buffers,
) -> Result<(), LogError> {
    let Buffers { values, frames, sealed } = buffers;
    let input = Input {
        times_ms: batch.times_ms.values(),
        keys: batch.keys.as_deref(),
        values: &values.bytes,
        ends: &values.ends,
        tombstones: batch.tombstones.as_deref(),
        origin: batch.origin.as_ref(),
    };
    let rows = batch.num_rows();
    let mut row = 0;
    while row < rows {
        frames.clear();
        sealed.clear();
        while row < rows && frames.len() < WRITE_BYTES {
            let base = Offset(point.next).advance(row).0;
            let (frame, next) = encode_frame(&input, row..rows, base, FRAME_BYTES_MAX, frames);
            sealed.push(frame);
            row = next;
        }
        partition.append(shared.disk(), [frames, &[]], sealed, Offset(point.next).advance(row).0)?;
    }
    Ok(())
}

/// Refuses a batch with a key or a value that no frame can take.
fn check_sizes(topic: &Topic, batch: &Batch, values: &Values) -> Result<(), LogError> {
    let too_large =
        |bytes| Err(LogError::RecordTooLarge { topic: topic.name.clone(), bytes, bytes_max: RECORD_BYTES_MAX });
    if values.bytes.len() > RECORD_BYTES_MAX {
        let lengths = values.iter().map(<[u8]>::len);
        if let Some(bytes) = lengths.max().filter(|bytes| *bytes > RECORD_BYTES_MAX) {
            return too_large(bytes);
        }
    }
    if let Some(keys) = batch.keys.as_ref().filter(|keys| keys.value_data().len() > RECORD_BYTES_MAX) {
        let lengths = (0..keys.len()).map(|row| keys.value(row).len());
        if let Some(bytes) = lengths.max().filter(|bytes| *bytes > RECORD_BYTES_MAX) {
            return too_large(bytes);
        }
    }
    Ok(())
}
