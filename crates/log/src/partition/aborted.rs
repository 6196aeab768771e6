//! How far committed records of a partition go, and what among them was aborted.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::{Partition, State};
use crate::segment::{Aborted, AbortedList};
use crate::{Disk, LogError};

impl State {
    /// The lists of aborted transactions of all segments with their bases and ends, in order.
    fn lists(&self) -> impl Iterator<Item = (i64, Option<i64>, &AbortedList)> {
        let closed = self.closed.iter().map(|segment| (segment.base(), segment.end(), &segment.aborted));
        closed.chain(self.active.iter().map(|active| (active.base(), None, &active.aborted)))
    }

    fn lists_mut(&mut self) -> impl DoubleEndedIterator<Item = (i64, Option<i64>, &mut AbortedList)> {
        let closed = self.closed.iter_mut().map(|segment| (segment.base(), segment.end(), &mut segment.aborted));
        closed.chain(self.active.iter_mut().map(|active| (active.base(), None, &mut active.aborted)))
    }
}

impl Partition {
    /// Offset after the last record that readers of committed records may see: none of a transaction that goes on is before
    /// it. Nobody else's concern where nothing is transactional: it is the end then.
    pub(crate) fn stable(&self) -> i64 {
        // The end first: whoever moves it has said before what is not stable.
        let committed = self.committed();
        committed.min(self.unstable.load(Ordering::Acquire)).max(self.start())
    }

    /// Whether there may be records that are not stable.
    pub(crate) fn has_unstable(&self) -> bool {
        self.unstable.load(Ordering::Acquire) != i64::MAX
    }

    /// Says where the first record is that is not stable, if there is one.
    pub(crate) fn set_unstable(&self, first: Option<i64>) {
        self.unstable.store(first.unwrap_or(i64::MAX), Ordering::Release);
    }

    /// Offset at which the first segment begins, whether or not its front was taken away.
    pub(crate) fn first_base(&self) -> i64 {
        self.state().lists().next().map_or(0, |(base, ..)| base)
    }

    /// Takes note of an aborted transaction, whose marker comes after all known.
    pub(crate) fn note_aborted(&self, aborted: Aborted) -> Result<(), LogError> {
        let mut state = self.state();
        let found = state.lists_mut().rfind(|(base, ..)| *base <= aborted.marker);
        found.map_or(Ok(()), |(base, _, list)| list.push(&self.dir, base, aborted))
    }

    /// Aborted transactions with records between `from` and `to`, by their markers; records elsewhere may be among theirs.
    ///
    /// A transaction is known where its marker is, which may be far behind its records: hence the search goes forward, until
    /// an entry says that nothing that comes later can reach back before `to`.
    pub(crate) fn aborted_between(&self, from: i64, to: i64) -> Result<Vec<Aborted>, LogError> {
        let state = self.state();
        let mut found = Vec::new();
        for (base, end, list) in state.lists() {
            if list.is_empty() || end.is_some_and(|end| end <= from) {
                continue;
            }
            for aborted in list.entries(&self.dir, base)? {
                if aborted.marker >= from && aborted.first < to {
                    found.push(aborted);
                }
                if aborted.stable >= to {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// All aborted transactions, in the order of their markers.
    pub(super) fn all_aborted(&self) -> Result<Vec<Aborted>, LogError> {
        let state = self.state();
        let entries = state.lists().map(|(base, _, list)| list.entries(&self.dir, base));
        Ok(entries.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Reads what is known of aborted transactions whose markers are before `before`; what is behind is forgotten. Of some
    /// segments, by their bases, it is known how many there must be.
    pub(crate) fn load_aborted(&self, before: i64, counts: &BTreeMap<i64, usize>) -> Result<(), LogError> {
        self.state().lists_mut().try_for_each(|(base, end, list)| {
            *list = AbortedList::load(&self.dir, base, end, before, counts.get(&base).copied().unwrap_or(0))?;
            if end.is_none() || self.is_read_only {
                // Whoever appends a marker must not have to read first, and the owner may take the file away.
                *list = AbortedList::AtHand(list.entries(&self.dir, base)?);
            }
            Ok(())
        })
    }

    /// Brings what is known of aborted transactions to the disk; answers how many there are, by the bases of the segments
    /// that have any.
    pub(crate) fn save_aborted(&self, disk: &dyn Disk) -> Result<BTreeMap<i64, usize>, LogError> {
        let mut counts = BTreeMap::new();
        for (base, _, list) in self.state().lists_mut() {
            list.save(disk, &self.dir, base)?;
            if !list.is_empty() {
                counts.insert(base, list.len());
            }
        }
        Ok(counts)
    }
}
