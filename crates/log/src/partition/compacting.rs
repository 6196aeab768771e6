//! What compaction needs of a partition: facts about its closed segments, and putting a new one in the place of some.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::Partition;
use crate::checkpoint::PartitionPoint;
use crate::retention::newest_ms;
use crate::segment::{AbortedList, ClosedSegment, Found, Index, Replacement};
use crate::{Disk, LogError, document};

/// How far compaction has come.
#[derive(Debug)]
pub(crate) struct Compacted {
    /// Before this offset records may be missing.
    sparse: AtomicI64,
    /// All before this offset has been gone over.
    clean: AtomicI64,
    /// When the first of the tombstones that were gone over may go; never, if nobody has looked.
    horizon_ms: AtomicI64,
    /// It came upon damage: nothing is compacted any more.
    gave_up: AtomicBool,
}

impl Compacted {
    /// As the checkpoint has it.
    pub(super) fn new(point: PartitionPoint) -> Self {
        Self {
            sparse: AtomicI64::new(point.sparse),
            clean: AtomicI64::new(point.clean),
            horizon_ms: AtomicI64::new(i64::MAX),
            gave_up: AtomicBool::new(false),
        }
    }
}

/// A closed segment as it lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedFacts {
    pub(crate) base: i64,
    pub(crate) end: i64,
    pub(crate) bytes: u64,
    /// Time of its newest record.
    pub(crate) newest_ms: i64,
    pub(crate) path: PathBuf,
}

impl Partition {
    /// What the checkpoint keeps of it.
    pub(crate) fn point(&self) -> PartitionPoint {
        let (start, recovery) = (self.start(), self.recovery());
        PartitionPoint { start, recovery, sparse: self.sparse(), clean: self.clean() }
    }

    /// Before this offset records may be missing.
    pub(crate) fn sparse(&self) -> i64 {
        self.compacted.sparse.load(Ordering::Acquire)
    }

    /// Says that records before `offset` may be missing from now on.
    pub(crate) fn set_sparse(&self, offset: i64) {
        self.compacted.sparse.fetch_max(offset, Ordering::AcqRel);
    }

    /// All before this offset has been gone over.
    pub(crate) fn clean(&self) -> i64 {
        self.compacted.clean.load(Ordering::Acquire)
    }

    /// Says that all before `offset` has been gone over, and when the first tombstone in it may go.
    pub(crate) fn set_clean(&self, offset: i64, horizon_ms: i64) {
        self.compacted.horizon_ms.store(horizon_ms, Ordering::Release);
        self.compacted.clean.fetch_max(offset, Ordering::AcqRel);
    }

    /// When the first of the tombstones that were gone over may go.
    pub(crate) fn tombstone_horizon_ms(&self) -> i64 {
        self.compacted.horizon_ms.load(Ordering::Acquire)
    }

    /// Whether it can be compacted.
    pub(crate) fn is_compactable(&self) -> bool {
        self.offline.is_none() && !self.compacted.gave_up.load(Ordering::Acquire)
    }

    /// Compacts it no more.
    pub(crate) fn give_up_compaction(&self) {
        self.compacted.gave_up.store(true, Ordering::Release);
    }

    /// Lets nobody put anything in its folder any more: it is of a topic that goes.
    pub(crate) fn abandon(&self) {
        self.give_up_compaction();
        self.state().closed.clear();
    }

    /// The closed segments that end at or before `bound`, oldest first.
    pub(crate) fn closed_facts(&self, bound: i64) -> Result<Vec<ClosedFacts>, LogError> {
        let state = self.state();
        let mut facts = Vec::with_capacity(state.closed.len());
        for segment in &state.closed {
            let Some(end) = segment.end().filter(|end| *end <= bound) else { break };
            let (base, bytes, path) = (segment.base(), segment.bytes(), segment.path());
            facts.push(ClosedFacts { base, end, bytes, newest_ms: newest_ms(&path, segment.index()?), path });
        }
        Ok(facts)
    }

    /// Whether these closed segments still lie there as they are.
    pub(crate) fn holds(&self, segments: &[ClosedFacts]) -> bool {
        self.position_of(segments).is_some()
    }

    /// Puts the new segment of `bytes` that `index` describes, and which is ready, in the place of the segments `replaced`,
    /// which it holds. Nobody may retire segments while this runs.
    pub(crate) fn replace(
        &self,
        disk: &dyn Disk,
        replaced: &[ClosedFacts],
        (bytes, index): (u64, Index),
    ) -> Result<(), LogError> {
        let (Some(first), Some(last)) = (replaced.first(), replaced.last()) else { return Ok(()) };
        let replacement = Replacement { base: first.base, end: last.end };
        let found = Found { base: first.base, bytes, swap_end: Some(last.end) };
        let mut new = ClosedSegment::new(&self.dir, found, Some(last.end)).with_index(index);
        new.aborted = self.aborted_in(replaced)?;
        self.put_in(replaced, new);
        let bases: Vec<i64> = replaced.iter().map(|segment| segment.base).collect();
        replacement.remove_replaced(disk, &self.dir, &bases)?;
        {
            let mut state = self.state();
            replacement.rename(disk, &self.dir)?;
            let new = state.closed.iter_mut().find(|segment| segment.base() == first.base);
            let new = new.expect("it was put there, and nobody retires segments");
            new.set_renamed();
            if let Err(error) = new.save_index(disk) {
                tracing::warn!(%error, "index not written");
            }
        }
        document::sync_dir(disk, &self.dir)
    }

    /// Where in the list of closed segments these are, one after the other.
    fn position_of(&self, wanted: &[ClosedFacts]) -> Option<usize> {
        let state = self.state();
        let first =
            state.closed.iter().position(|segment| wanted.first().is_some_and(|first| first.base == segment.base()))?;
        let listed = state.closed.get(first..first + wanted.len())?;
        let same = |(segment, facts): (&ClosedSegment, &ClosedFacts)| {
            (segment.base(), segment.end(), segment.bytes()) == (facts.base, Some(facts.end), facts.bytes)
        };
        listed.iter().zip(wanted).all(same).then_some(first)
    }

    /// The aborted transactions whose markers are in these segments.
    fn aborted_in(&self, replaced: &[ClosedFacts]) -> Result<AbortedList, LogError> {
        let first = self.position_of(replaced).expect("they are there, and nobody retires segments");
        let state = self.state();
        let mut all = Vec::new();
        for segment in &state.closed[first..first + replaced.len()] {
            all.extend(segment.aborted.entries(&self.dir, segment.base())?);
        }
        Ok(if all.is_empty() { AbortedList::default() } else { AbortedList::AtHand(all) })
    }

    fn put_in(&self, replaced: &[ClosedFacts], new: ClosedSegment) {
        let first = self.position_of(replaced).expect("they were there, and nobody retires segments");
        let mut state = self.state();
        state.closed.splice(first..first + replaced.len(), [new]);
        self.bytes.store(state.bytes(), Ordering::Relaxed);
    }
}
