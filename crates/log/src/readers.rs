//! Registered readers: how far each has come, which holds back sources and retention.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_flow::{Offset, PartitionId, ReaderPosition};

use crate::shared::Shared;
use crate::topic::Topic;

/// The readers of one topic.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    all: Mutex<Vec<Arc<Progress>>>,
}

#[derive(Debug)]
struct Progress {
    name: Arc<str>,
    /// Next offset to be used.
    next: Vec<AtomicI64>,
    /// Next offset to be read, at least `next`.
    taken: Vec<AtomicI64>,
}

impl Readers {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Progress>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Next offset of the slowest reader of a partition; `None` when nobody is registered.
    pub(crate) fn slowest(&self, partition: usize) -> Option<i64> {
        self.all().iter().map(|reader| reader.next[partition].load(Ordering::Relaxed)).min()
    }

    /// Next offset to be read by the slowest reader of a partition.
    pub(crate) fn slowest_taken(&self, partition: usize) -> Option<i64> {
        self.all().iter().map(|reader| reader.taken[partition].load(Ordering::Relaxed)).min()
    }

    /// Names, and next offsets by partition: of readers with the same name, those of the slowest.
    pub(crate) fn positions(&self) -> Vec<(Arc<str>, Vec<i64>)> {
        let mut positions: Vec<(Arc<str>, Vec<i64>)> = Vec::new();
        for reader in self.all().iter() {
            let next = reader.next.iter().map(|next| next.load(Ordering::Relaxed));
            match positions.iter_mut().find(|(name, _)| *name == reader.name) {
                Some((_, slowest)) => {
                    slowest.iter_mut().zip(next).for_each(|(slowest, next)| *slowest = next.min(*slowest))
                }
                None => positions.push((reader.name.clone(), next.collect())),
            }
        }
        positions
    }
}

/// One registration.
pub(crate) struct TrackedReader {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    progress: Arc<Progress>,
}

impl TrackedReader {
    /// Registers a reader that has used nothing yet.
    pub(crate) fn register(shared: Arc<Shared>, topic: Arc<Topic>, name: &str) -> Self {
        let starts = || topic.partitions.iter().map(|partition| AtomicI64::new(partition.start())).collect();
        let progress = Arc::new(Progress { name: Arc::from(name), next: starts(), taken: starts() });
        topic.readers.all().push(progress.clone());
        Self { shared, topic, progress }
    }
}

impl ReaderPosition for TrackedReader {
    fn advance(&self, partition: PartitionId, next: Offset) {
        let moved = self.progress.next[partition.index()].swap(next.0, Ordering::Relaxed) != next.0;
        let read = self.progress.taken[partition.index()].fetch_max(next.0, Ordering::Relaxed) < next.0;
        if moved || read {
            self.shared.signal.notify();
        }
    }

    fn take(&self, partition: PartitionId, next: Offset) {
        if self.progress.taken[partition.index()].fetch_max(next.0, Ordering::Relaxed) < next.0 {
            self.shared.signal.notify();
        }
    }
}

impl Drop for TrackedReader {
    fn drop(&mut self) {
        self.topic.readers.all().retain(|reader| !Arc::ptr_eq(reader, &self.progress));
        self.shared.signal.notify();
    }
}
