//! The newest records of all partitions as columns, so that a reader at the head decodes nothing.
//!
//! One budget for the whole log. What is oldest goes first, over all partitions, so that what is cached of a partition is
//! always its newest end, without holes. Records come in when they are appended, before they are committed: whoever reads
//! says up to where.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_flow::{Batch, Fetched, Offset};

use crate::cache_charge::{Charges, HeldBuffer, buffers_of, overhead_bytes};

/// Number of a partition in the cache.
pub(crate) type Slot = usize;

/// The cache.
#[derive(Debug)]
pub(crate) struct TailCache {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Tail>,
    /// All entries, oldest first. Some may be gone from their slots already.
    order: VecDeque<(Slot, u64)>,
    charges: Charges,
    next_number: u64,
}

/// What is cached of one partition.
#[derive(Debug, Default)]
struct Tail {
    entries: VecDeque<Entry>,
    /// Bytes of all that was ever inserted, and how many records that was.
    bytes: u64,
    records: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    base: i64,
    end: i64,
    batch: Arc<Batch>,
    buffers: Box<[HeldBuffer]>,
    /// [`Tail::bytes`] when this was inserted.
    bytes_before: u64,
}

impl State {
    fn release(&mut self, entry: &Entry) {
        self.charges.release(&entry.buffers, overhead_bytes(&entry.batch));
    }

    /// Takes the oldest entries out until the rest fits; the caller drops them after the lock.
    fn evict(&mut self, bytes_max: usize) -> Vec<Entry> {
        let mut evicted = Vec::new();
        while self.charges.bytes() > bytes_max {
            let (slot, number) = self.order.pop_front().expect("bytes are held by entries, and each has its place");
            if self.slots[slot].entries.front().is_some_and(|entry| entry.number == number) {
                let entry = self.slots[slot].entries.pop_front().expect("it was just looked at");
                self.release(&entry);
                evicted.push(entry);
            }
        }
        evicted
    }
}

impl TailCache {
    /// An empty cache of at most `bytes_max`.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more partition.
    pub(crate) fn add_partition(&self) -> Slot {
        let mut state = self.state();
        state.slots.push(Tail::default());
        state.slots.len() - 1
    }

    /// Caches the records just appended at `base`.
    pub(crate) fn insert(&self, slot: Slot, base: i64, batch: Batch) {
        let end = Offset(base).advance(batch.num_rows()).0;
        let buffers = buffers_of(&batch).into_boxed_slice();
        let overhead = overhead_bytes(&batch);
        let evicted = {
            let mut state = self.state();
            let number = state.next_number;
            state.next_number += 1;
            let grown = state.charges.hold(&buffers, overhead);
            let tail = &mut state.slots[slot];
            let entry = Entry { number, base, end, batch: Arc::new(batch), buffers, bytes_before: tail.bytes };
            tail.bytes += grown as u64;
            tail.records += (end - base).unsigned_abs();
            tail.entries.push_back(entry);
            state.order.push_back((slot, number));
            state.evict(self.bytes_max)
        };
        drop(evicted);
    }

    /// Forgets what begins at `from` or later: it was taken back.
    pub(crate) fn truncate(&self, slot: Slot, from: i64) {
        let dropped = {
            let mut state = self.state();
            let tail = &mut state.slots[slot];
            let keep = tail.entries.partition_point(|entry| entry.base < from);
            let dropped = tail.entries.split_off(keep);
            tail.bytes = dropped.front().map_or(tail.bytes, |first| first.bytes_before);
            tail.records -= dropped.iter().map(|entry| (entry.end - entry.base).unsigned_abs()).sum::<u64>();
            dropped.iter().for_each(|entry| state.release(entry));
            dropped
        };
        drop(dropped);
    }

    /// Records from `from` on and before `end`, at least one batch and more up to about `bytes_max`; `None` when the
    /// record at `from` is not cached.
    pub(crate) fn read(&self, slot: Slot, from: i64, end: i64, bytes_max: usize) -> Option<Vec<Fetched>> {
        let shared = self.pick(slot, from, end, bytes_max)?;
        let fetched = shared.into_iter().map(|(base, batch)| {
            let skip = usize::try_from((from - base).max(0)).expect("an offset within a batch");
            let rows = usize::try_from(end - base).unwrap_or(0).min(batch.num_rows());
            let whole = skip == 0 && rows == batch.num_rows();
            let batch = if whole { Batch::clone(&batch) } else { batch.slice(skip, rows - skip) };
            Fetched { base: Offset(base).advance(skip), batch }
        });
        Some(fetched.collect())
    }

    fn pick(&self, slot: Slot, from: i64, end: i64, bytes_max: usize) -> Option<Vec<(i64, Arc<Batch>)>> {
        let state = self.state();
        let tail = &state.slots[slot];
        let first = tail.entries.partition_point(|entry| entry.end <= from);
        let start = tail.entries.get(first).filter(|entry| entry.base <= from)?.bytes_before;
        let fits =
            |entry: &&Entry| entry.base < end && (entry.base <= from || entry.bytes_before - start < bytes_max as u64);
        let picked = tail.entries.range(first..).take_while(fits);
        Some(picked.map(|entry| (entry.base, entry.batch.clone())).collect())
    }

