//! What cached columns cost in memory, when many batches share the same buffers.
//!
//! A slice of a batch keeps all of its buffers alive. So buffers are what is counted, each once however many cached batches
//! hold it, with all the bytes that were allocated for it.

use std::collections::HashMap;

use arrow::array::{Array, ArrayData};
use millrace_flow::Batch;

/// Memory of a batch beside its buffers: the arrays, the list of columns, the entry itself. Measured roughly.
const BATCH_BYTES: usize = 512;
const COLUMN_BYTES: usize = 160;

/// A buffer, by its address, and what was allocated for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldBuffer {
    address: usize,
    bytes: usize,
}

/// The buffers that `batch` keeps alive.
pub(crate) fn buffers_of(batch: &Batch) -> Vec<HeldBuffer> {
    let mut held = Vec::with_capacity(3 * batch.values.num_columns() + 8);
    batch.values.columns().iter().for_each(|column| collect(&column.to_data(), &mut held));
    collect(&batch.times_ms.to_data(), &mut held);
    if let Some(keys) = &batch.keys {
        collect(&keys.to_data(), &mut held);
    }
    if let Some(origin) = &batch.origin {
        collect(&origin.file.to_data(), &mut held);
        collect(&origin.line.to_data(), &mut held);
    }
    if let Some(marks) = &batch.tombstones {
        collect(&marks.to_data(), &mut held);
    }
    held
}

/// Bytes of a batch beside its buffers.
pub(crate) fn overhead_bytes(batch: &Batch) -> usize {
    BATCH_BYTES + COLUMN_BYTES * batch.values.num_columns()
}

fn collect(data: &ArrayData, held: &mut Vec<HeldBuffer>) {
    let buffers = data.buffers().iter().chain(data.nulls().map(|nulls| nulls.buffer()));
    let some = buffers.filter(|buffer| buffer.capacity() > 0);
    held.extend(
        some.map(|buffer| HeldBuffer { address: buffer.data_ptr().as_ptr() as usize, bytes: buffer.capacity() }),
    );
    data.child_data().iter().for_each(|child| collect(child, held));
}

/// All buffers that are held, with how often.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    held: HashMap<usize, (u32, usize)>,
    bytes: usize,
}

impl Charges {
    /// Takes note of buffers that are held from now on; answers by how much the total grew.
    pub(crate) fn hold(&mut self, buffers: &[HeldBuffer], overhead_bytes: usize) -> usize {
        let before = self.bytes;
        self.bytes += overhead_bytes;
        for buffer in buffers {
            let (times, _) = self.held.entry(buffer.address).and_modify(|(n, _)| *n += 1).or_insert((1, buffer.bytes));
            if *times == 1 {
                self.bytes += buffer.bytes;
            }
        }
        self.bytes - before
    }

    /// Takes note that these are not held any more.
    pub(crate) fn release(&mut self, buffers: &[HeldBuffer], overhead_bytes: usize) {
        self.bytes -= overhead_bytes;
        for buffer in buffers {
            let (times, bytes) = self.held.get_mut(&buffer.address).expect("what is released was held");
            *times -= 1;
            if *times == 0 {
                self.bytes -= *bytes;
                self.held.remove(&buffer.address);
            }
        }
    }

    /// Bytes of all that is held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