    /// Memory that the records from `from` to `end` take, or would take if they were all cached. Records that were never
    /// cached are reckoned at `record_bytes` each.
    pub(crate) fn bytes_between(&self, slot: Slot, from: i64, end: i64, record_bytes: u64) -> u64 {
        if from >= end {
            return 0;
        }
        let state = self.state();
        let tail = &state.slots[slot];
        let average = tail.bytes.checked_div(tail.records).unwrap_or(record_bytes);
        let before = |offset: i64| {
            let at = tail.entries.partition_point(|entry| entry.end <= offset);
            tail.entries.get(at).map_or(tail.bytes, |entry| entry.bytes_before)
        };
        let cached_from = tail.entries.front().map_or(end, |entry| entry.base).clamp(from, end);
        let uncached = (cached_from - from).unsigned_abs().saturating_mul(average);
        uncached + before(end).saturating_sub(before(cached_from))
    }

    /// Lets everything go: who reads it now has to decode it.
    pub(crate) fn clear(&self) {
        let evicted = self.state().evict(0);
        drop(evicted);
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.state().charges.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch, StringArray};

    use super::*;

    fn batch(rows: usize) -> Batch {
        let text: StringArray = (0..rows).map(|n| Some(format!("row {n}"))).collect();
        let values = RecordBatch::try_from_iter([("text", Arc::new(text) as _)]).expect("one column");
        Batch::new(values, Int64Array::from_iter_values(0..rows as i64))
    }

    fn offsets(fetched: &[Fetched]) -> Vec<(i64, i64)> {
        fetched.iter().map(|fetched| (fetched.base.0, fetched.end().0)).collect()
    }

    #[test]
    fn what_was_let_go_is_cached_no_more_and_what_comes_then_is() {
        let cache = TailCache::new(1 << 20);
        let slot = cache.add_partition();
        cache.insert(slot, 0, batch(10));
        let before = cache.bytes_between(slot, 0, 10, 1);
        cache.clear();
        assert_eq!(cache.bytes(), 0);
        assert!(cache.read(slot, 0, 10, usize::MAX).is_none());
        assert_eq!(cache.bytes_between(slot, 0, 10, 1), before / 10 * 10, "about as much as it was");
        cache.insert(slot, 10, batch(10));
        assert_eq!(offsets(&cache.read(slot, 10, 20, usize::MAX).expect("it is there")), [(10, 20)]);
        assert!(cache.read(slot, 0, 20, usize::MAX).is_none());
    }

    #[test]
    fn reads_are_cut_to_what_was_asked_for() {
        let cache = TailCache::new(1 << 20);
        let slot = cache.add_partition();
        for base in [10, 20, 30] {
            cache.insert(slot, base, batch(10));
        }
        assert!(cache.read(slot, 9, 40, usize::MAX).is_none());
        assert!(cache.read(slot, 40, 50, usize::MAX).is_none());
        let read = |from, end, bytes| offsets(&cache.read(slot, from, end, bytes).expect("it is cached"));
        assert_eq!(read(10, 40, usize::MAX), [(10, 20), (20, 30), (30, 40)]);
        assert_eq!(read(15, 40, 0), [(15, 20)]);
        assert_eq!(read(25, 30, usize::MAX), [(25, 30)]);
    }

    #[test]
    fn the_oldest_goes_first_and_shared_buffers_count_once() {
        let one = batch(1000);
        let cache = TailCache::new(usize::MAX);
        let slot = cache.add_partition();
        cache.insert(slot, 0, one.clone());
        let single = cache.bytes();
        cache.insert(slot, 1000, one.slice(0, 500));
        assert!(cache.bytes() < single + 2_000, "{single} and {}", cache.bytes());

        let cache = TailCache::new(single * 2 + single / 2);
        let (a, b) = (cache.add_partition(), cache.add_partition());
        cache.insert(a, 0, batch(1000));
        cache.insert(b, 0, batch(1000));
        cache.insert(a, 1000, batch(1000));
        assert!(cache.read(a, 0, 2000, 0).is_none() && cache.read(b, 0, 1000, 0).is_some());
        assert!(cache.read(a, 1000, 2000, 0).is_some());
        assert!(cache.bytes() <= single * 2 + single / 2);
    }

    #[test]
    fn what_was_taken_back_is_forgotten() {
        let cache = TailCache::new(1 << 20);
        let slot = cache.add_partition();
        cache.insert(slot, 0, batch(10));
        let bytes = cache.bytes();
        cache.insert(slot, 10, batch(10));
        cache.truncate(slot, 10);
        assert_eq!(cache.bytes(), bytes);
        assert!(cache.read(slot, 10, 20, 0).is_none());
        cache.insert(slot, 10, batch(5));
        assert_eq!(offsets(&cache.read(slot, 0, 15, usize::MAX).expect("it is cached")), [(0, 10), (10, 15)]);
    }

    #[test]
    fn a_backlog_is_reckoned_beyond_what_is_cached() {
        let cache = TailCache::new(1 << 20);
        let slot = cache.add_partition();
        assert_eq!(cache.bytes_between(slot, 0, 100, 50), 5_000);
        cache.insert(slot, 100, batch(10));
        let ten = cache.bytes_between(slot, 100, 110, 50);
        assert_eq!(ten, cache.bytes() as u64);
        assert_eq!(cache.bytes_between(slot, 90, 110, 50), ten / 10 * 10 + ten);
        assert_eq!(cache.bytes_between(slot, 110, 110, 50), 0);
    }
}
